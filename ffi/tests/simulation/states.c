/* SPDX-License-Identifier: MIT */
#include "states.h"

#include <stddef.h>

#include "crowd.h"
#include "report.h"
#include "schedule.h"
#include "tape.h"

/* Of 1,000 schedules. */
#define STATES__VISITS 150
#define STATES__SLAB (2 * IOCP_SLAB_MIN)
#define STATES__BYTES 65536
#define STATES__CONNECT_MS 100

static struct {
  struct iocp_header header;
  struct iocp_record records[STATES_RECORDS];
} states__events;
static uint8_t states__slab[STATES__SLAB] __attribute__((aligned(8)));
static uint8_t states__bytes[STATES__BYTES];

bool states_open(struct states_port* port) {
  *port = (struct states_port){.capacity = STATES_RECORDS / 2,
                               .slab = STATES__SLAB};
  port->id = iocp_new(0);
  return port->id >= 0;
}

void states_close(struct states_port* port) {
  RULE("a port can be deleted", iocp_delete(port->id) == 0);
}

void states_poll(struct states_port* port) {
  uint32_t room = STATES_RECORDS - port->count;
  uint32_t capacity = port->capacity < room ? port->capacity : room;
  RULE("a port reports no more than there is to report", capacity != 0);
  int32_t count = iocp_poll(
      port->id, &states__events, capacity, states__slab, 0, port->slab);
  RULE("a poll of an open port succeeds", count >= 0);
  schedule_checks++;
  port->timeout_ms = states__events.header.timeout_ms;
  port->sockets = states__events.header.sockets;
  for (int32_t i = 0; i < count; i++) {
    const struct iocp_record* record = &states__events.records[i];
    TRACE("  socket %d: kind %d, %d",
          record->socket,
          record->kind,
          record->result);
    port->records[port->count++] = *record;
  }
}

bool states_take(struct states_port* port,
                 int32_t socket,
                 int32_t kind,
                 struct iocp_record* record_out) {
  for (uint32_t i = 0; i < port->count; i++) {
    struct iocp_record record = port->records[i];
    if (record.kind != kind || (socket >= 0 && record.socket != socket))
      continue;
    port->count--;
    for (uint32_t j = i; j < port->count; j++)
      port->records[j] = port->records[j + 1];
    if (record_out != NULL) *record_out = record;
    return true;
  }
  return false;
}

bool states_await(struct states_port* port,
                  int32_t socket,
                  int32_t kind,
                  uint32_t limit_ms,
                  struct iocp_record* record_out) {
  uint64_t until_ms = world_now_ms() + limit_ms;
  for (;;) {
    states_poll(port);
    if (states_take(port, socket, kind, record_out)) return true;
    if (world_now_ms() > until_ms) return false;
    world_pause(1);
  }
}

void states_pass(struct states_port* port, uint32_t ms) {
  for (uint32_t i = 0; i < ms; i++) {
    world_pause(1);
    states_poll(port);
  }
}

/* ---- sockets */

int32_t states_listen(struct states_port* port,
                      uint32_t count,
                      struct iocp_address* address_out) {
  struct iocp_address any = {.family = 4, .bytes = {127, 0, 0, 1}};
  int32_t id = iocp_listen(port->id, &any, 128, 0);
  if (id < 0) return id;
  int32_t result = iocp_get_address(
      port->id, id, IOCP_LOCAL, address_out, sizeof *address_out);
  RULE("a listener has an address", result == (int32_t)sizeof *address_out);
  return count == 0 || iocp_accept(port->id, id, count) == 0 ? id
                                                             : -IOCP_ENOTSUP;
}

int32_t states_connect(struct states_port* port,
                       int32_t listener,
                       const struct iocp_address* address,
                       struct peer** peer_out) {
  struct iocp_record record;
  *peer_out = peer_connect(address);
  if (*peer_out == NULL ||
      !states_await(port, listener, IOCP_ACCEPTED, STATES__CONNECT_MS, &record))
    return -IOCP_ENOTSUP;
  while (record.result >= 0 && peer_state(*peer_out) == PEER_CONNECTING)
    world_pause(1);
  return record.result;
}

int32_t states_pair(struct states_port* port, struct peer** peer_out) {
  struct iocp_address address;
  int32_t listener = states_listen(port, 1, &address);
  return listener < 0 ? listener
                      : states_connect(port, listener, &address, peer_out);
}

void states_send(struct peer* peer, uint32_t length) {
  if (length > STATES__BYTES) length = STATES__BYTES;
  peer_send(peer, states__bytes, length);
  /* It arrives. */
  world_pause(1);
}

uint32_t states_receive(struct peer* peer, uint32_t length) {
  if (length > STATES__BYTES) length = STATES__BYTES;
  int32_t count = peer_receive(peer, states__bytes, length);
  return count > 0 ? (uint32_t)count : 0;
}

/* ---- visits */

void states_visit(void) {
  static void (*const visits[])(void) = {
      states_visit_accept_pauses, states_visit_first_byte,
      states_visit_linger,        states_visit_stall,
      states_visit_retries,       states_visit_running_wait,
      states_visit_full_queue,    states_visit_turns,
      states_visit_gaps,          states_visit_parts,
      states_visit_pipe,          states_visit_end,
      states_visit_file,          states_visit_watch,
      states_visit_stopped_parts, states_visit_datagram_close,
      states_visit_datagrams,     states_visit_deferred,
      states_visit_undeferred,    states_visit_cut_detach,
      states_visit_wakes,         states_visit_instances,
      states_visit_left_file,     states_visit_listeners,
      states_visit_unspecified,   states_visit_names,
      states_visit_memory,        states_visit_numbers};
  uint32_t count = (uint32_t)(sizeof visits / sizeof visits[0]);
  if (!world_is_exact() || !tape_chance(STATES__VISITS)) return;
  uint32_t which = tape_choose(count);
  TRACE("---- state %u", which);
  /* What the system lacks in a visit it lacks for every thread. */
  crowd_close();
  visits[which]();
}
