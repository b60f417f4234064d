/* SPDX-License-Identifier: MIT */
/* How connections are divided among the parts of a share. */
#include <stddef.h>

#include "report.h"
#include "states.h"
#include "tape.h"

#define SHARE__PARTS 3
/* More than a part and a share hold. */
#define SHARE__PEERS (IOCP_SHARE_PART_MAX + IOCP_SHARE_QUEUE_MAX + 10)
/* More than a part holds, so that some wait in the share. */
#define SHARE__FEW (IOCP_SHARE_PART_MAX + 3)
/* The ticks of the wheel of timers and of the clock. */
#define SHARE__SLACK_MS 30

struct share__part {
  struct states_port port;
  int32_t id;
};

/* A listener that hands out to parts, each of a port of its own. */
struct share__scene {
  struct states_port port;
  int32_t listener;
  struct iocp_address address;
  struct share__part parts[SHARE__PARTS];
};

static uint32_t share__accepted(struct states_port* port) {
  uint32_t count = 0;
  struct iocp_record record;
  while (states_take(port, -1, IOCP_ACCEPTED, &record))
    if (record.result >= 0) count++;
  return count;
}

static void share__connect(struct share__scene* scene, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    peer_connect(&scene->address);
    states_pass(&scene->port, 2);
  }
}

/* "To the part that has the fewest connections which its own port was not
 * polled for yet, and among these to the one that has waited longest"
 * (iocp_share.h). */
static void share__divide(struct share__scene* scene) {
  struct share__part* parts = scene->parts;
  uint32_t each = 1 + tape_choose(IOCP_SHARE_PART_MAX);
  share__connect(scene, each * SHARE__PARTS);
  for (uint32_t i = 0; i < SHARE__PARTS; i++) {
    states_poll(&parts[i].port);
    RULE("connections are divided among parts that do not poll",
         share__accepted(&parts[i].port) == each);
  }
  /* Parts that poll at once have them in turn. */
  for (uint32_t i = 0; i < 2 * SHARE__PARTS; i++) {
    share__connect(scene, 1);
    states_poll(&parts[i % SHARE__PARTS].port);
    for (uint32_t j = 0; j < SHARE__PARTS; j++) states_poll(&parts[j].port);
  }
  for (uint32_t i = 0; i < SHARE__PARTS; i++)
    RULE("parts that have none have connections in turn",
         share__accepted(&parts[i].port) == 2);
}

/* "The most connections that wait for the poll of one part. Further ones wait
 * in the share for any part, and the rest in the backlog." */
static void share__pile_up(struct share__scene* scene) {
  struct share__part* parts = scene->parts;
  struct iocp_socket_stats stats;
  for (uint32_t i = 1; i < SHARE__PARTS; i++)
    RULE("a part stops accepting",
         iocp_accept(parts[i].port.id, parts[i].id, 0) == 0);
  share__connect(scene, SHARE__PEERS);
  RULE("counters can be read",
       iocp_socket_stats(scene->port.id, scene->listener, &stats) == 0);
  RULE("a share holds no more than its queue and those of its parts",
       stats.accepted <= IOCP_SHARE_QUEUE_MAX + IOCP_SHARE_PART_MAX);
  states_poll(&parts[0].port);
  RULE("a part holds no more than it may",
       share__accepted(&parts[0].port) <= IOCP_SHARE_PART_MAX);
  for (uint32_t i = 0; i < SHARE__PEERS; i++) {
    states_poll(&parts[0].port);
    states_poll(&scene->port);
  }
  RULE("what has waited is accepted when there is room",
       share__accepted(&parts[0].port) + IOCP_SHARE_PART_MAX >= SHARE__PEERS);
}

/* ---- parts that stop and go on */

static void share__accept(struct share__part* part, uint32_t count) {
  RULE("a part accepts", iocp_accept(part->port.id, part->id, count) == 0);
}

/* The next one that the part delivers is that of `peer`. */
static void share__check_next(struct states_port* port, struct peer* peer) {
  struct iocp_record record;
  struct iocp_address own, other, reported;
  RULE("what waits in a share is accepted",
       states_take(port, -1, IOCP_ACCEPTED, &record) && record.result >= 0);
  peer_addresses(peer, &own, &other);
  RULE("a connection that was accepted has addresses",
       iocp_get_address(
           port->id, record.result, IOCP_PEER, &reported, sizeof reported) ==
           (int32_t)sizeof reported);
  RULE("connections reach a part in the order in which they came",
       reported.port == own.port);
}

/* What a part gives back "comes first: it is older than what waits already"
 * (share_queue.c). */
static void share__give_back(struct share__scene* scene) {
  struct share__part* parts = scene->parts;
  struct peer* peers[SHARE__FEW];
  struct states_port* to = &parts[1].port;
  for (uint32_t i = 1; i < SHARE__PARTS; i++) share__accept(&parts[i], 0);
  for (uint32_t i = 0; i < SHARE__FEW; i++) {
    peers[i] = peer_connect(&scene->address);
    states_pass(&scene->port, 2);
  }
  share__accept(&parts[0], 0);
  share__accept(&parts[1], 100);
  for (uint32_t i = 0; i < SHARE__FEW; i++) states_poll(to);
  for (uint32_t i = 0; i < SHARE__FEW; i++) share__check_next(to, peers[i]);
}

/* The share ends while its only part has stopped: what the part was given
 * stays with it, as it may go on. */
static void share__end(struct share__scene* scene) {
  struct share__part* parts = scene->parts;
  struct iocp_record record;
  struct share__part* part = &parts[0];
  /* Not drawn: a draw more would make each recorded seed another schedule. */
  uint32_t count = scene->address.port % 2 == 0 ? 1 : IOCP_SHARE_PART_MAX;
  for (uint32_t i = 1; i < SHARE__PARTS; i++) share__accept(&parts[i], 0);
  share__connect(scene, count);
  RULE("a listener can be closed",
       iocp_close(scene->port.id, scene->listener, IOCP_RESET, 0) == 0);
  share__accept(part, 0);
  states_pass(&part->port, 2);
  RULE("a part that has stopped keeps what it was given",
       !states_take(&part->port, part->id, IOCP_CLOSED, &record) &&
           share__accepted(&part->port) == 0);
  share__accept(part, 100);
  states_pass(&part->port, 2);
  RULE("a part that goes on delivers what it has kept",
       share__accepted(&part->port) == count);
  RULE("a part ends when its share is over, and it has delivered all",
       states_take(&part->port, part->id, IOCP_CLOSED, &record) &&
           record.result == 0);
}

/* The port cannot add a connection now. The attempt that the header announces
 * is made in the poll that it asks for, and the connection is not lost. */
static void share__run_short(struct share__scene* scene) {
  struct share__part* parts = scene->parts;
  struct iocp_record record;
  struct states_port* short_port = &parts[0].port;
  for (uint32_t i = 1; i < SHARE__PARTS; i++) share__accept(&parts[i], 0);
  share__connect(scene, 1);
  world_lack(WORLD_KERNEL, WORLD_ALWAYS);
  states_poll(short_port);
  world_lack(WORLD_KERNEL, 0);
  /* A failure is reported by the next poll. */
  states_poll(short_port);
  RULE("a connection that cannot be added is a failure of its part",
       states_take(short_port, parts[0].id, IOCP_ACCEPTED, &record) &&
           record.result < 0);
  RULE("a port says when it tries again", short_port->timeout_ms >= 0);
  world_pause((uint32_t)short_port->timeout_ms + SHARE__SLACK_MS);
  states_poll(short_port);
  RULE("a connection that could not be added is not lost",
       share__accepted(short_port) == 1);
}

/* ---- visits */

static void share__visit(void (*act)(struct share__scene*)) {
  static struct share__scene scene;
  uint32_t count = 0;
  if (!states_open(&scene.port)) return;
  scene.listener = states_listen(&scene.port, 8, &scene.address);
  int32_t share = scene.listener < 0
                      ? scene.listener
                      : iocp_share(scene.port.id, scene.listener, -1);
  for (; share >= 0 && count < SHARE__PARTS; count++) {
    struct share__part* part = &scene.parts[count];
    if (!states_open(&part->port)) break;
    part->id = iocp_take_part(part->port.id, share);
    RULE("a part is made",
         part->id >= 0 && iocp_accept(part->port.id, part->id, 100) == 0);
  }
  if (count == SHARE__PARTS) act(&scene);
  while (count-- != 0) states_close(&scene.parts[count].port);
  states_close(&scene.port);
}

void states_visit_parts(void) {
  share__visit(tape_choose(2) == 0 ? share__divide : share__pile_up);
}

void states_visit_stopped_parts(void) {
  static void (*const acts[])(struct share__scene*) = {
      share__give_back, share__end, share__run_short};
  share__visit(acts[tape_choose(3)]);
}
