/* SPDX-License-Identifier: MIT */
/* Shares: a listener hands out connections to ports of other threads. */
#include <stddef.h>
#include <string.h>

#include "report.h"
#include "scenario.h"
#include "world.h"

/* A port with a listener, a part, or both; and its thread. */
struct shares__port {
  int32_t id;
  int32_t listener;
  int32_t part;
  bool has_ended; /* the part */
  uint32_t takes; /* connections, after which it stops; 0: at once */
  struct world_thread* thread;
};

static struct {
  struct iocp_address address;
  double handle;
  int32_t share;
  struct shares__port main;
  struct shares__port others[2];
  struct scenario_flag delivered;
  struct scenario_flag ended; /* parts, after an end of the share */
} shares;

static void shares__record(struct shares__port* port,
                           const struct iocp_record* record) {
  if (record->kind == IOCP_ACCEPTED) {
    RULE("a connection is accepted by a part",
         record->socket == port->part && record->result >= 0);
    RULE("a connection is closed",
         iocp_close(port->id, record->result, IOCP_RESET, 0) == 0);
    if (port->takes != 0) port->takes--;
    scenario_raise(&shares.delivered);
    return;
  }
  if (record->socket != port->part) return;
  RULE("a part is closed when its share is over",
       record->kind == IOCP_CLOSED && record->result == 0);
  port->has_ended = true;
  scenario_raise(&shares.ended);
}

static int32_t shares__poll(struct shares__port* port) {
  struct {
    struct iocp_header header;
    struct iocp_record records[4];
  } events;
  int32_t count = iocp_poll(port->id, &events, 4, NULL, 0, 0);
  RULE("a thread polls its own port", count >= 0);
  for (int32_t i = 0; i < count; i++) shares__record(port, &events.records[i]);
  return count != 0 || (events.header.flags & IOCP_MORE) != 0;
}

static void shares__take_part(struct shares__port* port) {
  port->part = iocp_take_part(port->id, shares.share);
  if (port->part < 0) {
    RULE("a part is made, unless the share is over",
         port->part == -IOCP_ENOENT);
    port->has_ended = true;
    return;
  }
  RULE("a part accepts", iocp_accept(port->id, port->part, 1) == 0);
}

static void shares__serve(void* argument) {
  struct shares__port* port = argument;
  port->id = iocp_new(0);
  shares__take_part(port);
  while (port->takes != 0 && !port->has_ended)
    if (!shares__poll(port)) iocp_wait(port->id, -1);
  RULE("a port is deleted", iocp_delete(port->id) == 0);
  /* For the main thread, which may wait for what this one has not taken. */
  iocp_wake(shares.main.id);
}

static void shares__open(uint32_t connections) {
  scenario_open();
  memset(&shares, 0, sizeof shares);
  shares.main.id = iocp_new(0);
  shares.handle = world_handle_listen(4, &shares.address);
  world_handle_dropped(shares.handle);
  shares.main.listener = iocp_add_listener(shares.main.id, shares.handle, 0);
  shares.share = iocp_share(shares.main.id, shares.main.listener, -1);
  RULE("a listener is shared", shares.share >= 0);
  iocp_accept(shares.main.id, shares.main.listener, 2);
  for (uint32_t i = 0; i < connections; i++) peer_connect(&shares.address);
  scenario_begin();
}

static void shares__start(uint32_t index, uint32_t takes) {
  shares.others[index].takes = takes;
  shares.others[index].thread =
      world_thread_start(shares__serve, &shares.others[index]);
}

/* Polls until so many connections were delivered, by any port. */
static void shares__until(uint32_t count) {
  for (;;) {
    bool has_more = shares__poll(&shares.main);
    scenario_point();
    if (shares.delivered.count == count) return;
    if (!has_more) iocp_wait(shares.main.id, -1);
  }
}

static void shares__close_listener(void) {
  RULE("a listener is closed",
       iocp_close(shares.main.id, shares.main.listener, IOCP_RESET, 0) == 0);
}

static void shares__close(void) {
  RULE("a port is deleted", iocp_delete(shares.main.id) == 0);
  for (uint32_t i = 0; i < 2; i++)
    if (shares.others[i].thread != NULL)
      world_thread_join(shares.others[i].thread);
  scenario_close();
}

/* One part on another thread. */
static void hand_out(void) {
  shares__open(2);
  shares__start(0, 2);
  shares__until(2);
  shares__close();
}

static void two_parts(void) {
  shares__open(2);
  shares__start(0, 1);
  shares__start(1, 1);
  shares__until(2);
  shares__close();
}

/* A part leaves at once, and another one gets what it was given. */
static void part_leaves(void) {
  shares__open(1);
  shares__start(0, 0);
  shares__take_part(&shares.main);
  shares__until(1);
  shares__close();
}

/* The listener closes while a part begins, and perhaps takes. */
static void listener_closes(void) {
  shares__open(1);
  shares__start(0, 2);
  shares__poll(&shares.main);
  shares__close_listener();
  shares__poll(&shares.main);
  world_thread_join(shares.others[0].thread);
  shares.others[0].thread = NULL;
  RULE("a part ends with its share", shares.others[0].has_ended);
  shares__close();
}

static void shares__use_another(void* argument) {
  struct shares__port* port = argument;
  struct iocp_address address;
  port->id = iocp_new(0);
  double handle = world_handle_listen(4, &address);
  world_handle_dropped(handle);
  port->listener = iocp_add_listener(port->id, handle, 0);
  int32_t share = iocp_share(port->id, port->listener, -1);
  RULE("each share has an id of its own", share >= 0 && share != shares.share);
  RULE("a port is deleted", iocp_delete(port->id) == 0);
}

/* A share ends while another one begins. */
static void two_shares(void) {
  shares__open(0);
  shares.others[0].thread =
      world_thread_start(shares__use_another, &shares.others[0]);
  shares__close_listener();
  shares__close();
}

const struct scenario scenarios_shares[] = {
    {"hand_out", hand_out, 2, 2},
    {"two_parts", two_parts, 1, 1},
    {"part_leaves", part_leaves, 1, 1},
    {"listener_closes", listener_closes, 2, 2},
    {"two_shares", two_shares, 3, 3},
    {NULL, NULL, 0, 0},
};
