/* SPDX-License-Identifier: MIT */
#include "ledger.h"

#include <string.h>

#include "datagrams.h"
#include "reasons.h"
#include "report.h"
#include "schedule.h"

struct ledger ledger;

void ledger_open(void) {
  /* Clears only what was used, as there are millions of schedules. */
  memset(ledger.ports, 0, sizeof ledger.ports);
  ledger.port_count = 0;
  ledger.entry_count = 0;
  ledger.end_count = 0;
  ledger.guest_count = 0;
  ledger.host_count = 0;
  ledger.loose_count = 0;
  ledger.passed_count = 0;
  ledger.shared_count = 0;
  ledger.share_count = 0;
  ledger.local_count = 0;
  memset(ledger.is_taken, 0, sizeof ledger.is_taken);
  memset(ledger.may_be_replaced, 0, sizeof ledger.may_be_replaced);
  datagrams_open();
  ledger.is_settling = false;
  ledger.is_one_process = false;
  ledger.is_calm = false;
}

struct end* ledger_end(bool is_library, bool is_server) {
  if (ledger.end_count == LEDGER_ENDS) return NULL;
  struct end* end = &ledger.ends[ledger.end_count++];
  memset(end, 0, sizeof *end);
  end->is_library = is_library;
  end->is_server = is_server;
  end->resets_from_ms = LEDGER_NEVER;
  return end;
}

struct end* ledger_local_end(bool is_library,
                             bool is_server,
                             uint16_t local,
                             uint32_t path) {
  struct end* end = ledger_end(is_library, is_server);
  if (end == NULL) return NULL;
  RULE("the simulation has numbers for local ends",
       ledger.local_count < UINT8_MAX);
  end->local = local;
  end->path = path;
  end->tag = (uint8_t)++ledger.local_count;
  return end;
}

enum world_access ledger_access(uint32_t path) {
  static const enum world_access all[] = {
      WORLD_USER, WORLD_USER, WORLD_EVERYONE, WORLD_CUSTOM};
  return all[path % 4];
}

void ledger_path(uint16_t local, uint32_t path, struct iocp_path* path_out) {
  world_path(local, path, ledger_access(path), path_out);
}

/* A poll may report many new connections. */
bool ledger_has_room(void) {
  return ledger.local_count < 100 &&
         ledger.entry_count < LEDGER_ENTRIES / 2 - 1 &&
         ledger.end_count < LEDGER_ENDS / 2;
}

struct entry* ledger_entry(uint32_t port, int32_t id, enum entry_kind kind) {
  RULE("an id is a non-negative number", id >= 0);
  for (uint32_t i = 0; i < ledger.entry_count; i++)
    RULE("the id of an open socket is not used again",
         ledger.entries[i].id != id || ledger.entries[i].port != port);
  RULE("the simulation has room for ids", ledger.entry_count < LEDGER_ENTRIES);
  struct entry* entry = &ledger.entries[ledger.entry_count++];
  memset(entry, 0, sizeof *entry);
  entry->id = id;
  entry->port = port;
  entry->kind = kind;
  entry->concurrency = 1;
  entry->since_ms = world_now_ms();
  return entry;
}

struct entry* ledger_find(uint32_t port, int32_t id) {
  for (uint32_t i = 0; i < ledger.entry_count; i++) {
    struct entry* entry = &ledger.entries[i];
    if (entry->id == id && entry->port == port && !entry->is_closed)
      return entry;
  }
  return NULL;
}

uint32_t ledger_live(uint32_t port) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < ledger.entry_count; i++)
    if (ledger.entries[i].port == port && !ledger.entries[i].is_closed) count++;
  return count;
}

/* ---- which ends are connected */

/* An IPv6 socket sees an IPv4 peer as ::ffff:a.b.c.d. */
static void ledger__plain(struct iocp_address* address) {
  static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
  address->scope = 0;
  if (address->family != 6 || memcmp(address->bytes, mapped, 12) != 0) return;
  address->family = 4;
  memmove(address->bytes, address->bytes + 12, 4);
  memset(address->bytes + 4, 0, 12);
}

void ledger_set_addresses(struct end* end,
                          const struct iocp_address* client,
                          uint16_t server_port) {
  end->client = *client;
  ledger__plain(&end->client);
  end->server_port = server_port;
  end->has_addresses = true;
  /* The latest one, since a free port may have been used again. */
  for (uint32_t i = ledger.end_count; i-- > 0;) {
    struct end* other = &ledger.ends[i];
    if (!other->has_addresses || other->other != NULL ||
        other->is_server == end->is_server ||
        other->server_port != server_port ||
        memcmp(&other->client, &end->client, sizeof end->client) != 0)
      continue;
    end->other = other;
    other->other = end;
    return;
  }
}

/* The first bytes at an end of a local connection show which one the other end
 * is. */
static void ledger__pair(struct end* end, uint8_t tag) {
  for (uint32_t i = 0; i < ledger.end_count; i++) {
    struct end* other = &ledger.ends[i];
    if (other->tag != tag || other->local != end->local ||
        other->path != end->path || other->is_server == end->is_server ||
        other->other != NULL)
      continue;
    end->other = other;
    other->other = end;
    return;
  }
}

/* ---- bytes */

/* The finalizer of splitmix64: every bit of the input affects every bit of the
 * result. One word for eight bytes. */
static uint64_t bytes__word(const struct end* end, uint64_t position) {
  uint64_t number = (uint64_t)(end - ledger.ends + 1) * 0x2545f4914f6cdd1du +
                    (position >> 3) * 0x9e3779b97f4a7c15u;
  number = (number ^ (number >> 30)) * 0xbf58476d1ce4e5b9u;
  number = (number ^ (number >> 27)) * 0x94d049bb133111ebu;
  return number ^ (number >> 31);
}

void bytes_fill(const struct end* end, uint64_t from, uint8_t* to, uint32_t n) {
  uint32_t i = 0;
  while (i < n) {
    uint64_t word = bytes__word(end, from + i);
    if ((from + i) % 8 == 0 && n - i >= 8) {
      memcpy(to + i, &word, 8);
      i += 8;
      continue;
    }
    to[i] = (uint8_t)(word >> ((from + i) % 8 * 8));
    i++;
  }
  if (end->tag != 0 && from == 0 && n != 0) to[0] = end->tag;
}

static bool bytes__are(const struct end* end,
                       uint64_t from,
                       const uint8_t* bytes,
                       uint32_t n) {
  uint32_t i = 0;
  if (end->tag != 0 && from == 0 && n != 0) {
    if (bytes[0] != end->tag) return false;
    i = 1;
  }
  while (i < n) {
    uint64_t word = bytes__word(end, from + i);
    if ((from + i) % 8 == 0 && n - i >= 8) {
      if (memcmp(bytes + i, &word, 8) != 0) return false;
      i += 8;
      continue;
    }
    if (bytes[i] != (uint8_t)(word >> ((from + i) % 8 * 8))) return false;
    i++;
  }
  return true;
}

void bytes_received(struct end* end, const uint8_t* bytes, uint32_t length) {
  schedule_checks++;
  if (end->other == NULL && end->local != 0) ledger__pair(end, bytes[0]);
  const struct end* other = end->other;
  if (other == NULL)
    report_violation("bytes arrive only from a known peer",
                     "%u bytes at end %d",
                     length,
                     (int)(end - ledger.ends));
  RULE("nothing arrives after the end", !end->has_ended);
  if (end->received + length > other->sent)
    report_violation("no more bytes arrive than were sent",
                     "%u bytes at %llu of %llu",
                     length,
                     (unsigned long long)end->received,
                     (unsigned long long)other->sent);
  if (!bytes__are(other, end->received, bytes, length))
    report_violation("bytes arrive in order, once each and unchanged",
                     "%u bytes at %llu",
                     length,
                     (unsigned long long)end->received);
  end->received += length;
}

/* ---- ends of streams */

bool end_may_truncate(const struct end* end) {
  if (end->local == 0 || (end->local == IOCP_PIPE && end->is_server))
    return false;
  /* A fault may have ended it. */
  return !end->is_clean &&
         (end->resets_from_ms <= world_now_ms() || world_has_broken());
}

void end_ended(struct end* end) {
  const struct end* other = end->other;
  end->has_ended = true;
  schedule_checks++;
  /* A connection that was made and undone before it was reported. */
  if (other == NULL) return;
  if (end_may_truncate(other)) return;
  RULE("an end of a stream arrives only if a FIN was sent", other->has_fin);
  RULE("after a failure there is no clean end", !other->is_cut);
  if (end->received != other->sent)
    report_violation("all bytes arrive before the end",
                     "%llu of %llu bytes",
                     (unsigned long long)end->received,
                     (unsigned long long)other->sent);
}

void end_receive_failed(const struct end* end, int32_t result) {
  const struct end* other = end->other;
  schedule_checks++;
  if (end->local != IOCP_PIPE || other == NULL || world_has_broken() ||
      !other->was_closed)
    return;
  /* The failure of a file that it has sent came first. */
  if (result == -IOCP_ENODATA || result == -IOCP_EIO) return;
  RULE("the end of a pipe that was closed is no error", result == -IOCP_EPIPE);
  RULE("what was written to a pipe before it was closed is received",
       end->received == other->sent);
}

static void end__check_clean(const struct end* closed) {
  const struct end* other = closed->other;
  if (other == NULL || other->is_library || world_has_broken()) return;
  RULE("after a graceful close, a peer that read everything is not reset",
       !other->met_reset || other->sent != closed->received);
}

void end_closed(struct end* end) {
  const struct end* other = end->other;
  end->is_clean = true;
  if (end->local != 0 && other != NULL && other->has_ended)
    RULE("nothing is lost by a graceful close", other->received == end->sent);
  end__check_clean(end);
}

void end_was_reset(struct end* end) {
  const struct end* other = end->other;
  schedule_checks++;
  if (end->met_reset) return;
  end->met_reset = true;
  if (other != NULL && other->is_clean) end__check_clean(other);
  if (other == NULL || world_has_broken() || other->met_reset) return;
  /* The peer may notice the reason of a reset first. */
  if (end->resets_from_ms <= world_now_ms()) return;
  if (other->resets_from_ms > world_now_ms())
    report_violation("a reset has a cause",
                     "end %d, of a connection with end %d, which may reset it "
                     "from %lld ms on",
                     (int)(end - ledger.ends),
                     (int)(other - ledger.ends),
                     (long long)(other->resets_from_ms - world_now_ms()));
}

void end_was_refused(struct end* end, int32_t error) {
  const struct end* other = end->other;
  reasons_check_stream(end, error);
  if (error == -IOCP_EPIPE && end->local == IOCP_PIPE && other != NULL &&
      other->has_fin)
    return;
  end_was_reset(end);
}

bool error_is_fault(int32_t result) {
  return error_was_fault(result, ledger.is_calm);
}

bool error_was_fault(int32_t result, bool began_calm) {
  if (result < 0 && world_is_strange()) return true;
  if (result == -IOCP_EUNKNOWN) return world_is_unclear();
  /* A fault may have damaged a connection earlier. */
  if (began_calm && !world_has_broken()) return false;
  /* The system lacks a feature, or a handle could not be removed from a
   * port. */
  if (world_posts_operations() && world_has_broken() &&
      (result == -IOCP_ENOTSUP || result == -IOCP_ENETDOWN ||
       (result == -IOCP_EEXIST && !world_detaches_ports())))
    return true;
  return result == -IOCP_EMFILE || result == -IOCP_ENFILE ||
         result == -IOCP_ENOBUFS || result == -IOCP_ENOMEM;
}

bool error_is(int32_t result, const int32_t* errors) {
  schedule_checks++;
  for (; *errors != 0; errors++)
    if (result == -*errors) return true;
  return error_is_fault(result);
}
