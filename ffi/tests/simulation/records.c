/* SPDX-License-Identifier: MIT */
/* The completions, one by one. */
#include <string.h>

#include "guests.h"
#include "ledger.h"
#include "report.h"
#include "schedule.h"

static const char* const records__kinds[] = {"?",
                                             "accepted",
                                             "connected",
                                             "received",
                                             "readable",
                                             "sent",
                                             "shut",
                                             "closed"};

/* How a connection ends that has not been ended properly. */
static bool records__is_death(int32_t result) {
  return ERROR_IS(
      result, IOCP_ECONNRESET, IOCP_EPIPE, IOCP_ETIMEDOUT, IOCP_ENOTCONN);
}

/* What is told to those whose socket is closed. */
static bool records__is_cancel(const struct entry* entry, int32_t result) {
  if (result == -IOCP_ECANCELED) return entry->is_closing;
  if (result == -IOCP_ETIMEDOUT) return entry->is_closing || entry->may_expire;
  return false;
}

/* An operation of a stream has failed. */
static void records__failed(struct entry* entry, int32_t result) {
  if (records__is_cancel(entry, result)) return;
  if (!records__is_death(result))
    report_violation("a stream fails for a reason that it can have",
                     "%d of socket %d",
                     result,
                     entry->name);
  entry->has_error = true;
  end_met_reset(entry->end);
}

/* ---- connections */

/* What a listener's connections have from it. */
static void records__inherited(const struct entry* listener,
                               const struct entry* entry) {
  int32_t port = ledger.ports[entry->port].name;
  for (uint32_t option = IOCP_RECEIVE_BUFFER; option <= IOCP_SEND_CONCURRENCY;
       option++) {
    int32_t value = iocp_get_option(port, listener->name, option);
    RULE("a connection has the options of its listener",
         iocp_get_option(port, entry->name, option) == value);
  }
  RULE("a connection is in the group of its listener",
       entry->group == listener->group);
}

static void records__new(struct entry* listener, int32_t name) {
  struct ledger_port* port = &ledger.ports[listener->port];
  struct iocp_address peer;
  struct entry* entry = ledger_entry(listener->port, name, ENTRY_STREAM);
  struct end* end = ledger_end(true, true);
  RULE("the simulation has room for ends", end != NULL);
  port->accepted++;
  entry->end = end;
  entry->concurrency =
      (uint32_t)iocp_get_option(port->name, name, IOCP_SEND_CONCURRENCY);
  entry->group = (uint32_t)iocp_get_option(port->name, name, IOCP_GROUP);
  entry->may_expire = listener->may_give_up;
  if (entry->may_expire) end->resets_from_ms = 0;
  if (!listener->has_deferred) records__inherited(listener, entry);
  memset(&peer, 0xa5, sizeof peer);
  int32_t result = iocp_get_address(port->name, name, IOCP_PEER, &peer);
  RULE("a connection that was accepted has a peer", result == 0);
  RULE("an address has the family of its socket",
       peer.family == listener->address.family);
  RULE("an address has the interface that it came through",
       listener->address.scope == 0 || peer.bytes[0] != 0xfe ||
           peer.scope == listener->address.scope);
  ledger_name(end, &peer, listener->address.port);
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
      report_violation("accepting fails for a reason that it can have",
                       "%d of listener %d",
                       result,
                       entry->name);
    RULE("a listener that fails says so once until it has accepted",
         !entry->has_failed || entry->has_deferred);
    entry->has_failed = true;
    return;
  }
  RULE("a listener that is closed accepts nothing", !entry->is_closing);
  entry->has_failed = false;
  if (entry->target == 0 && !entry->has_deferred) {
    RULE("a listener that has stopped accepts no more than it had asked for",
         entry->late > 0);
    entry->late--;
  }
  records__new(entry, result);
}

static void records__connected(struct entry* entry, int32_t result) {
  RULE("a connection is told once", entry->kind == ENTRY_CONNECTING);
  entry->kind = ENTRY_STREAM;
  if (result < 0) {
    entry->is_failed = true;
    if (records__is_cancel(entry, result)) return;
    if (!ERROR_IS(result,
                  IOCP_ECONNREFUSED,
                  IOCP_ECONNRESET,
                  IOCP_ETIMEDOUT,
                  IOCP_EADDRNOTAVAIL,
                  IOCP_EADDRINUSE,
                  IOCP_ENETUNREACH,
                  IOCP_EHOSTUNREACH))
      report_violation("a connection fails for a reason that it can have",
                       "%d of socket %d",
                       result,
                       entry->name);
    /* It may have come and gone again before anybody looked. */
    RULE("a guest who accepts refuses nobody",
         result == -IOCP_ECONNRESET || !entry->goes_to_guest ||
             entry->manner != PEER_ACCEPTS || world_has_broken());
    return;
  }
  RULE("a connection is told with 0", result == 0);
  RULE("no listener is there to connect to",
       !entry->goes_to_guest || entry->manner == PEER_ACCEPTS);
  struct iocp_address local;
  result = iocp_get_address(
      ledger.ports[entry->port].name, entry->name, IOCP_LOCAL, &local);
  /* While it closes nobody may ask. */
  if (entry->is_closing) return;
  RULE("a connection has a name", result == 0);
  ledger_name(entry->end, &local, entry->end->server_port);
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
  RULE("nothing is received after the last completion of it",
       !entry->is_ended && (!entry->is_closing || result < 0));
  if (result > 0) {
    RULE("no more is received than was allowed",
         (uint32_t)result <= entry->credit);
    entry->credit -= (uint32_t)result;
    bytes_received(entry->end, bytes, (uint32_t)result);
    return;
  }
  RULE("what ends a receive has a receive to end", entry->credit != 0);
  entry->credit = 0;
  entry->is_ended = true;
  if (result < 0)
    records__failed(entry, result);
  else
    end_met(entry->end);
}

static void records__readable(struct entry* entry, int32_t result) {
  RULE("readable comes once for each read that found nothing",
       entry->is_read_armed);
  entry->is_read_armed = false;
  RULE("readable has no error but that of a close",
       result == 0 || records__is_cancel(entry, result));
}

static void records__sent(struct entry* entry, int32_t result) {
  RULE("sent comes once for each send that was kept", entry->send_count != 0);
  uint32_t most = entry->sends[entry->send_first];
  entry->send_first = (entry->send_first + 1) % IOCP_CONCURRENCY_MAX;
  entry->send_count--;
  if (result < 0) {
    /* It was kept after the end that its stream has had in a former life. */
    if (result == -IOCP_EPIPE && entry->was_shut) {
      entry->has_error = true;
      return;
    }
    entry->end->is_cut = true;
    if (!records__is_cancel(entry, result)) entry->has_lost = true;
    records__failed(entry, result);
    return;
  }
  RULE("no send has left behind one that has failed", !entry->has_lost);
  RULE("sent tells how much was kept", result > 0 && (uint32_t)result <= most);
}

static void records__shut(struct entry* entry, int32_t result) {
  RULE("shut comes once for each shutdown", entry->is_shut_open);
  entry->is_shut_open = false;
  /* Both ends have said their end already. */
  if (result == -IOCP_ENOTCONN && entry->was_shut) return;
  if (result < 0) records__failed(entry, result);
}

static void records__closed(struct entry* entry,
                            int32_t result,
                            int32_t detail) {
  RULE("closed comes of a close, or of a silence",
       entry->is_closing || entry->may_expire);
  RULE("closed comes last",
       entry->credit == 0 && !entry->is_read_armed && entry->send_count == 0 &&
           !entry->is_shut_open && entry->kind != ENTRY_CONNECTING);
  entry->is_closed = true;
  RULE("a close gives up nothing that has left in time",
       !entry->has_left || result != -IOCP_ETIMEDOUT);
  if (!entry->is_closing)
    RULE("what closes by itself says why", result == -IOCP_ETIMEDOUT);
  if (result < 0 && result != -IOCP_ETIMEDOUT) {
    RULE("closed fails for a reason that it can have",
         entry->end != NULL && records__is_death(result));
  }
  if (entry->end == NULL) return;
  if (result == 0 && entry->is_closing && !entry->is_detaching &&
      !entry->was_reset && !entry->is_failed && entry->end->is_named)
    end_closed(entry->end);
  if (!entry->is_detaching || result < 0 || detail == 0) {
    RULE("what is detached comes with its handle",
         !entry->is_detaching || entry->has_error || result < 0 ||
             entry->end->resets_from_ms == 0);
    entry->end->resets_from_ms = 0;
    return;
  }
  entry->end->resets_from_ms = LEDGER_NEVER;
  RULE("the simulation has room for handles",
       ledger.loose_count < LEDGER_ENTRIES);
  ledger.loose[ledger.loose_count++] = (struct loose){
      .handle = (uint32_t)detail, .end = entry->end, .is_detached = true};
}

/* Who has heard that a send has failed knows that nothing goes past it. */
static void records__holes(uint32_t port) {
  if (!world_has_broken()) return;
  for (uint32_t i = 0; i < ledger.entry_count; i++) {
    const struct entry* entry = &ledger.entries[i];
    if (entry->port != port || !entry->has_error || entry->end == NULL)
      continue;
    const struct guest* guest = guests_of(entry);
    RULE("a stream that has lost bytes is reset before its user is told",
         guest == NULL || !peer_has_hole(guest->peer));
  }
}

/* ---- a poll */

static void records__one(struct entry* entry,
                         const struct iocp_record* record,
                         const uint8_t* slab) {
  schedule_checks++;
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
    case IOCP_SENT:
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
  RULE("data lie in the slab, behind those before them",
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
  RULE("the header tells how much of the slab is used",
       (uint32_t)header->slab_end == slab_end);
  uint32_t live = ledger_live(index);
  RULE("the header tells how many sockets there are",
       may_defer ? (uint32_t)header->sockets >= live
                 : (uint32_t)header->sockets == live);
  RULE("the header's time is one that can be waited for",
       header->timeout_ms >= -1 && header->timeout_ms <= 5000);
  RULE("the header has no unknown flags",
       (header->flags & ~(IOCP_MORE | IOCP_SLAB_FULL)) == 0);
  port->flags = header->flags;
  port->timeout_ms = header->timeout_ms;
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
  port->records += (uint64_t)count;
  for (int32_t i = 0; i < count; i++) {
    const struct iocp_record* record = &records[i];
    struct entry* entry = ledger_find(index, record->socket);
    TRACE("    %s: socket %d.%d, result %d, detail %d",
          record->kind >= 1 && record->kind <= 7 ? records__kinds[record->kind]
                                                 : "?",
          index,
          record->socket,
          record->result,
          record->detail);
    if (entry == NULL)
      report_violation("a record is of a socket that is open",
                       "socket %d, kind %d, result %d",
                       record->socket,
                       record->kind,
                       record->result);
    if (record->kind == IOCP_RECEIVED && record->result > 0) {
      slab_end = records__data(record, slab_end, length);
      port->bytes_received += (uint32_t)record->result;
    }
    records__one(entry, record, slab);
  }
  records__header(index, header, slab_end);
  records__holes(index);
}
