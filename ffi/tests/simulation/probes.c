/* SPDX-License-Identifier: MIT */
#include "probes.h"

#include <stddef.h>
#include <stdlib.h>

#include "crowd.h"
#include "guests.h"
#include "reasons.h"
#include "report.h"
#include "tape.h"
#include "user.h"

/* Longer than a system waits for the answer to a connect. */
#define PROBE__ABSENCE_MS 25000
#define PROBE__DEPTH 5
#define PROBE__BUFFER 100
#define PROBE__ROUNDS 6
/* Such parts are in transit at once. */
#define PROBE__PARTS 4
#define PROBE__PART 65536
#define PROBE__DISCARD_MS 500
/* Longer than a connection pauses. */
#define PROBE__STALL_MS 4001
#define PROBE__RETRY_MS 200
#define PROBE__WAITS 20
#define PROBE__FIRST_BYTE_MS 1000
/* Each of the 768 slots that a port has at least before it uses one again is
 * used often enough for each bit of its generation to change. */
#define PROBE__IDS 10500
/* Sockets that fail to bind, and to connect. */
#define PROBE__ERRORS 24
#define PROBE__UNUSED_PORT 1
/* The numbers that two groups may need. */
#define PROBE__GROUPS 255
/* Of 1,000. */
#define PROBE__ALL_GROUPS 30

/* ---- deadlines */

void probe_absence(void) {
  TRACE("the ports are not polled");
  world_pause(PROBE__ABSENCE_MS);
  for (uint32_t i = 0; i < ledger.port_count; i++)
    if (ledger.ports[i].is_open) user_poll(i);
  for (uint32_t i = 0; i < ledger.entry_count; i++) {
    const struct entry* entry = &ledger.entries[i];
    RULE("a connect that no one answers ends by itself",
         entry->is_closed || entry->kind != ENTRY_CONNECTING ||
             !entry->is_to_guest || entry->local != 0 ||
             entry->manner != PEER_NEVER_ANSWERS);
  }
}

/* ---- receives */

/* Nothing has happened to it that ends it. */
static bool probe__is_whole(const struct entry* entry) {
  return entry->kind == ENTRY_STREAM && !entry->is_closing &&
         !entry->is_closed && !entry->is_failed && !entry->has_error &&
         !entry->is_ended;
}

/* It receives what its peer sends, with one of the two calls. */
static struct guest* probe__sender(const struct entry* entry, uint32_t port) {
  if (!probe__is_whole(entry) || entry->may_expire || entry->port != port ||
      (entry->credit == 0 && !entry->is_read_armed))
    return NULL;
  struct guest* guest = guests_of(entry);
  return guest == NULL || guest->has_fin ? NULL : guest;
}

static bool probe__has_told(uint32_t port, uint64_t records) {
  return ledger.ports[port].records != records;
}

/* Nothing but a wait leads to the next poll, and none of them takes long. */
static void probe__await(uint32_t port) {
  uint64_t records = ledger.ports[port].records;
  for (uint32_t i = 0; i < PROBE__WAITS; i++) {
    uint64_t since_ms = world_now_ms();
    if (ledger.ports[port].is_watched)
      RULE("a wait on another thread ends for what can be received",
           crowd_wait_ends(port, PROBE__RETRY_MS));
    else
      user_wait(port, 2 * PROBE__RETRY_MS);
    RULE("a wait ends in time for what can be received",
         world_now_ms() - since_ms <= PROBE__RETRY_MS);
    user_poll(port);
    if (probe__has_told(port, records)) return;
  }
  report_violation("what a wait was ended for is received", "port %u", port);
}

void probe_retries(uint32_t port) {
  uint32_t senders = 0;
  /* After its calls, and for IOCP_MORE, a user polls before it waits. */
  if (ledger.ports[port].is_called ||
      (ledger.ports[port].flags & IOCP_MORE) != 0)
    user_poll(port);
  world_pause(PROBE__STALL_MS);
  for (uint32_t i = 0; i < ledger.entry_count; i++) {
    struct guest* guest = probe__sender(&ledger.entries[i], port);
    if (guest != NULL && guest_send(guest, 1) != 0) senders++;
  }
  if (senders == 0) return;
  world_pause(1);
  probe__await(port);
}

/* IOCP_RECEIVE_DEPTH: "receives posted at a time", as far as the credit goes.
 */
static void probe__check_depth(const struct entry* entry) {
  struct iocp_socket_stats stats;
  if (!probe__is_whole(entry) || entry->credit == 0 ||
      iocp_socket_stats(ledger.ports[entry->port].id, entry->id, &stats) < 0)
    return;
  RULE("as many receives are posted as may be, up to the credit",
       stats.receives_posted >= PROBE__DEPTH ||
           stats.bytes_posted >= entry->credit);
}

void probe_receives(struct entry* entry) {
  /* A pipe is read when bytes are known to be there. */
  if (!world_posts_operations() || !probe__is_whole(entry) ||
      entry->may_expire || entry->local == IOCP_PIPE || entry->credit != 0 ||
      entry->is_read_armed)
    return;
  struct guest* guest = guests_of(entry);
  if (guest == NULL) return;
  /* What waited for memory is tried again. */
  world_pause(1000);
  user_poll(entry->port);
  user_set_to(entry, IOCP_RECEIVE_BUFFER, PROBE__BUFFER);
  user_set_to(entry, IOCP_RECEIVE_DEPTH, PROBE__DEPTH);
  user_receive(entry, PROBE__BUFFER);
  user_poll(entry->port);
  user_receive(entry, (PROBE__DEPTH - 1) * PROBE__BUFFER);
  user_poll(entry->port);
  probe__check_depth(entry);
  for (uint32_t i = 0; i < PROBE__ROUNDS && !guest->is_gone; i++) {
    guest_send(guest, 1 + tape_choose(PROBE__BUFFER));
    world_pause(1);
    user_poll(entry->port);
    probe__check_depth(entry);
  }
}

/* ---- closing */

/* "Data of the peer is discarded until its FIN" (iocp_close()), so the peer is
 * not reset, and the close does not wait for its timeout. */
void probe_discard(struct entry* entry) {
  if (!probe__is_whole(entry) || entry->may_expire || world_has_broken() ||
      entry->local != 0 || entry->is_shut || entry->was_shut ||
      entry->send_count != 0 || entry->end->resets_from_ms != LEDGER_NEVER)
    return;
  struct guest* guest = guests_of(entry);
  if (guest == NULL || guest->has_fin) return;
  for (uint32_t i = 0; i < PROBE__PARTS && !guest->is_gone; i++)
    guest_send(guest, PROBE__PART);
  if (guest->is_gone) return;
  guest_shutdown(guest);
  world_pause(1);
  user_close(entry, IOCP_GRACEFUL, 1000);
  for (uint32_t i = 0; i < PROBE__DISCARD_MS && !entry->is_closed; i++) {
    guests_read_all();
    user_poll(entry->port);
    world_pause(1);
  }
  RULE("a close ends with the stream of its peer", entry->is_closed);
  guests_read_all();
  RULE("a close that discards does not reset its peer", !guest->end->met_reset);
}

/* ---- the first byte */

/* The connection of a guest that has just connected, once it is reported. */
static struct entry* probe__accepted(const struct entry* listener,
                                     const struct guest* guest) {
  for (uint32_t i = 0; i < PROBE__WAITS && !guest->is_gone; i++) {
    user_poll(listener->port);
    for (uint32_t j = 0; j < ledger.entry_count; j++) {
      struct entry* entry = &ledger.entries[j];
      if (entry->end != NULL && entry->end == guest->end->other &&
          entry->port == listener->port && probe__is_whole(entry))
        return entry;
    }
    world_pause(1);
    guests_look();
  }
  return NULL;
}

/* What it sends is received, or stays in the kernel until its time is over:
 * IOCP_FIRST_BYTE_TIMEOUT says how long it has to send, and not when the user
 * receives. */
void probe_first_byte(struct entry* listener) {
  if (listener->kind != ENTRY_LISTENER || listener->is_closing ||
      listener->is_closed || listener->is_stopped || listener->local != 0 ||
      listener->share != NULL || listener->has_deferred)
    return;
  user_set_to(listener, IOCP_FIRST_BYTE_TIMEOUT, PROBE__FIRST_BYTE_MS);
  user_accept(listener, PROBE__DEPTH);
  struct guest* guest = guests_connect(listener);
  struct entry* entry = guest == NULL ? NULL : probe__accepted(listener, guest);
  if (entry == NULL || !guest->is_open) return;
  bool is_received = tape_choose(2) != 0;
  world_pause(PROBE__FIRST_BYTE_MS / 2);
  if (is_received) user_receive(entry, 1 + PROBE__BUFFER);
  if (guest_send(guest, PROBE__BUFFER) != PROBE__BUFFER) return;
  world_pause(1);
  if (is_received) user_poll(entry->port);
  world_pause(PROBE__FIRST_BYTE_MS);
  user_poll(entry->port);
  RULE("a peer that has sent its first byte in time is not reset",
       !entry->is_closed);
}

/* ---- names */

/* A part, which needs nothing of the system, is closed at once, so that its id
 * is free again. Returns its id, or an error. */
static int32_t probe__take_id(int32_t port, int32_t share) {
  static struct {
    struct iocp_header header;
    struct iocp_record record;
  } events;
  int32_t id = iocp_take_part(port, share);
  if (id < 0) return id;
  RULE("a part can be closed", iocp_close(port, id, IOCP_RESET, 0) == 0);
  while (iocp_poll(port, &events, 1, NULL, 0, 0) == 0) world_pause(1);
  RULE("a part that was closed says so",
       events.record.kind == IOCP_CLOSED && events.record.socket == id);
  return id;
}

static int probe__compare(const void* a, const void* b) {
  int32_t first = *(const int32_t*)a;
  int32_t second = *(const int32_t*)b;
  return (first > second) - (first < second);
}

void probe_ids(void) {
  static int32_t ids[PROBE__IDS];
  struct iocp_address address = {.family = 4, .bytes = {127, 0, 0, 1}};
  uint32_t count = 0;
  int32_t port = iocp_new(0);
  TRACE("many sockets come and go at port %d", port);
  int32_t listener = port < 0 ? port : iocp_listen(port, &address, 1, 0);
  int32_t share = listener < 0 ? listener : iocp_share(port, listener, -1);
  for (; share >= 0 && count < PROBE__IDS; count++) {
    ids[count] = probe__take_id(port, share);
    RULE("many sockets of a port, one after another, have ids",
         ids[count] >= 0);
  }
  qsort(ids, count, sizeof ids[0], probe__compare);
  for (uint32_t i = 1; i < count; i++)
    if (ids[i] == ids[i - 1])
      report_violation("the id of a socket does not soon come again",
                       "%d, of %u",
                       ids[i],
                       count);
  if (port >= 0) iocp_delete(port);
}

/* ---- groups */

/* Closed groups leave their numbers to others, so that few groups need few. */
static void probe__few_groups(int32_t port) {
  for (uint32_t i = 0; i < PROBE__ROUNDS; i++) {
    int32_t first = iocp_group_new(port);
    int32_t second = iocp_group_new(port);
    RULE("two groups at a time have low numbers",
         first > 0 && second > 0 && first <= PROBE__GROUPS &&
             second <= PROBE__GROUPS);
    iocp_group_close(port, (uint32_t)first);
    iocp_group_close(port, (uint32_t)second);
  }
}

static void probe__all_groups(int32_t port) {
  int32_t result;
  uint32_t count = 0;
  TRACE("port %d has as many groups as it can", port);
  while ((result = iocp_group_new(port)) >= 0) count++;
  RULE("a port has IOCP_GROUP_MAX groups",
       count == IOCP_GROUP_MAX && result == -IOCP_EMFILE &&
           iocp_native_error(port) == 0);
}

void probe_groups(void) {
  int32_t port = iocp_new(0);
  RULE("a port is made when nothing fails", port >= 0 || world_has_broken());
  if (port < 0) return;
  probe__few_groups(port);
  if (tape_chance(PROBE__ALL_GROUPS)) probe__all_groups(port);
  RULE("a port can be deleted", iocp_delete(port) == 0);
}

/* ---- errors */

static void probe__bind(int32_t port) {
  struct iocp_address any = {.family = 4};
  int32_t id = iocp_bind(port, &any, 0, IOCP_MODE_DEFAULT);
  if (id >= 0) iocp_close(port, id, IOCP_RESET, 0);
}

static void probe__report(int32_t port) {
  static struct {
    struct iocp_header header;
    struct iocp_record records[PROBE__ERRORS];
  } events;
  int32_t count = iocp_poll(port, &events, PROBE__ERRORS, NULL, 0, 0);
  RULE("a poll of an open port succeeds", count >= 0);
  for (int32_t i = 0; i < count; i++) {
    const struct iocp_record* record = &events.records[i];
    reasons_check_detail(record);
    if (record->kind == IOCP_CONNECTED)
      iocp_close(port, record->socket, IOCP_RESET, 0);
  }
}

void probe_errors(void) {
  struct iocp_address unused = {
      .family = 4, .port = PROBE__UNUSED_PORT, .bytes = {127, 0, 0, 1}};
  int32_t port = iocp_new(0);
  TRACE("port %d binds and connects", port);
  if (port < 0) return;
  for (uint32_t i = 0; i < PROBE__ERRORS; i++) {
    probe__bind(port);
    iocp_connect(port, &unused, NULL);
  }
  for (uint32_t i = 0; i < PROBE__WAITS; i++) {
    probe__report(port);
    world_pause(PROBE__RETRY_MS);
  }
  RULE("a port can be deleted", iocp_delete(port) == 0);
}
