/* SPDX-License-Identifier: MIT */
/* What was refused for want of memory, and a queue that is never empty. */
#include <stdatomic.h>
#include <stddef.h>

#include "report.h"
#include "states.h"
#include "tape.h"

/* The pause before an operation is posted again, and the ticks of the clock. */
#define QUEUE__PAUSE_MS 20
#define QUEUE__SLACK_MS 40
#define QUEUE__LONG_MS 5000
#define QUEUE__POLLS 10
#define QUEUE__BYTES 200000
#define QUEUE__FULL_MS 2000
/* A few more than one poll dequeues. */
#define QUEUE__PACKETS 130

/* Its receive is refused, and is to be posted again. */
static void queue__refuse(struct states_port* port, int32_t id) {
  world_lack(WORLD_MEMORY, WORLD_ALWAYS);
  RULE("a receive succeeds", iocp_receive(port->id, id, 1 << 20) == 0);
  states_poll(port);
  uint64_t calls = world_calls();
  uint64_t now_ms = world_now_ms();
  for (uint32_t i = 0; i < QUEUE__POLLS && world_now_ms() == now_ms; i++)
    states_poll(port);
  RULE("what was refused for want of memory is not tried again at once",
       world_calls() - calls <= QUEUE__POLLS + 5);
  world_lack(WORLD_MEMORY, 0);
  RULE("a port says when it tries again",
       port->timeout_ms >= 0 && port->timeout_ms <= QUEUE__PAUSE_MS);
}

/* Other deadlines are later. The wait ends for the retry, or the deadline of
 * the port is obeyed. */
void states_visit_retries(void) {
  static uint8_t bytes[QUEUE__BYTES];
  struct states_port port;
  struct peer *peer, *other;
  bool waits = tape_choose(2) == 0;
  if (!states_open(&port)) return;
  int32_t id = states_pair(&port, &peer);
  if (id >= 0 && tape_choose(2) == 0) {
    int32_t closing = states_pair(&port, &other);
    if (closing >= 0 && iocp_send(port.id, closing, bytes, 0, sizeof bytes) > 0)
      iocp_close(port.id, closing, IOCP_GRACEFUL, 60000);
  }
  if (id >= 0) {
    queue__refuse(&port, id);
    uint64_t since_ms = world_now_ms();
    states_send(peer, 10);
    if (waits)
      RULE("a wait ends for what is to be tried again",
           iocp_wait(port.id, QUEUE__LONG_MS) == 1 &&
               world_now_ms() - since_ms <= QUEUE__PAUSE_MS + QUEUE__SLACK_MS);
    else
      world_pause(QUEUE__PAUSE_MS + QUEUE__SLACK_MS);
    RULE("what was refused is received when it was tried again",
         states_await(&port, id, IOCP_RECEIVED, QUEUE__SLACK_MS, NULL));
  }
  states_close(&port);
}

/* ---- a wait that is running */

struct queue__wait {
  int32_t port;
  atomic_bool has_ended;
};

static void queue__run(void* argument) {
  struct queue__wait* wait = argument;
  iocp_wait(wait->port, -1);
  atomic_store(&wait->has_ended, true);
}

/* It began before the send, whose copy is to be posted again. */
static void queue__send_short(struct states_port* port, int32_t id) {
  static uint8_t bytes[QUEUE__BYTES];
  struct queue__wait wait = {.port = port->id};
  atomic_store(&wait.has_ended, false);
  struct world_thread* thread = world_thread_start(queue__run, &wait);
  world_pause(5);
  if (!atomic_load(&wait.has_ended)) {
    world_lack(WORLD_MEMORY, WORLD_ALWAYS);
    int32_t sent = iocp_send(port->id, id, bytes, 0, 1000);
    world_lack(WORLD_MEMORY, 0);
    world_pause(QUEUE__PAUSE_MS + 2 * QUEUE__SLACK_MS);
    if (sent > 0 && (sent & IOCP_PENDING) != 0)
      RULE("a wait that is running ends for what is to be tried again",
           atomic_load(&wait.has_ended));
  }
  RULE("a port can be woken", iocp_wake(port->id) == 0);
  world_thread_join(thread);
}

void states_visit_running_wait(void) {
  struct states_port port;
  struct peer* peer;
  if (!states_open(&port)) return;
  int32_t id = states_pair(&port, &peer);
  if (id >= 0) {
    states_poll(&port);
    queue__send_short(&port, id);
    RULE("what was refused is sent when it was tried again",
         states_await(&port, id, IOCP_SENT, QUEUE__SLACK_MS, NULL) ||
             states_receive(peer, 1000) == 1000);
  }
  states_close(&port);
}

/* ---- a queue that is never empty */

/* Deadlines pass although there is always more to dequeue. */
void states_visit_full_queue(void) {
  struct states_port port;
  struct peer* peer;
  bool has_closed = false;
  if (!states_open(&port)) return;
  int32_t id = states_pair(&port, &peer);
  if (id >= 0) {
    iocp_close(port.id, id, IOCP_GRACEFUL, QUEUE__FULL_MS / 4);
    for (uint32_t i = 0; i < QUEUE__FULL_MS / 10 && !has_closed; i++) {
      world_flood(QUEUE__PACKETS);
      states_poll(&port);
      has_closed = states_take(&port, id, IOCP_CLOSED, NULL);
      world_pause(10);
    }
    RULE("deadlines pass although the queue is full", has_closed);
  }
  states_close(&port);
}

/* ---- waits */

/* iocp_wake() "ends the running iocp_wait(), or else the next one", and no
 * other; and nothing is to be polled for where nothing goes on. */
void states_visit_wakes(void) {
  struct states_port port;
  if (!states_open(&port)) return;
  states_poll(&port);
  RULE("a port where nothing goes on is not to be polled",
       iocp_wait_here(port.id, IOCP_WAIT_HERE_MAX) == 0);
  RULE("a port can be woken", iocp_wake(port.id) == 0);
  RULE("a wait ends when its port was woken",
       iocp_wait(port.id, QUEUE__LONG_MS) == 1);
  states_poll(&port);
  /* What a wait has dequeued is handed over to the next poll. A wake-up that
   * comes then ends the next wait, which ends for that in any case. */
  world_flood(1);
  RULE("a wait ends for a packet", iocp_wait(port.id, QUEUE__LONG_MS) == 1);
  RULE("a port can be woken", iocp_wake(port.id) == 0);
  RULE("a wait ends for what was handed over",
       iocp_wait(port.id, QUEUE__LONG_MS) == 1);
  states_poll(&port);
  RULE("a wake-up ends no wait but the next one",
       iocp_wait(port.id, QUEUE__SLACK_MS) == 0);
  states_close(&port);
}
