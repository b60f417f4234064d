/* SPDX-License-Identifier: MIT */
/* How connections are divided among the parts of a share. */
#include <stddef.h>

#include "report.h"
#include "states.h"
#include "tape.h"

#define SHARE__PARTS 3
/* More than a part and a share hold. */
#define SHARE__PEERS (IOCP_SHARE_PART_MAX + IOCP_SHARE_QUEUE_MAX + 10)

struct share__part {
  struct states_port port;
  int32_t id;
};

static uint32_t share__accepted(struct states_port* port) {
  uint32_t count = 0;
  struct iocp_record record;
  while (states_take(port, -1, IOCP_ACCEPTED, &record))
    if (record.result >= 0) count++;
  return count;
}

static void share__connect(struct states_port* port,
                           const struct iocp_address* address,
                           uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    peer_connect(address);
    states_pass(port, 2);
  }
}

/* "To the part that has the fewest connections which its own port was not
 * polled for yet, and among these to the one that has waited longest"
 * (iocp_share.h). */
static void share__divide(struct states_port* port,
                          struct share__part* parts,
                          const struct iocp_address* address) {
  uint32_t each = 1 + tape_choose(IOCP_SHARE_PART_MAX);
  share__connect(port, address, each * SHARE__PARTS);
  for (uint32_t i = 0; i < SHARE__PARTS; i++) {
    states_poll(&parts[i].port);
    RULE("connections are divided among parts that do not poll",
         share__accepted(&parts[i].port) == each);
  }
  /* Parts that poll at once have them in turn. */
  for (uint32_t i = 0; i < 2 * SHARE__PARTS; i++) {
    share__connect(port, address, 1);
    states_poll(&parts[i % SHARE__PARTS].port);
    for (uint32_t j = 0; j < SHARE__PARTS; j++) states_poll(&parts[j].port);
  }
  for (uint32_t i = 0; i < SHARE__PARTS; i++)
    RULE("parts that have none have connections in turn",
         share__accepted(&parts[i].port) == 2);
}

/* "The most connections that wait for the poll of one part. Further ones wait
 * in the share for any part, and the rest in the backlog." */
static void share__pile_up(struct states_port* port,
                           struct share__part* parts,
                           int32_t listener,
                           const struct iocp_address* address) {
  struct iocp_socket_stats stats;
  for (uint32_t i = 1; i < SHARE__PARTS; i++)
    RULE("a part stops accepting",
         iocp_accept(parts[i].port.id, parts[i].id, 0) == 0);
  share__connect(port, address, SHARE__PEERS);
  RULE("counters can be read",
       iocp_socket_stats(port->id, listener, &stats) == 0);
  RULE("a share holds no more than its queue and those of its parts",
       stats.accepted <= IOCP_SHARE_QUEUE_MAX + IOCP_SHARE_PART_MAX);
  states_poll(&parts[0].port);
  RULE("a part holds no more than it may",
       share__accepted(&parts[0].port) <= IOCP_SHARE_PART_MAX);
  for (uint32_t i = 0; i < SHARE__PEERS; i++) {
    states_poll(&parts[0].port);
    states_poll(port);
  }
  RULE("what has waited is accepted when there is room",
       share__accepted(&parts[0].port) + IOCP_SHARE_PART_MAX >= SHARE__PEERS);
}

void states_visit_parts(void) {
  static struct share__part parts[SHARE__PARTS];
  struct states_port port;
  struct iocp_address address;
  uint32_t count = 0;
  if (!states_open(&port)) return;
  int32_t listener = states_listen(&port, 8, &address);
  int32_t share = listener < 0 ? listener : iocp_share(port.id, listener, -1);
  for (; share >= 0 && count < SHARE__PARTS; count++) {
    struct share__part* part = &parts[count];
    if (!states_open(&part->port)) break;
    part->id = iocp_take_part(part->port.id, share);
    RULE("a part is made",
         part->id >= 0 && iocp_accept(part->port.id, part->id, 100) == 0);
  }
  if (count == SHARE__PARTS) {
    if (tape_choose(2) == 0)
      share__divide(&port, parts, &address);
    else
      share__pile_up(&port, parts, listener, &address);
  }
  while (count-- != 0) states_close(&parts[count].port);
  states_close(&port);
}
