/* SPDX-License-Identifier: MIT */
/* Several streams of one port, and several sends of one stream. */
#include <stddef.h>

#include "report.h"
#include "states.h"
#include "tape.h"

#define STREAM__COUNT 4
#define STREAM__BYTES 60000
#define STREAM__SENDS 4
#define STREAM__PART 60000

/* With room for one of them in each poll, all have their turns. */
void states_visit_turns(void) {
  struct states_port port;
  struct peer* peer;
  int32_t ids[STREAM__COUNT];
  if (!states_open(&port)) return;
  for (uint32_t i = 0; i < STREAM__COUNT; i++) {
    ids[i] = states_pair(&port, &peer);
    if (ids[i] < 0) goto out;
    RULE("a receive succeeds", iocp_receive(port.id, ids[i], 1 << 20) == 0);
    states_poll(&port);
    states_send(peer, STREAM__BYTES);
  }
  if (tape_choose(2) == 0) port.capacity = 1;
  port.slab = IOCP_SLAB_MIN;
  for (uint32_t i = 0; i < 2 * STREAM__COUNT; i++) states_poll(&port);
  for (uint32_t i = 0; i < STREAM__COUNT; i++)
    RULE("each stream has its turn when there is room for one",
         states_take(&port, ids[i], IOCP_RECEIVED, NULL));
out:
  states_close(&port);
}

/* ---- gaps */

static uint8_t stream__byte(uint32_t place) {
  return (uint8_t)(place * 29 + (place >> 8));
}

/* Sends wait for a peer that does not read, each with a part of its bytes.
 * Returns how many are pending. */
static uint32_t stream__fill(struct states_port* port, int32_t id) {
  static uint8_t bytes[STREAM__PART];
  uint32_t place = 0;
  uint32_t pending = 0;
  for (uint32_t i = 0; i < 4 * STREAM__SENDS && pending < STREAM__SENDS; i++) {
    for (uint32_t j = 0; j < sizeof bytes; j++)
      bytes[j] = stream__byte(place + j);
    int32_t sent = iocp_send(port->id, id, bytes, 0, sizeof bytes);
    if (sent < 0) break;
    if ((sent & IOCP_PENDING) != 0) pending++;
    place += (uint32_t)(sent & ~IOCP_PENDING);
  }
  return pending;
}

static void stream__read(struct peer* peer, uint32_t* place) {
  static uint8_t bytes[STREAM__PART];
  int32_t count;
  while ((count = peer_receive(peer, bytes, sizeof bytes)) > 0)
    for (int32_t i = 0; i < count; i++)
      RULE("a peer gets no bytes behind a gap",
           bytes[i] == stream__byte((*place)++));
}

/* Some of several sends that are pending fail, one way or another: in their
 * own order or behind those that follow. */
void states_visit_gaps(void) {
  struct states_port port;
  struct peer* peer;
  uint32_t place = 0;
  bool has_failed = false;
  if (!states_open(&port)) return;
  int32_t id = states_pair(&port, &peer);
  if (id >= 0 &&
      iocp_set_option(port.id, id, IOCP_SEND_CONCURRENCY, 4 * STREAM__SENDS) ==
          0 &&
      stream__fill(&port, id) > 1) {
    world_lack(WORLD_TRANSFERS, WORLD_ALWAYS / 2);
    for (uint32_t i = 0; i < 200; i++) {
      struct iocp_record record;
      states_poll(&port);
      while (states_take(&port, id, IOCP_SENT, &record)) {
        RULE("no send succeeds behind one that has failed",
             !has_failed || record.result < 0);
        has_failed = has_failed || record.result < 0;
      }
      if (!has_failed || tape_choose(4) == 0) stream__read(peer, &place);
      world_pause(1);
    }
    world_lack(WORLD_TRANSFERS, 0);
    states_pass(&port, 10);
    stream__read(peer, &place);
  }
  states_close(&port);
}

/* ---- the end */

/* The system cannot be asked when the end arrives: that is neither the end nor
 * an error. It is asked again, and then the end is reported, or the reset. */
void states_visit_end(void) {
  struct states_port port;
  struct iocp_record record;
  struct peer* peer;
  if (!states_open(&port)) return;
  int32_t id = states_pair(&port, &peer);
  if (id >= 0 && iocp_receive(port.id, id, 1 << 20) == 0) {
    states_poll(&port);
    world_lack(WORLD_ANSWERS, WORLD_ALWAYS);
    peer_shutdown(peer);
    states_pass(&port, 50);
    world_lack(WORLD_ANSWERS, 0);
    RULE("an end is reported when the system can be asked again",
         states_await(&port, id, IOCP_RECEIVED, 200, &record) &&
             record.result == 0);
  }
  states_close(&port);
}
