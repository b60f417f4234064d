/* SPDX-License-Identifier: MIT */
/* How long a close takes. */
#include <stddef.h>

#include "report.h"
#include "states.h"
#include "tape.h"

/* The ticks of the wheel of timers and of the clock. */
#define CLOSE__SLACK_MS 50
#define CLOSE__TIMEOUT_MS 400
#define CLOSE__BYTES 250000
#define CLOSE__PART 1500
#define CLOSE__PART_MS 20
#define CLOSE__READ_ROUNDS 200
#define CLOSE__READ_PART 65536

/* "Data of the peer is discarded until its FIN, for at most IOCP_LINGER_MS or
 * `timeout_ms`" (iocp_close()): not longer, and not for a shorter time. */
void states_visit_linger(void) {
  static const uint32_t timeouts[] = {60000, IOCP_LINGER_MS + 500, 300};
  struct states_port port;
  struct iocp_record record;
  struct peer* peer;
  uint32_t timeout_ms = timeouts[tape_choose(3)];
  uint32_t linger_ms =
      timeout_ms < IOCP_LINGER_MS ? timeout_ms : IOCP_LINGER_MS;
  if (!states_open(&port)) return;
  int32_t id = states_pair(&port, &peer);
  if (id >= 0) {
    iocp_close(port.id, id, IOCP_GRACEFUL, timeout_ms);
    RULE("a close waits for the end of its peer",
         !states_await(
             &port, id, IOCP_CLOSED, linger_ms - CLOSE__SLACK_MS, &record));
    if (tape_choose(3) == 0) peer_shutdown(peer);
    RULE("a close does not wait for ever for the end of its peer",
         states_await(&port, id, IOCP_CLOSED, 2 * CLOSE__SLACK_MS, &record) &&
             record.result == 0);
  }
  states_close(&port);
}

/* The peer reads a little for longer than the timeout of a close. */
static void close__read_slowly(struct states_port* port, struct peer* peer) {
  for (uint32_t i = 0; i < 2 * CLOSE__TIMEOUT_MS / CLOSE__PART_MS; i++) {
    states_receive(peer, CLOSE__PART);
    states_pass(port, CLOSE__PART_MS);
  }
}

/* "If the peer's system acknowledges nothing for `timeout_ms`, and up to a
 * quarter more, the connection is reset" (iocp_close()). */
void states_visit_stall(void) {
  static uint8_t bytes[CLOSE__BYTES];
  struct states_port port;
  struct iocp_record record;
  struct peer* peer;
  if (!world_reports_progress() || !states_open(&port)) return;
  int32_t id = states_pair(&port, &peer);
  int32_t sent = id < 0 ? id : iocp_send(port.id, id, bytes, 0, sizeof bytes);
  if (sent > 0 && (sent & IOCP_PENDING) != 0) {
    iocp_close(port.id, id, IOCP_GRACEFUL, CLOSE__TIMEOUT_MS);
    close__read_slowly(&port, peer);
    if (!states_take(&port, id, IOCP_CLOSED, NULL)) {
      RULE("a close waits for a peer that has read a moment ago",
           !states_await(&port,
                         id,
                         IOCP_CLOSED,
                         CLOSE__TIMEOUT_MS - 2 * CLOSE__SLACK_MS,
                         NULL));
      RULE("a close ends soon after its peer has stopped to read",
           states_await(&port,
                        id,
                        IOCP_CLOSED,
                        CLOSE__TIMEOUT_MS / 4 + 4 * CLOSE__SLACK_MS,
                        &record) &&
               record.result == -IOCP_ETIMEDOUT);
    }
  }
  states_close(&port);
}

/* ---- a port that is deleted before a detach was reported */

/* The peer reads all that was accepted. False: not in time. */
static bool close__read_all(struct states_port* port,
                            struct peer* peer,
                            uint32_t length) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < CLOSE__READ_ROUNDS && count < length; i++) {
    count += states_receive(peer, CLOSE__READ_PART);
    states_pass(port, 1);
  }
  states_pass(port, CLOSE__PART_MS);
  return count == length;
}

/* The user was told that only a part was accepted, and cannot send the rest:
 * an end would make the peer take the part for all of it. */
void states_visit_cut_detach(void) {
  static uint8_t bytes[IOCP_SEND_MAX + 1];
  struct states_port port;
  struct peer* peer;
  bool is_cut = false;
  if (!states_open(&port)) return;
  int32_t id = states_pair(&port, &peer);
  if (id >= 0) {
    if (tape_choose(2) == 0) iocp_receive(port.id, id, 1 << 20);
    int32_t sent = iocp_send(port.id, id, bytes, 0, sizeof bytes);
    is_cut = sent > 0 &&
             close__read_all(&port, peer, (uint32_t)(sent & ~IOCP_PENDING)) &&
             iocp_close(port.id, id, IOCP_DETACH, CLOSE__TIMEOUT_MS) == 0;
  }
  states_close(&port);
  world_pause(CLOSE__PART_MS);
  if (is_cut)
    RULE("a stream that was cut short does not end like a whole one",
         peer_receive(peer, bytes, 1) == PEER_RESET);
}
