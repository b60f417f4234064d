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

/* The default of IOCP_RECEIVE_DEPTH for a datagram socket on Windows
 * (iocp_option.h). */
#define DATAGRAM__DEPTH 4

static uint8_t datagram__bytes[DATAGRAM__BYTES];

/* A socket, with its port, and a peer. */
struct datagram__pair {
  struct states_port port;
  int32_t id;
  struct iocp_address own;
  struct udp_peer* peer;
  struct iocp_address peer_address;
};

/* The socket receives, `depth` at a time. False: the port was opened, but the
 * system has no sockets. */
static bool datagram__pair(struct datagram__pair* pair, int32_t depth) {
  struct iocp_address any = {.family = 4, .bytes = {127, 0, 0, 1}};
  int32_t port = pair->port.id;
  pair->peer = udp_peer_new(4, &pair->peer_address);
  pair->id = iocp_bind(port, &any, 0, IOCP_MODE_DEFAULT);
  if (pair->id < 0 || pair->peer == NULL) return false;
  RULE("a datagram socket has an address",
       iocp_get_address(
           port, pair->id, IOCP_LOCAL, &pair->own, sizeof pair->own) ==
           (int32_t)sizeof pair->own);
  RULE("a datagram socket has the receive depth that is documented",
       iocp_get_option(port, pair->id, IOCP_RECEIVE_DEPTH) == DATAGRAM__DEPTH);
  RULE("a datagram socket receives",
       iocp_set_option(port, pair->id, IOCP_RECEIVE_DEPTH, depth) == 0 &&
           iocp_receive(port, pair->id, 1 << 20) == 0);
  states_poll(&pair->port);
  return true;
}

static uint8_t datagram__byte(uint32_t place) {
  return (uint8_t)(place * 29 + 7);
}

/* What the peer gets is what was sent. */
static void datagram__check(struct udp_peer* peer, uint32_t length) {
  uint8_t bytes[DATAGRAM__BYTES];
  struct iocp_address from;
  RULE("what was copied is sent before the close",
       udp_peer_receive(peer, bytes, sizeof bytes, &from) == (int32_t)length);
  for (uint32_t i = 0; i < length; i++)
    RULE("a copied datagram has the bytes that were sent",
         bytes[i] == datagram__byte(i));
}

static void datagram__close(struct datagram__pair* pair, uint32_t length) {
  struct states_port* port = &pair->port;
  struct iocp_record record;
  for (uint32_t i = 0; i < length; i++) datagram__bytes[i] = datagram__byte(i);
  world_lack(WORLD_KERNEL, WORLD_ALWAYS);
  int32_t sent = iocp_send_to(
      port->id, pair->id, datagram__bytes, 0, length, &pair->peer_address);
  world_lack(WORLD_KERNEL, 0);
  RULE("a datagram that the system has no room for is copied",
       sent == (int32_t)(length | IOCP_PENDING));
  /* The memory is the caller's again. */
  for (uint32_t i = 0; i < length; i++) datagram__bytes[i] = 0;
  RULE("a datagram socket can be closed",
       iocp_close(port->id, pair->id, IOCP_GRACEFUL, 1000) == 0);
  RULE("a close ends when the system has taken what was copied",
       states_await(port, pair->id, IOCP_CLOSED, DATAGRAM__LIMIT_MS, &record) &&
           record.result == 0);
  RULE("what was copied is reported before the close",
       states_take(port, pair->id, IOCP_SENT, &record) && record.result == 1);
  world_pause(DATAGRAM__ARRIVE_MS);
  datagram__check(pair->peer, length);
}

/* A graceful close waits until the system has taken what was copied, and then
 * for what was posted. */
void states_visit_datagram_close(void) {
  static const uint32_t lengths[] = {DATAGRAM__BYTES, 1, 0};
  struct datagram__pair pair;
  if (!states_open(&pair.port)) return;
  if (datagram__pair(&pair, DATAGRAM__DEPTH))
    datagram__close(&pair, lengths[tape_choose(3)]);
  states_close(&pair.port);
}

/* ---- what has arrived before a poll */

static void datagram__arrive(const struct datagram__pair* pair,
                             uint32_t count) {
  for (uint32_t i = 0; i < count; i++)
    udp_peer_send(pair->peer, &pair->own, datagram__bytes, 8);
  world_pause(DATAGRAM__ARRIVE_MS);
}

/* An error "does not end the socket, nor its credit" (iocp_bind()), and
 * datagrams before and behind it do not hide it. */
static void datagram__fail_between(struct datagram__pair* pair) {
  struct iocp_record record;
  uint32_t count = 0;
  uint32_t failures = 0;
  datagram__arrive(pair, 1);
  world_lack(WORLD_TRANSFERS, WORLD_ALWAYS);
  datagram__arrive(pair, 1);
  world_lack(WORLD_TRANSFERS, 0);
  states_pass(&pair->port, DATAGRAM__ARRIVE_MS);
  while (states_take(&pair->port, pair->id, IOCP_DATAGRAMS, &record))
    if (record.result < 0)
      failures++;
    else
      count += (uint32_t)record.result;
  RULE("an error between datagrams is reported once", failures == 1);
  RULE("an error takes no datagram with it", count == 2);
}

/* IOCP_MORE is for others to have their turn, and not for each few. */
static void datagram__burst(struct datagram__pair* pair) {
  struct iocp_record record;
  uint32_t count = 0;
  datagram__arrive(pair, DATAGRAM__BURST);
  for (uint32_t i = 0; i < DATAGRAM__BURST_POLLS; i++) states_poll(&pair->port);
  while (states_take(&pair->port, pair->id, IOCP_DATAGRAMS, &record))
    count += (uint32_t)record.result;
  RULE("datagrams that have arrived are delivered in few polls",
       count == DATAGRAM__BURST);
}

void states_visit_datagrams(void) {
  struct datagram__pair pair;
  bool is_burst = tape_choose(2) == 0;
  if (!states_open(&pair.port)) return;
  /* The first one gets a datagram, and the other one an error. */
  if (datagram__pair(&pair, is_burst ? DATAGRAM__BURST : 2)) {
    if (is_burst)
      datagram__burst(&pair);
    else
      datagram__fail_between(&pair);
  }
  states_close(&pair.port);
}
