/* SPDX-License-Identifier: MIT */
/* Datagrams that wait when their socket is closed, and many at once. */
#include <stddef.h>

#include "report.h"
#include "states.h"
#include "tape.h"

#define DATAGRAM__BYTES 100
#define DATAGRAM__BURST 40
#define DATAGRAM__BURST_POLLS 2
#define DATAGRAM__ARRIVE_MS 20
#define DATAGRAM__LIMIT_MS 300

static uint8_t datagram__bytes[DATAGRAM__BYTES];

/* A socket that receives, `depth` at a time, its address, and a peer; or an
 * error. */
static int32_t datagram__open(struct states_port* port,
                              int32_t depth,
                              struct iocp_address* own_out,
                              struct udp_peer** peer_out,
                              struct iocp_address* peer_address_out) {
  struct iocp_address any = {.family = 4, .bytes = {127, 0, 0, 1}};
  *peer_out = udp_peer_new(4, peer_address_out);
  int32_t id = iocp_bind(port->id, &any, 0, IOCP_MODE_DEFAULT);
  if (id < 0 || *peer_out == NULL) return -IOCP_ENOTSUP;
  RULE("a datagram socket has an address",
       iocp_get_address(port->id, id, IOCP_LOCAL, own_out, sizeof *own_out) ==
           (int32_t)sizeof *own_out);
  RULE("a datagram socket receives",
       iocp_set_option(port->id, id, IOCP_RECEIVE_DEPTH, depth) == 0 &&
           iocp_receive(port->id, id, 1 << 20) == 0);
  states_poll(port);
  return id;
}

/* A graceful close waits until the system has taken what was copied, and then
 * for what was posted. */
void states_visit_datagram_close(void) {
  struct states_port port;
  struct udp_peer* peer;
  struct iocp_address own, to, from;
  struct iocp_record record;
  if (!states_open(&port)) return;
  int32_t id = datagram__open(&port, 4, &own, &peer, &to);
  if (id >= 0) {
    world_lack(WORLD_KERNEL, WORLD_ALWAYS);
    int32_t sent = iocp_send_to(
        port.id, id, datagram__bytes, 0, sizeof datagram__bytes, &to);
    world_lack(WORLD_KERNEL, 0);
    RULE("a datagram that the system has no room for is copied",
         sent == (DATAGRAM__BYTES | IOCP_PENDING));
    RULE("a datagram socket can be closed",
         iocp_close(port.id, id, IOCP_GRACEFUL, 1000) == 0);
    RULE("a close ends when the system has taken what was copied",
         states_await(&port, id, IOCP_CLOSED, DATAGRAM__LIMIT_MS, &record) &&
             record.result == 0);
    RULE("what was copied is reported before the close",
         states_take(&port, id, IOCP_SENT, &record) && record.result == 1);
    world_pause(DATAGRAM__ARRIVE_MS);
    RULE("what was copied is sent before the close",
         udp_peer_receive(
             peer, datagram__bytes, sizeof datagram__bytes, &from) ==
             DATAGRAM__BYTES);
  }
  states_close(&port);
}

/* ---- what has arrived before a poll */

static void datagram__arrive(struct udp_peer* peer,
                             const struct iocp_address* own,
                             uint32_t count) {
  for (uint32_t i = 0; i < count; i++)
    udp_peer_send(peer, own, datagram__bytes, 8);
  world_pause(DATAGRAM__ARRIVE_MS);
}

/* An error "does not end the socket, nor its credit" (iocp_bind()), and
 * datagrams before and behind it do not hide it. */
static void datagram__fail_between(struct states_port* port,
                                   int32_t id,
                                   struct udp_peer* peer,
                                   const struct iocp_address* own) {
  struct iocp_record record;
  uint32_t count = 0;
  uint32_t failures = 0;
  datagram__arrive(peer, own, 1);
  world_lack(WORLD_TRANSFERS, WORLD_ALWAYS);
  datagram__arrive(peer, own, 1);
  world_lack(WORLD_TRANSFERS, 0);
  states_pass(port, DATAGRAM__ARRIVE_MS);
  while (states_take(port, id, IOCP_DATAGRAMS, &record))
    if (record.result < 0)
      failures++;
    else
      count += (uint32_t)record.result;
  RULE("an error between datagrams is reported once", failures == 1);
  RULE("an error takes no datagram with it", count == 2);
}

/* IOCP_MORE is for others to have their turn, and not for each few. */
static void datagram__burst(struct states_port* port,
                            int32_t id,
                            struct udp_peer* peer,
                            const struct iocp_address* own) {
  struct iocp_record record;
  uint32_t count = 0;
  datagram__arrive(peer, own, DATAGRAM__BURST);
  for (uint32_t i = 0; i < DATAGRAM__BURST_POLLS; i++) states_poll(port);
  while (states_take(port, id, IOCP_DATAGRAMS, &record))
    count += (uint32_t)record.result;
  RULE("datagrams that have arrived are delivered in few polls",
       count == DATAGRAM__BURST);
}

void states_visit_datagrams(void) {
  struct states_port port;
  struct udp_peer* peer;
  struct iocp_address own, to;
  bool is_burst = tape_choose(2) == 0;
  if (!states_open(&port)) return;
  /* The first one gets a datagram, and the other one an error. */
  int32_t id =
      datagram__open(&port, is_burst ? DATAGRAM__BURST : 2, &own, &peer, &to);
  if (id >= 0 && is_burst) datagram__burst(&port, id, peer, &own);
  if (id >= 0 && !is_burst) datagram__fail_between(&port, id, peer, &own);
  states_close(&port);
}
