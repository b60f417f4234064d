/* SPDX-License-Identifier: MIT */
/* Transfers and closes. */
#include <stddef.h>

#include "reasons.h"
#include "report.h"
#include "schedule.h"
#include "user.h"

/* Room for a send that is too long, and for guards around a read. */
#define USER__BUFFER (IOCP_SEND_MAX + 65536)
#define USER__GUARD 8

static uint8_t user__bytes[USER__BUFFER];

static int32_t user__port(const struct entry* entry) {
  return ledger.ports[entry->port].id;
}

/* The checks that all calls for a stream have in common. Returns true if the
 * call was refused by one. */
static bool user__is_refused(const struct entry* entry, int32_t result) {
  schedule_checks++;
  if (entry->is_closing || entry->is_closed) {
    RULE("a socket that is closing takes no calls", result == -IOCP_EBADF);
    return true;
  }
  /* It may have closed on a timeout that is not reported yet. */
  if (entry->may_expire && result == -IOCP_ETIMEDOUT) return true;
  RULE("the id of an open socket is valid",
       result != -IOCP_EBADF || world_is_strange());
  if (entry->kind == ENTRY_STREAM && !entry->is_failed) return false;
  RULE("a socket that is not connected transfers nothing",
       result == -IOCP_ENOTCONN);
  return true;
}

static bool user__is_death(int32_t result) {
  return ERROR_IS(
      result, IOCP_ECONNRESET, IOCP_EPIPE, IOCP_ETIMEDOUT, IOCP_ENOTCONN);
}

/* The connection has failed because a file has become shorter. */
static bool user__is_cut(const struct entry* entry, int32_t result) {
  return entry->has_cut_file && result == -IOCP_ENODATA;
}

void user_receive(struct entry* entry, uint32_t bytes) {
  ledger.ports[entry->port].is_called = true;
  int32_t result = iocp_receive(user__port(entry), entry->id, bytes);
  TRACE("iocp_receive(%d.%d, %u): %d", entry->port, entry->id, bytes, result);
  reasons_check_call(entry->port, result);
  if (user__is_refused(entry, result)) return;
  if (bytes == 0 || bytes > 1u << 30 || entry->credit > (1u << 30) - bytes)
    RULE("credit has its bounds", result == -IOCP_EINVAL);
  else if (entry->is_ended)
    RULE("after the end there is nothing to receive",
         result == -IOCP_ESHUTDOWN);
  else if (entry->is_read_armed)
    RULE("a socket is received from in one way at a time",
         result == -IOCP_EBUSY);
  else
    RULE("a receive succeeds", result == 0);
  if (result == 0) entry->credit += bytes;
}

static void user__has_read(struct entry* entry,
                           int32_t result,
                           uint32_t offset,
                           uint32_t length) {
  if (result == IOCP_PENDING) {
    entry->is_read_armed = true;
    return;
  }
  if (result > 0) {
    RULE("no more is read than there is room for", (uint32_t)result <= length);
    RULE("nothing is read after the end", !entry->is_ended);
    bytes_received(entry->end, user__bytes + offset, (uint32_t)result);
    ledger.ports[entry->port].bytes_received += (uint32_t)result;
    return;
  }
  if (result < 0) {
    RULE("a read fails with one of the expected errors",
         user__is_death(result) || user__is_cut(entry, result));
    entry->has_error = true;
    if (!user__is_cut(entry, result)) {
      end_receive_failed(entry->end, result);
      end_was_refused(entry->end, result);
    }
  } else if (!entry->end->has_ended) {
    end_ended(entry->end);
  }
  entry->is_ended = true;
}

void user_read(struct entry* entry, uint32_t length) {
  uint32_t offset = USER__GUARD;
  for (uint32_t i = 0; i < USER__GUARD; i++) {
    user__bytes[offset - 1 - i] = 0xa5;
    user__bytes[offset + length + i] = 0xa5;
  }
  int32_t result =
      iocp_read(user__port(entry), entry->id, user__bytes, offset, length);
  TRACE("iocp_read(%d.%d, %u): %d", entry->port, entry->id, length, result);
  reasons_check_call(entry->port, result);
  for (uint32_t i = 0; i < USER__GUARD; i++)
    RULE("a read writes only to its buffer",
         user__bytes[offset - 1 - i] == 0xa5 &&
             user__bytes[offset + length + i] == 0xa5);
  if (user__is_refused(entry, result)) return;
  if (length == 0)
    RULE("a read needs room", result == -IOCP_EINVAL);
  else if (entry->credit != 0 || entry->is_read_armed)
    RULE("a socket is received from in one way at a time",
         result == -IOCP_EBUSY);
  else
    user__has_read(entry, result, offset, length);
}

/* The errors of a send. */
static void user__send_failed(struct entry* entry,
                              int32_t result,
                              uint32_t length) {
  if (entry->is_shut && !entry->has_error && result == -IOCP_EPIPE) return;
  if (result == -IOCP_EBUSY) {
    RULE("a send is refused only while others are pending",
         world_is_strange() || entry->send_count >= entry->concurrency);
    return;
  }
  if (result == -IOCP_ENOMEM || result == -IOCP_ENOBUFS) {
    RULE("there is memory to send", error_is_fault(result));
    if (length != 0) entry->end->has_short = true;
    /* Out of the process's memory, the connection continues. Out of the
     * kernel's, it fails. */
    if (result == -IOCP_ENOBUFS) entry->has_error = true;
    return;
  }
  bool is_cut = user__is_cut(entry, result);
  if (is_cut) entry->end->resets_from_ms = 0;
  if (!is_cut && !user__is_death(result))
    report_violation("a send fails with one of the expected errors",
                     "%d of socket %d",
                     result,
                     entry->id);
  entry->has_error = true;
  entry->end->is_cut = true;
  if (!is_cut) end_was_refused(entry->end, result);
}

/* Sometimes as a broadcast to one socket, which must do the same. */
static int32_t user__send_somehow(struct entry* entry,
                                  uint32_t offset,
                                  uint32_t length) {
  int32_t port = user__port(entry);
  int32_t result = 0;
  /* A send of no bytes needs no memory. */
  if ((length & 7) != 3)
    return iocp_send(
        port, entry->id, length == 0 ? NULL : user__bytes, offset, length);
  int32_t others =
      iocp_broadcast(port, &entry->id, &result, 1, user__bytes, offset, length);
  if (others < 0) return others;
  RULE("a broadcast counts the sockets that did not accept all",
       others == (result != (int32_t)length));
  return result;
}

void user_send(struct entry* entry, uint32_t length) {
  uint32_t offset = 4;
  struct end* end = entry->end;
  /* Bytes sent after a FIN are lost. The library cannot know of one that was
   * sent before the adoption. */
  if (entry->was_shut) return;
  if (length > USER__BUFFER - offset) length = USER__BUFFER - offset;
  /* Without a draw. */
  if (end != NULL && length % 8 == 5) {
    user_send_file(entry, length);
    return;
  }
  if (end != NULL) bytes_fill(end, end->sent, user__bytes + offset, length);
  int32_t result = user__send_somehow(entry, offset, length);
  TRACE("iocp_send(%d.%d, %u): %s%d",
        entry->port,
        entry->id,
        length,
        result > 0 && (result & IOCP_PENDING) != 0 ? "pending " : "",
        result > 0 ? result & ~IOCP_PENDING : result);
  reasons_check_call(entry->port, result);
  user_has_sent(entry, result, length, false);
}

void user_has_sent(struct entry* entry,
                   int32_t result,
                   uint32_t length,
                   bool must_fail) {
  struct end* end = entry->end;
  ledger.ports[entry->port].is_called = true;
  if (user__is_refused(entry, result)) return;
  if (result < 0) {
    user__send_failed(entry, result, length);
    return;
  }
  bool is_pending = (result & IOCP_PENDING) != 0;
  uint32_t accepted = (uint32_t)result & ~(uint32_t)IOCP_PENDING;
  RULE("no more is accepted than was offered",
       accepted <= length && accepted <= IOCP_SEND_MAX);
  RULE("a send after a shutdown is refused", !entry->is_shut);
  RULE("no more sends are pending than is allowed",
       entry->send_count < entry->concurrency);
  if (is_pending) {
    RULE("a pending send has accepted some bytes", accepted != 0);
    entry->sends[(entry->send_first + entry->send_count++) %
                 IOCP_CONCURRENCY_MAX] =
        accepted | (must_fail ? LEDGER_MUST_FAIL : 0);
  } else {
    RULE("a file that has become shorter is not sent as a whole", !must_fail);
  }
  /* Behind a FIN that was sent before the adoption, nothing arrives. */
  if (!entry->was_shut) end->sent += accepted;
  ledger.ports[entry->port].bytes_sent += accepted;
  if (length != 0) end->has_short = accepted < length;
}

void user_ask_progress(struct entry* entry) {
  int32_t result = iocp_progress(user__port(entry), entry->id);
  TRACE("iocp_progress(%d.%d): %d", entry->port, entry->id, result);
  reasons_check_call(entry->port, result);
  if (user__is_refused(entry, result)) return;
  RULE("progress is 0 or 1", result == 0 || result == 1);
}

void user_shutdown(struct entry* entry) {
  ledger.ports[entry->port].is_called = true;
  int32_t result = iocp_shutdown(user__port(entry), entry->id);
  TRACE("iocp_shutdown(%d.%d): %d", entry->port, entry->id, result);
  reasons_check_call(entry->port, result);
  if (user__is_refused(entry, result)) return;
  if (entry->local == IOCP_PIPE) {
    RULE("a pipe has no half-close", result == -IOCP_ENOTSUP);
    return;
  }
  if (entry->is_shut) {
    RULE("a second shutdown is refused", result == -IOCP_EPIPE);
    return;
  }
  RULE("a shutdown succeeds", result == 0);
  entry->is_shut = true;
  entry->is_shut_open = true;
  entry->end->has_fin = true;
}

/* ---- closing */

static bool user__detach_refused(struct entry* entry, int32_t result) {
  if (entry->is_closing) {
    RULE("a socket that is closing is not detached", result == -IOCP_EBADF);
    return true;
  }
  if (entry->may_expire && result == -IOCP_ETIMEDOUT) return true;
  if (entry->kind != ENTRY_STREAM || entry->is_failed) {
    RULE("only a connection is detached", result == -IOCP_ENOTCONN);
    return true;
  }
  if (result == 0) return false;
  if (user__is_cut(entry, result)) return true;
  RULE("an open connection is detached", user__is_death(result));
  bool is_over = entry->is_shut && entry->is_ended;
  if (is_over || entry->has_error) return true;
  entry->has_error = true;
  end_was_refused(entry->end, result);
  return true;
}

/* The results that the other end may have from now on. The library may have
 * read the clock as early as at `began_ms`. */
static void user__ends(struct entry* entry,
                       uint32_t mode,
                       uint32_t timeout_ms,
                       uint64_t began_ms) {
  struct end* end = entry->end;
  uint32_t linger_ms =
      timeout_ms < IOCP_LINGER_MS ? timeout_ms : IOCP_LINGER_MS;
  uint64_t resets_from_ms = 0;
  if (mode == IOCP_GRACEFUL) {
    end->has_fin = true;
    resets_from_ms = began_ms + linger_ms;
  }
  if (mode == IOCP_DETACH) resets_from_ms = began_ms + timeout_ms;
  if (entry->kind == ENTRY_CONNECTING) {
    end->has_fin = true;
    resets_from_ms = 0;
  }
  /* Its send may have failed already, without a report so far. */
  if (entry->has_cut_file) resets_from_ms = 0;
  if (resets_from_ms < end->resets_from_ms)
    end->resets_from_ms = resets_from_ms;
}

void user_close(struct entry* entry, uint32_t mode, uint32_t timeout_ms) {
  static const char* const modes[] = {"gracefully", "reset", "detach"};
  ledger.ports[entry->port].is_called = true;
  user_share_ask(entry);
  uint64_t began_ms = world_now_ms();
  int32_t result = iocp_close(user__port(entry), entry->id, mode, timeout_ms);
  TRACE("iocp_close(%d.%d, %s, %u ms): %d",
        entry->port,
        entry->id,
        modes[mode],
        timeout_ms,
        result);
  reasons_check_call(entry->port, result);
  if (entry->is_closed) {
    RULE("an id is invalid once closed was reported", result == -IOCP_EBADF);
    return;
  }
  if (mode == IOCP_DETACH && user__detach_refused(entry, result)) return;
  RULE("a close succeeds", result == 0);
  if (entry->end != NULL && (!entry->is_closing || mode == IOCP_RESET))
    user__ends(entry, mode, timeout_ms, began_ms);
  if (!entry->is_closing) {
    if (entry->kind == ENTRY_LISTENER) user_lose_listener(entry);
    entry->is_detaching = mode == IOCP_DETACH;
    entry->since_ms = world_now_ms();
    entry->close_timeout_ms = timeout_ms;
  }
  if (mode == IOCP_RESET) entry->was_reset = true;
  entry->is_closing = true;
}
