/* SPDX-License-Identifier: MIT */
/* The calls of other threads. */
#define CHECKED_NONE
#include "crowd.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "ledger.h"
#include "report.h"
#include "tape.h"
#include "user.h"

#define CROWD__MAX 4
#define CROWD__PATIENCE 300
/* A wake-up ends a wait within this time; a real system runs other programs
 * too. */
#define CROWD__WAKE_MS 200
#define CROWD__WAKE_REAL_MS 4000
#define CROWD__NO_LIMIT (-1)

struct crowd__member {
  struct world_thread* thread;
  uint32_t port; /* index, of a thread that waits */
  int32_t id;
  int32_t timeout_ms;
  bool keeps_port;
  bool deletes_fiber;
  atomic_bool must_stop;
  atomic_uint waits_ended;
  atomic_bool wait_ended; /* since crowd_wait_ended() */
};

static struct crowd__member crowd__members[CROWD__MAX];
static uint32_t crowd__count;

void crowd_open(void) { crowd__count = 0; }

/* ---- a thread that waits for a port in a loop */

static void crowd__wait(void* argument) {
  struct crowd__member* member = argument;
  while (!atomic_load(&member->must_stop)) {
    bool began_calm = ledger.is_calm;
    int32_t result = iocp_wait(member->id, member->timeout_ms);
    if (result != 0) atomic_store(&member->wait_ended, true);
    atomic_fetch_add(&member->waits_ended, 1);
    if (result == -IOCP_EBADF) return;
    RULE("a wait on another thread returns 0 or 1",
         result == 0 || result == 1 || error_was_fault(result, began_calm));
    /* The port's own thread runs meanwhile. */
    world_pause(1);
  }
}

/* ---- a thread that has waited once, and then does other work */

#define CROWD__ONCE_MS 5
#define CROWD__BUSY_MS 10

/* Like the thread pool of a runtime, where the next wait may be on another
 * thread. */
static void crowd__compute(void* argument) {
  struct crowd__member* member = argument;
  bool began_calm = ledger.is_calm;
  int32_t result = iocp_wait(member->id, CROWD__ONCE_MS);
  RULE("a wait on another thread returns 0 or 1",
       result == 0 || result == 1 || error_was_fault(result, began_calm));
  atomic_fetch_add(&member->waits_ended, 1);
  while (!atomic_load(&member->must_stop)) world_compute(CROWD__BUSY_MS);
}

/* Only one thread waits for a port, and the port stays open meanwhile. */
static void crowd__waits(struct crowd__member* member) {
  while (atomic_load(&member->waits_ended) == 0) world_pause(1);
}

static struct crowd__member* crowd__find(uint32_t port) {
  for (uint32_t i = 0; i < crowd__count; i++)
    if (crowd__members[i].port == port) return &crowd__members[i];
  return NULL;
}

bool crowd_wait_ended(uint32_t port) {
  struct crowd__member* member = crowd__find(port);
  return member == NULL || atomic_exchange(&member->wait_ended, false);
}

void crowd_wake(uint32_t port) {
  struct crowd__member* member = crowd__find(port);
  if (member == NULL || member->timeout_ms != CROWD__NO_LIMIT) return;
  uint32_t ended = atomic_load(&member->waits_ended);
  uint32_t limit_ms = world_is_exact() ? CROWD__WAKE_MS : CROWD__WAKE_REAL_MS;
  int32_t result = iocp_wake(member->id);
  TRACE("iocp_wake(%u), where a thread waits: %d", port, result);
  RULE("an open port can be woken", result == 0 || error_is_fault(result));
  if (result < 0) return;
  /* A poll may consume the wake-up that was meant for the other thread. */
  for (uint32_t i = tape_choose(4); i != 0; i--) user_poll_somehow(port);
  uint64_t since_ms = world_now_ms();
  while (atomic_load(&member->waits_ended) == ended) {
    RULE("a wake-up ends the wait that is running, or the next one",
         world_now_ms() - since_ms <= limit_ms);
    world_pause(1);
  }
}

bool crowd_wait_ends(uint32_t port, uint32_t limit_ms) {
  struct crowd__member* member = crowd__find(port);
  if (member == NULL || member->timeout_ms != CROWD__NO_LIMIT) return true;
  uint32_t ended = atomic_load(&member->waits_ended);
  for (uint32_t i = 0; i < limit_ms; i++) {
    if (atomic_load(&member->waits_ended) != ended) return true;
    world_pause(1);
  }
  return false;
}

/* ---- a thread that makes calls for a port of another thread */

static void crowd__misuse(void* argument) {
  struct crowd__member* member = argument;
  struct iocp_header header;
  struct iocp_address address = {.family = 4};
  struct iocp_stats stats;
  int32_t port = member->id;
  uint8_t byte = 0;
  RULE(
      "a port belongs to the thread that made it",
      iocp_poll(port, &header, 1, NULL, 0, 0) == -IOCP_EXDEV &&
          iocp_connect(port, &address, NULL) == -IOCP_EXDEV &&
          iocp_listen(port, &address, 1, 0) == -IOCP_EXDEV &&
          iocp_send(port, 0, &byte, 0, 1) == -IOCP_EXDEV &&
          iocp_broadcast(port, &port, &port, 1, &byte, 0, 1) == -IOCP_EXDEV &&
          iocp_read(port, 0, &byte, 0, 1) == -IOCP_EXDEV &&
          iocp_receive(port, 0, 1) == -IOCP_EXDEV &&
          iocp_shutdown(port, 0) == -IOCP_EXDEV &&
          iocp_close(port, 0, IOCP_RESET, 0) == -IOCP_EXDEV &&
          iocp_accept(port, 0, 1) == -IOCP_EXDEV &&
          iocp_add_socket(port, 1, 0) == -IOCP_EXDEV &&
          iocp_get_address(port, 0, 0, &address, sizeof(struct iocp_address)) ==
              -IOCP_EXDEV &&
          iocp_set_option(port, 0, 1, 1) == -IOCP_EXDEV &&
          iocp_stats(port, &stats) == -IOCP_EXDEV &&
          iocp_native_error(port) == -IOCP_EXDEV &&
          iocp_delete(port) == -IOCP_EXDEV);
  for (int i = 0; i < 3; i++) {
    int32_t result = iocp_wake(port);
    RULE("any thread may wake a port", result == 0 || error_is_fault(result));
  }
}

/* ---- a thread with a port of its own, which connects to itself */

struct crowd__talk {
  int32_t port;
  int32_t listener;
  int32_t client;
  int32_t server;
  int32_t received;
  bool is_connected;
  bool has_failed;
};

#define CROWD__BYTES 1000

static void crowd__record(struct crowd__talk* talk,
                          const struct iocp_record* record,
                          const uint8_t* slab) {
  if (record->result < 0) {
    talk->has_failed = record->kind != IOCP_ACCEPTED;
  } else if (record->kind == IOCP_ACCEPTED) {
    talk->server = record->result;
    iocp_receive(talk->port, talk->server, CROWD__BYTES);
  } else if (record->kind == IOCP_CONNECTED) {
    talk->is_connected = true;
  } else if (record->kind == IOCP_RECEIVED) {
    RULE("a thread receives its own bytes",
         record->socket == talk->server &&
             talk->received + record->result <= CROWD__BYTES);
    for (int32_t i = 0; i < record->result; i++)
      RULE("a thread receives its own bytes",
           slab[record->detail + i] == (uint8_t)(talk->received + i));
    talk->received += record->result;
  }
}

static void crowd__poll(struct crowd__talk* talk) {
  struct {
    struct iocp_header header;
    struct iocp_record records[8];
  } events;
  uint8_t slab[IOCP_SLAB_MIN];
  iocp_wait(talk->port, 5);
  int32_t count = iocp_poll(talk->port, &events, 8, slab, 0, sizeof slab);
  RULE("a thread polls its own port", count >= 0);
  for (int32_t i = 0; i < count; i++)
    crowd__record(talk, &events.records[i], slab);
}

static void crowd__converse(struct crowd__talk* talk) {
  struct iocp_address address = {.family = 4, .bytes = {127, 0, 0, 1}};
  uint8_t bytes[CROWD__BYTES];
  for (int i = 0; i < CROWD__BYTES; i++) bytes[i] = (uint8_t)i;
  talk->listener = iocp_listen(talk->port, &address, 1, 0);
  if (talk->listener < 0 ||
      iocp_get_address(talk->port,
                       talk->listener,
                       IOCP_LOCAL,
                       &address,
                       sizeof(struct iocp_address)) < 0 ||
      iocp_accept(talk->port, talk->listener, 1) < 0)
    return;
  talk->client = iocp_connect(talk->port, &address, NULL);
  if (talk->client < 0) return;
  bool has_sent = false;
  for (int i = 0; i < CROWD__PATIENCE && !talk->has_failed; i++) {
    if (talk->is_connected && !has_sent)
      has_sent =
          iocp_send(talk->port, talk->client, bytes, 0, CROWD__BYTES) > 0;
    if (talk->received == CROWD__BYTES) return;
    crowd__poll(talk);
  }
}

static void crowd__own(void* argument) {
  struct crowd__member* member = argument;
  struct crowd__talk talk = {.server = -1};
  talk.port = iocp_new(0);
  if (talk.port < 0) return;
  crowd__converse(&talk);
  /* The ports of a thread are deleted when it ends. */
  if (!member->keeps_port || member->deletes_fiber)
    RULE("a thread deletes its own port", iocp_delete(talk.port) == 0);
}

/* ---- start and end */

static void crowd__start(void (*run)(void* argument), uint32_t port) {
  struct crowd__member* member = &crowd__members[crowd__count++];
  member->port = port;
  member->id = port < LEDGER_PORTS ? ledger.ports[port].id : -1;
  atomic_store(&member->must_stop, false);
  atomic_store(&member->wait_ended, true);
  atomic_store(&member->waits_ended, 0);
  member->thread = world_thread_start(run, member);
}

void crowd_join(void) {
  static const int32_t timeouts[] = {5, 0, CROWD__NO_LIMIT};
  if (crowd__count == CROWD__MAX) return;
  struct crowd__member* member = &crowd__members[crowd__count];
  uint32_t port = user_choose_port();
  uint32_t what = tape_choose(4);
  member->timeout_ms = timeouts[tape_choose(3)];
  member->keeps_port = tape_chance(500);
  member->deletes_fiber = tape_chance(100);
  TRACE("a thread starts: %u, port %u, %d ms", what, port, member->timeout_ms);
  if (what == 2) {
    crowd__start(crowd__own, LEDGER_PORTS);
  } else if (port == LEDGER_PORTS) {
    return;
  } else if (what == 1) {
    crowd__start(crowd__misuse, port);
    /* The port must exist until the thread has ended. */
    world_thread_join(member->thread);
    crowd__count--;
  } else if (what == 3 && !ledger.ports[port].is_watched) {
    crowd__start(crowd__compute, port);
    crowd__waits(member);
    member->port = LEDGER_PORTS;
  } else if (what == 0 && !ledger.ports[port].is_watched) {
    ledger.ports[port].is_watched = true;
    crowd__start(crowd__wait, port);
  }
}

static void crowd__end(uint32_t index) {
  struct crowd__member* member = &crowd__members[index];
  atomic_store(&member->must_stop, true);
  if (member->deletes_fiber) world_thread_delete_fiber(member->thread);
  if (member->port < LEDGER_PORTS) {
    /* The delete of the port has woken it. */
    struct ledger_port* port = &ledger.ports[member->port];
    if (port->is_open)
      RULE("an open port can be woken", iocp_wake(member->id) == 0);
    port->is_watched = false;
  }
  world_thread_join(member->thread);
  TRACE("thread %u has ended", index);
}

void crowd_stop(uint32_t port) {
  for (uint32_t i = 0; i < crowd__count; i++) {
    if (crowd__members[i].port != port) continue;
    crowd__end(i);
    if (i != --crowd__count) {
      /* The last member moves to the free place; a member does not move while
       * it runs. */
      for (uint32_t j = crowd__count; j > i; j--) crowd__end(j);
      crowd__count = i;
    }
    return;
  }
}

void crowd_close(void) {
  while (crowd__count != 0) crowd__end(--crowd__count);
}

void crowd_reduce(void) {
  for (uint32_t i = crowd__count; i-- != 0;) {
    if (crowd__members[i].port < LEDGER_PORTS) continue;
    crowd__end(i);
    crowd__members[i].thread = NULL;
  }
}

void crowd_forget(void) {
  while (crowd__count != 0) {
    struct world_thread* thread = crowd__members[--crowd__count].thread;
    if (thread != NULL) world_thread_join(thread);
  }
}
