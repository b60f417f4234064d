/* SPDX-License-Identifier: MIT */
#include "ledger.h"

#include <string.h>

#include "report.h"
#include "schedule.h"

struct ledger ledger;

void ledger_open(void) {
  /* Only what was used is wiped, for there are millions of schedules. */
  memset(ledger.ports, 0, sizeof ledger.ports);
  ledger.port_count = 0;
  ledger.entry_count = 0;
  ledger.end_count = 0;
  ledger.guest_count = 0;
  ledger.host_count = 0;
  ledger.loose_count = 0;
  ledger.is_settling = false;
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

/* A poll may tell of many new connections. */
bool ledger_has_room(void) {
  return ledger.entry_count < LEDGER_ENTRIES / 2 - 1 &&
         ledger.end_count < LEDGER_ENDS / 2;
}

struct entry* ledger_entry(uint32_t port, int32_t name, enum entry_kind kind) {
  RULE("a name is a non-negative number", name >= 0);
  for (uint32_t i = 0; i < ledger.entry_count; i++)
    RULE("a new name is nobody else's",
         ledger.entries[i].name != name || ledger.entries[i].port != port);
  RULE("the simulation has room for names",
       ledger.entry_count < LEDGER_ENTRIES);
  struct entry* entry = &ledger.entries[ledger.entry_count++];
  memset(entry, 0, sizeof *entry);
  entry->name = name;
  entry->port = port;
  entry->kind = kind;
  entry->concurrency = 1;
  entry->since_ms = world_now_ms();
  return entry;
}

struct entry* ledger_find(uint32_t port, int32_t name) {
  for (uint32_t i = 0; i < ledger.entry_count; i++) {
    struct entry* entry = &ledger.entries[i];
    if (entry->name == name && entry->port == port && !entry->is_closed)
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

/* ---- who is whose peer */

/* An IPv6 socket has an IPv4 peer as ::ffff:a.b.c.d. */
static void ledger__plain(struct iocp_address* address) {
  static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
  address->scope = 0;
  if (address->family != 6 || memcmp(address->bytes, mapped, 12) != 0) return;
  address->family = 4;
  memmove(address->bytes, address->bytes + 12, 4);
  memset(address->bytes + 4, 0, 12);
}

void ledger_name(struct end* end,
                 const struct iocp_address* client,
                 uint16_t server_port) {
  end->client = *client;
  ledger__plain(&end->client);
  end->server_port = server_port;
  end->is_named = true;
  /* The last one, for a port that has become free may be used again. */
  for (uint32_t i = ledger.end_count; i-- > 0;) {
    struct end* other = &ledger.ends[i];
    if (!other->is_named || other->other != NULL ||
        other->is_server == end->is_server ||
        other->server_port != server_port ||
        memcmp(&other->client, &end->client, sizeof end->client) != 0)
      continue;
    end->other = other;
    other->other = end;
    return;
  }
}

/* ---- bytes */

/* The finaliser of splitmix64: every bit of the number counts for each bit of
 * the result. Eight bytes have one word. */
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
}

static bool bytes__are(const struct end* end,
                       uint64_t from,
                       const uint8_t* bytes,
                       uint32_t n) {
  uint32_t i = 0;
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
  const struct end* other = end->other;
  schedule_checks++;
  if (other == NULL)
    report_violation("bytes come from a peer that is known",
                     "%u bytes have come to end %d",
                     length,
                     (int)(end - ledger.ends));
  RULE("nothing comes after the end", !end->met_end);
  if (end->received + length > other->sent)
    report_violation("no more comes out than went in",
                     "%u bytes at %llu of %llu",
                     length,
                     (unsigned long long)end->received,
                     (unsigned long long)other->sent);
  if (!bytes__are(other, end->received, bytes, length))
    report_violation("bytes come in order, once each and unchanged",
                     "%u bytes at %llu",
                     length,
                     (unsigned long long)end->received);
  end->received += length;
}

/* ---- ends */

void end_met(struct end* end) {
  const struct end* other = end->other;
  end->met_end = true;
  schedule_checks++;
  /* A connection that was made and taken back before anybody knew it. */
  if (other == NULL) return;
  RULE("an end is met only where it was said", other->has_fin);
  RULE("after a failure there is no clean end", !other->is_cut);
  if (end->received != other->sent)
    report_violation("before the end comes all that was sent",
                     "%llu of %llu bytes",
                     (unsigned long long)end->received,
                     (unsigned long long)other->sent);
}

static void end__check_clean(const struct end* closed) {
  const struct end* other = closed->other;
  if (other == NULL || other->is_library || world_has_broken()) return;
  RULE("a graceful close resets nobody who was heard to the end",
       !other->met_reset || other->sent != closed->received);
}

void end_closed(struct end* end) {
  end->is_clean = true;
  end__check_clean(end);
}

void end_met_reset(struct end* end) {
  const struct end* other = end->other;
  schedule_checks++;
  if (end->met_reset) return;
  end->met_reset = true;
  if (other != NULL && other->is_clean) end__check_clean(other);
  if (other == NULL || world_has_broken() || other->met_reset) return;
  /* What one end is given up for, the other may learn first. */
  if (end->resets_from_ms <= world_now_ms()) return;
  if (other->resets_from_ms > world_now_ms())
    report_violation("a reset has a cause",
                     "end %d, of a connection with end %d, which may reset it "
                     "from %lld ms on",
                     (int)(end - ledger.ends),
                     (int)(other - ledger.ends),
                     (long long)(other->resets_from_ms - world_now_ms()));
}

bool error_is_fault(int32_t result) {
  return error_was_fault(result, ledger.is_calm);
}

bool error_was_fault(int32_t result, bool began_calm) {
  if (result == -IOCP_EUNKNOWN) return world_is_unclear();
  /* What a fault has done to a connection stays. */
  if (began_calm && !world_has_broken()) return false;
  /* A system that lacks what others have; a handle that could not be taken out
   * of a port again. */
  if (world_posts_operations() && world_has_broken() &&
      (result == -IOCP_ENOTSUP || result == -IOCP_ENETDOWN ||
       (result == -IOCP_EEXIST && !world_leaves_ports())))
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
