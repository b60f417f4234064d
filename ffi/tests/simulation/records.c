/* SPDX-License-Identifier: MIT */
/* Checks of single records. */
#include <string.h>

#include "gauges.h"
#include "guests.h"
#include "ledger.h"
#include "datagrams.h"
#include "reasons.h"
#include "report.h"
#include "schedule.h"
#include "tape.h"
#include "user.h"

static const char* const records__kinds[] = {"?",
                                             "accepted",
                                             "connected",
                                             "received",
                                             "readable",
                                             "sent",
                                             "shut",
                                             "closed",
                                             "datagrams"};

/* The results of a connection that has ended without a FIN. */
static bool records__is_death(int32_t result) {
  return ERROR_IS(
      result, IOCP_ECONNRESET, IOCP_EPIPE, IOCP_ETIMEDOUT, IOCP_ENOTCONN);
}

/* The results of operations whose socket is closed. */
static bool records__is_cancel(const struct entry* entry, int32_t result) {
  if (result == -IOCP_ECANCELED) return entry->is_closing;
  if (result == -IOCP_ETIMEDOUT) return entry->is_closing || entry->may_expire;
  return false;
}

/* An operation of a stream has failed. */
static void records__failed(struct entry* entry, int32_t result) {
  if (records__is_cancel(entry, result)) return;
  if (entry->has_cut_file && result == -IOCP_ENODATA) {
    entry->has_error = true;
    entry->end->resets_from_ms = 0;
    return;
  }
  if (!records__is_death(result))
    report_violation("a stream fails with one of the expected errors",
                     "%d of socket %d",
                     result,
                     entry->id);
  entry->has_error = true;
  end_was_refused(entry->end, result);
}

/* ---- connections */

/* The options that connections inherit from a listener. */
static void records__inherited(const struct entry* listener,
                               const struct entry* entry) {
  int32_t port = ledger.ports[entry->port].id;
  for (uint32_t option = IOCP_RECEIVE_BUFFER; option <= IOCP_SEND_CONCURRENCY;
       option++) {
    int32_t value = iocp_get_option(port, listener->id, option);
    RULE("a connection has the options of its listener",
         iocp_get_option(port, entry->id, option) == value);
  }
  RULE("a connection is in the group of its listener",
       entry->group == listener->group);
}

static void records__new(struct entry* listener, int32_t id) {
  struct ledger_port* port = &ledger.ports[listener->port];
  struct iocp_address peer;
  struct entry* entry = ledger_entry(listener->port, id, ENTRY_STREAM);
  struct end* end =
      listener->local == 0
          ? ledger_end(true, true)
          : ledger_local_end(true, true, listener->local, listener->path);
  RULE("the simulation has room for ends", end != NULL);
  entry->local = listener->local;
  entry->path = listener->path;
  port->accepted++;
  entry->end = end;
  entry->concurrency =
      (uint32_t)iocp_get_option(port->id, id, IOCP_SEND_CONCURRENCY);
  entry->group = (uint32_t)iocp_get_option(port->id, id, IOCP_GROUP);
  entry->may_expire = listener->had_first_byte_ms;
  if (entry->may_expire) end->resets_from_ms = 0;
  /* A part may end with this poll. */
  bool may_end = listener->is_part && listener->share->is_over;
  if (!listener->has_deferred && !may_end) records__inherited(listener, entry);
  if (entry->local != 0) {
    user_accepted_path(entry);
    return;
  }
  memset(&peer, 0xa5, sizeof peer);
  int32_t result = iocp_get_address(
      port->id, id, IOCP_PEER, &peer, sizeof(struct iocp_address));
  RULE("a connection that was accepted has a peer",
       result == (int32_t)sizeof(struct iocp_address));
  struct iocp_address own = listener->address;
  /* A share may have several listeners, of several interfaces. */
  if (listener->is_part)
    RULE("a connection that was handed out has an address",
         iocp_get_address(port->id, id, IOCP_LOCAL, &own, sizeof own) ==
             (int32_t)sizeof own);
  RULE("an address has the family of its socket", peer.family == own.family);
  RULE("an address has the interface of the connection",
       own.scope == 0 || peer.bytes[0] != 0xfe || peer.scope == own.scope);
  ledger_set_addresses(end, &peer, own.port);
}

static void records__accepted(struct entry* entry, int32_t result) {
  RULE("only a listener accepts", entry->kind == ENTRY_LISTENER);
  if (result < 0) {
    if (!ERROR_IS(result,
                  IOCP_EMFILE,
                  IOCP_ENFILE,
                  IOCP_ENOBUFS,
                  IOCP_ENOMEM,
                  IOCP_ECONNRESET))
      report_violation("accepting fails with one of the expected errors",
                       "%d of listener %d",
                       result,
                       entry->id);
    /* What is handed out is not reported. */
    RULE("a listener reports a failure once until it has accepted again",
         !entry->has_failed || entry->has_deferred || user_hands_out(entry));
    entry->has_failed = true;
    ledger.ports[entry->port].has_failures = true;
    return;
  }
  RULE("a closed listener accepts nothing", !entry->is_closing);
  RULE("a listener that hands out its connections reports none",
       !user_hands_out(entry));
  if (entry->is_part) entry->share->delivered++;
  entry->has_failed = false;
  if (entry->target == 0 && !entry->has_deferred) {
    RULE("a stopped listener accepts no more than was requested before",
         entry->late > 0);
    entry->late--;
  }
  records__new(entry, result);
}

static void records__connected(struct entry* entry, int32_t result) {
  RULE("a connection is reported once", entry->kind == ENTRY_CONNECTING);
  entry->kind = ENTRY_STREAM;
  if (result < 0) {
    entry->is_failed = true;
    if (records__is_cancel(entry, result)) return;
    if (entry->local != 0) {
      user_connect_path_failed(entry, result);
      return;
    }
    if (!ERROR_IS(result,
                  IOCP_ECONNREFUSED,
                  IOCP_ECONNRESET,
                  IOCP_ETIMEDOUT,
                  IOCP_EADDRNOTAVAIL,
                  IOCP_EADDRINUSE,
                  IOCP_ENETUNREACH,
                  IOCP_EHOSTUNREACH))
      report_violation("a connect fails with one of the expected errors",
                       "%d of socket %d",
                       result,
                       entry->id);
    reasons_check_connect(entry, result);
    return;
  }
  RULE("a connect reports success as 0", result == 0);
  /* A listener of ours may have replaced a socket file that was left over. */
  RULE("a connect without a listener does not succeed",
       !entry->is_to_guest || entry->manner == PEER_ACCEPTS ||
           (entry->local == IOCP_UNIX && entry->manner == PEER_REFUSES));
  if (entry->local != 0) return;
  struct iocp_address local;
  result = iocp_get_address(ledger.ports[entry->port].id,
                            entry->id,
                            IOCP_LOCAL,
                            &local,
                            sizeof(struct iocp_address));
  /* A socket that is closing has no addresses. */
  if (entry->is_closing) return;
  RULE("a connection has addresses", result == (int32_t)sizeof local);
  ledger_set_addresses(entry->end, &local, entry->end->server_port);
}

/* ---- streams */

static void records__received(struct entry* entry,
                              int32_t result,
                              const uint8_t* bytes) {
  bool hands_over = entry->is_detaching && entry->is_closing;
  RULE("only a stream receives", entry->kind == ENTRY_STREAM);
  if (result > 0 && hands_over) {
    bytes_received(entry->end, bytes, (uint32_t)result);
    return;
  }
  RULE("nothing is received after the last record of a receive",
       !entry->is_ended && (!entry->is_closing || result < 0));
  if (result > 0) {
    RULE("no more is received than was allowed",
         (uint32_t)result <= entry->credit);
    entry->credit -= (uint32_t)result;
    bytes_received(entry->end, bytes, (uint32_t)result);
    return;
  }
  RULE("the end of a receive is reported only if one is pending",
       entry->credit != 0);
  entry->credit = 0;
  entry->is_ended = true;
  if (result >= 0) {
    end_ended(entry->end);
    return;
  }
  if (!records__is_cancel(entry, result))
    end_receive_failed(entry->end, result);
  records__failed(entry, result);
}

static void records__readable(struct entry* entry, int32_t result) {
  RULE("readable is reported once for each read that found nothing",
       entry->is_read_armed);
  entry->is_read_armed = false;
  RULE("readable has no error but that of a close",
       result == 0 || records__is_cancel(entry, result));
}

static void records__sent(struct entry* entry, int32_t result) {
  RULE("sent is reported once for each pending send", entry->send_count != 0);
  uint32_t most = entry->sends[entry->send_first];
  entry->send_first = (entry->send_first + 1) % IOCP_CONCURRENCY_MAX;
  entry->send_count--;
  if (result < 0) {
    /* It was accepted although its stream had been shut down before the
     * adoption. */
    if (result == -IOCP_EPIPE && entry->was_shut) {
      entry->has_error = true;
      return;
    }
    entry->end->is_cut = true;
    if (!records__is_cancel(entry, result)) entry->has_failed_send = true;
    records__failed(entry, result);
    return;
  }
  RULE("no send succeeds behind one that has failed", !entry->has_failed_send);
  RULE("a file that has become shorter is not sent as a whole",
       (most & LEDGER_MUST_FAIL) == 0);
  RULE("sent reports the bytes that were pending",
       result > 0 && (uint32_t)result <= most);
}

static void records__shut(struct entry* entry, int32_t result) {
  RULE("shut is reported once for each shutdown", entry->is_shut_open);
  entry->is_shut_open = false;
  /* Both directions were shut down before. */
  if (result == -IOCP_ENOTCONN && entry->was_shut) return;
  if (result < 0) records__failed(entry, result);
}

static void records__closed(struct entry* entry,
                            int32_t result,
                            int32_t detail) {
  bool has_no_more = entry->is_part && entry->share->is_over && result == 0;
  RULE("closed is reported after a close, or after the first-byte timeout",
       entry->is_closing || entry->may_expire || has_no_more);
  RULE("closed is the last record",
       entry->credit == 0 && !entry->is_read_armed && entry->send_count == 0 &&
           !entry->is_shut_open && entry->kind != ENTRY_CONNECTING);
  entry->is_closed = true;
  if (entry->endpoint != NULL) entry->endpoint->is_open = false;
  RULE("a close does not time out if everything was sent in time",
       !entry->has_drained || result != -IOCP_ETIMEDOUT);
  if (!entry->is_closing && !has_no_more)
    RULE("a socket that closes by itself reports the reason",
         result == -IOCP_ETIMEDOUT);
  if (result < 0 && result != -IOCP_ETIMEDOUT) {
    RULE("closed has one of the expected errors",
         entry->end != NULL &&
             (records__is_death(result) ||
              (entry->has_cut_file && result == -IOCP_ENODATA)));
  }
  RULE("a detach that the system prevents has the number of its error",
       !entry->is_detaching || result != -IOCP_ENOBUFS || detail != 0 ||
           !world_posts_operations());
  RULE("a close without an error has no number of the system",
       result < 0 || entry->is_detaching || detail == 0);
  if (entry->end == NULL) return;
  if (result == 0 && entry->is_closing && !entry->is_detaching &&
      !entry->was_reset && !entry->is_failed && entry->end->has_addresses &&
      /* Bytes of a file are missing, so it was reset. */
      !(entry->has_cut_file && entry->has_error))
    end_closed(entry->end);
  if (!entry->is_detaching || result < 0 || detail == 0) {
    RULE("a detach returns the handle",
         !entry->is_detaching || entry->has_error || result < 0 ||
             entry->end->resets_from_ms == 0);
    entry->end->resets_from_ms = 0;
    entry->end->is_over = true;
    return;
  }
  entry->end->resets_from_ms = LEDGER_NEVER;
  RULE("the simulation has room for handles",
       ledger.loose_count < LEDGER_ENTRIES);
  world_handle_detached((double)(uint32_t)detail);
  ledger.loose[ledger.loose_count++] = (struct loose){
      .handle = (uint32_t)detail, .end = entry->end, .is_detached = true};
}

/* ---- datagrams */

static void records__datagrams(struct entry* entry,
                               const struct iocp_record* record,
                               const uint8_t* slab) {
  RULE("only a datagram socket receives datagrams",
       entry->kind == ENTRY_DATAGRAM);
  RULE("datagrams come only if they were asked for", entry->credit != 0);
  RULE("a record of datagrams has some", record->result != 0);
  if (record->result < 0 && records__is_cancel(entry, record->result)) {
    entry->credit = 0;
    return;
  }
  RULE("a socket that is closing receives no datagrams", !entry->is_closing);
  if (record->result < 0) {
    datagrams_failed(entry->endpoint, record->result);
    return;
  }
  uint32_t used =
      datagrams_measure(slab + record->detail, (uint32_t)record->result);
  datagrams_received(
      entry->endpoint, slab + record->detail, (uint32_t)record->result);
  entry->credit -= used < entry->credit ? used : entry->credit;
}

/* The datagrams of a copy, or the first error of them. */
static void records__sent_datagrams(struct entry* entry, int32_t result) {
  RULE("sent is reported once for each pending send", entry->send_count != 0);
  uint32_t most = entry->sends[entry->send_first];
  bool began_calm = (most & DATAGRAMS_BEFORE_CALM) == 0;
  most &= ~DATAGRAMS_BEFORE_CALM;
  entry->send_first = (entry->send_first + 1) % IOCP_CONCURRENCY_MAX;
  entry->send_count--;
  if (result >= 0) {
    RULE("sent reports the datagrams that were pending",
         (most & DATAGRAMS_AT_MOST) == 0
             ? (uint32_t)result == most
             : result > 0 && (uint32_t)result <= (most & ~DATAGRAMS_AT_MOST));
    return;
  }
  entry->has_error = true;
  if (!records__is_cancel(entry, result))
    datagrams_send_failed(entry->endpoint, result, began_calm);
}

/* After a failed send was reported, no later bytes may follow it. */
static void records__holes(uint32_t port) {
  if (!world_has_broken()) return;
  for (uint32_t i = 0; i < ledger.entry_count; i++) {
    const struct entry* entry = &ledger.entries[i];
    if (entry->port != port || !entry->has_failed_send || entry->end == NULL)
      continue;
    const struct guest* guest = guests_of(entry);
    RULE("a stream with a gap is reset before the failure is reported",
         guest == NULL || !peer_has_hole(guest->peer) ||
             user_is_held_elsewhere(entry->end));
  }
}

/* ---- a poll */

static void records__one(struct entry* entry,
                         const struct iocp_record* record,
                         const uint8_t* slab) {
  schedule_checks++;
  reasons_check_detail(record);
  switch (record->kind) {
    case IOCP_ACCEPTED:
      records__accepted(entry, record->result);
      return;
    case IOCP_CONNECTED:
      records__connected(entry, record->result);
      return;
    case IOCP_RECEIVED:
      records__received(
          entry,
          record->result,
          record->result > 0 ? slab + (uint32_t)record->detail : NULL);
      return;
    case IOCP_READABLE:
      records__readable(entry, record->result);
      return;
    case IOCP_DATAGRAMS:
      records__datagrams(entry, record, slab);
      return;
    case IOCP_SENT:
      if (entry->kind == ENTRY_DATAGRAM)
        records__sent_datagrams(entry, record->result);
      else
        records__sent(entry, record->result);
      return;
    case IOCP_SHUT:
      records__shut(entry, record->result);
      return;
    case IOCP_CLOSED:
      records__closed(entry, record->result, record->detail);
      return;
    default:
      report_violation("a record is of a known kind", "%d", record->kind);
  }
}

static uint32_t records__data(const struct iocp_record* record,
                              uint32_t slab_end,
                              uint32_t length) {
  uint32_t bytes = (uint32_t)record->result;
  RULE("data is in the slab, behind that of earlier records",
       (uint32_t)record->detail == slab_end && bytes <= length - slab_end);
  RULE("one record has no more than IOCP_RECEIVE_MAX",
       bytes <= IOCP_RECEIVE_MAX);
  uint32_t padded = (bytes + 7) & ~7u;
  return slab_end + (padded < length - slab_end ? padded : length - slab_end);
}

static void records__header(uint32_t index,
                            const struct iocp_header* header,
                            uint32_t slab_end) {
  struct ledger_port* port = &ledger.ports[index];
  bool may_defer = false;
  for (uint32_t i = 0; i < ledger.entry_count; i++)
    if (ledger.entries[i].port == index && ledger.entries[i].has_deferred)
      may_defer = true;
  RULE("the header has the used length of the slab",
       (uint32_t)header->slab_end == slab_end);
  uint32_t live = ledger_live(index);
  RULE("the header has the number of sockets",
       may_defer ? (uint32_t)header->sockets >= live
                 : (uint32_t)header->sockets == live);
  RULE("the header has a valid wait time",
       header->timeout_ms >= -1 && header->timeout_ms <= 5000);
  RULE("the header has no unknown flags",
       (header->flags & ~(IOCP_MORE | IOCP_SLAB_FULL)) == 0);
  port->flags = header->flags;
  port->timeout_ms = header->timeout_ms;
  port->polled_ms = world_now_ms();
  port->is_called = false;
}

void records_check(uint32_t index,
                   const struct iocp_header* header,
                   const struct iocp_record* records,
                   int32_t count,
                   const uint8_t* slab,
                   uint32_t offset,
                   uint32_t length) {
  struct ledger_port* port = &ledger.ports[index];
  uint32_t slab_end = offset;
  port->polls++;
  tape_note((uint32_t)world_now_ms());
  port->records += (uint64_t)count;
  for (int32_t i = 0; i < count; i++) {
    const struct iocp_record* record = &records[i];
    struct entry* entry = ledger_find(index, record->socket);
    tape_note((uint32_t)record->kind);
    tape_note((uint32_t)record->result);
    TRACE("    %s: socket %d.%d, result %d, detail %d",
          record->kind >= 1 && record->kind <= 8 ? records__kinds[record->kind]
                                                 : "?",
          index,
          record->socket,
          record->result,
          record->detail);
    if (entry == NULL)
      report_violation("a record belongs to an open socket",
                       "socket %d, kind %d, result %d",
                       record->socket,
                       record->kind,
                       record->result);
    if (record->kind == IOCP_DATAGRAMS && record->result > 0) {
      RULE("datagrams are in the slab, behind the data of earlier records",
           (uint32_t)record->detail == slab_end);
      uint32_t bytes = datagrams_bytes(slab + slab_end, record->result);
      slab_end += datagrams_measure(slab + slab_end, (uint32_t)record->result);
      RULE("datagrams are in the slab", slab_end <= length);
      port->bytes_received += bytes;
    }
    if (record->kind == IOCP_RECEIVED && record->result > 0) {
      slab_end = records__data(record, slab_end, length);
      port->bytes_received += (uint32_t)record->result;
    }
    records__one(entry, record, slab);
  }
  records__header(index, header, slab_end);
  records__holes(index);
  gauges_check_failures(index);
}
