/* SPDX-License-Identifier: MIT */
#include "sharers.h"

#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

#include "report.h"
#include "tape.h"
#include "world.h"

#define SHARERS__MAX 4
#define SHARERS__ACCEPTED 128
#define SHARERS__NO_LIMIT (-1)

/* A connection that was delivered. */
struct sharers__conn {
  struct iocp_address peer;
  uint16_t port;
};

enum sharers__end { CLOSES_PART, DELETES_PORT, LEAVES_PORT, SHARERS__ENDS };

struct sharer {
  struct world_thread* thread;
  struct ledger_share* share;
  uint32_t target;     /* accepts that it asks for */
  uint32_t takes;      /* connections, and then it ends */
  int32_t timeout_ms;  /* of its waits */
  uint32_t polls_late; /* it computes after a wait */
  enum sharers__end end;
  atomic_int port; /* -1: not yet, or not any more */
  atomic_bool takes_part;
  atomic_bool must_stop;
  /* Written by it, up to `count`. */
  struct sharers__conn accepted[SHARERS__ACCEPTED];
  atomic_uint count;
  uint32_t collected;
};

static struct sharer sharers[SHARERS__MAX];
static uint32_t sharers__count;

void sharers_open(void) { sharers__count = 0; }

/* ---- on their threads */

static void sharers__accepted(struct sharer* sharer, int32_t port, int32_t id) {
  struct iocp_address own;
  uint32_t index = atomic_load(&sharer->count);
  struct sharers__conn* conn = &sharer->accepted[index];
  RULE("a thread accepts no more than has connected",
       index < SHARERS__ACCEPTED);
  RULE("a connection that was accepted has addresses",
       iocp_get_address(port, id, IOCP_PEER, &conn->peer, sizeof own) ==
               (int32_t)sizeof own &&
           iocp_get_address(port, id, IOCP_LOCAL, &own, sizeof own) ==
               (int32_t)sizeof own);
  conn->port = own.port;
  /* From here on the ledger knows it. */
  atomic_store(&sharer->count, index + 1);
  iocp_close(port, id, IOCP_GRACEFUL, 10);
}

/* Returns false when the part has ended. Sets how long to wait for the next
 * poll. */
static bool sharers__poll(struct sharer* sharer,
                          int32_t port,
                          int32_t part,
                          int32_t* timeout_ms) {
  struct {
    struct iocp_header header;
    struct iocp_record records[4];
  } events;
  int32_t count = iocp_poll(port, &events, 4, NULL, 0, 0);
  RULE("a thread polls its own port", count >= 0);
  for (int32_t i = 0; i < count; i++) {
    const struct iocp_record* record = &events.records[i];
    if (record->kind == IOCP_ACCEPTED) {
      RULE("a part accepts for its own thread", record->socket == part);
      if (record->result >= 0) sharers__accepted(sharer, port, record->result);
    } else if (record->socket == part) {
      RULE("a part is closed when its share is over",
           record->kind == IOCP_CLOSED && record->result == 0);
      return false;
    }
  }
  *timeout_ms = events.header.timeout_ms;
  if ((events.header.flags & IOCP_MORE) != 0) *timeout_ms = 0;
  return true;
}

static void sharers__serve(struct sharer* sharer, int32_t port, int32_t part) {
  int32_t timeout_ms;
  while (!atomic_load(&sharer->must_stop) &&
         atomic_load(&sharer->count) < sharer->takes) {
    if (!sharers__poll(sharer, port, part, &timeout_ms)) return;
    if (sharer->timeout_ms >= 0 &&
        (timeout_ms < 0 || timeout_ms > sharer->timeout_ms))
      timeout_ms = sharer->timeout_ms;
    iocp_wait(port, timeout_ms);
    /* The others run meanwhile. */
    if (timeout_ms == 0 || sharer->polls_late != 0)
      world_pause(1 + sharer->polls_late);
  }
  if (sharer->end != CLOSES_PART) return;
  RULE("a part can be closed", iocp_close(port, part, IOCP_RESET, 0) == 0);
  sharers__poll(sharer, port, part, &timeout_ms);
}

static void sharers__run(void* argument) {
  struct sharer* sharer = argument;
  int32_t port = iocp_new(0);
  if (port < 0) return;
  int32_t part = iocp_take_part(port, sharer->share->id);
  if (part >= 0 && iocp_accept(port, part, sharer->target) == 0) {
    atomic_store(&sharer->port, port);
    atomic_store(&sharer->takes_part, true);
    sharers__serve(sharer, port, part);
    atomic_store(&sharer->takes_part, false);
    atomic_store(&sharer->port, -1);
  }
  /* The ports of a thread are deleted when it ends. */
  if (sharer->end != LEAVES_PORT)
    RULE("a thread deletes its own port", iocp_delete(port) == 0);
}

/* ---- on that of the schedule */

void sharers_join(struct ledger_share* share) {
  static const int32_t timeouts[] = {SHARERS__NO_LIMIT, 5, 0};
  if (sharers__count == SHARERS__MAX || share->local != 0) return;
  struct sharer* sharer = &sharers[sharers__count++];
  memset(sharer, 0, sizeof *sharer);
  sharer->share = share;
  sharer->target = 1 + tape_choose(4);
  sharer->takes = tape_choose(2) == 0 ? UINT32_MAX : tape_choose(4);
  sharer->timeout_ms = timeouts[tape_choose(3)];
  sharer->polls_late = tape_chance(300) ? 1 + tape_choose(20) : 0;
  sharer->end = (enum sharers__end)tape_choose(SHARERS__ENDS);
  atomic_store(&sharer->port, -1);
  TRACE("a thread takes part in share %d, for %u connections, waits %d ms",
        share->id,
        sharer->takes,
        sharer->timeout_ms);
  sharer->thread = world_thread_start(sharers__run, sharer);
}

static void sharers__end(struct sharer* sharer) {
  if (sharer->thread == NULL) return;
  atomic_store(&sharer->must_stop, true);
  int32_t port = atomic_load(&sharer->port);
  /* It may be gone by now. */
  if (port >= 0) iocp_wake(port);
  world_thread_join(sharer->thread);
  sharer->thread = NULL;
  TRACE("a thread that took part in share %d has ended", sharer->share->id);
  sharers_collect();
}

void sharers_leave(void) {
  if (sharers__count != 0) sharers__end(&sharers[tape_choose(sharers__count)]);
}

void sharers_close(void) {
  for (uint32_t i = 0; i < sharers__count; i++) sharers__end(&sharers[i]);
}

void sharers_collect(void) {
  for (uint32_t i = 0; i < sharers__count; i++) {
    struct sharer* sharer = &sharers[i];
    uint32_t count = atomic_load(&sharer->count);
    for (; sharer->collected < count; sharer->collected++) {
      const struct sharers__conn* conn = &sharer->accepted[sharer->collected];
      struct end* end = ledger_end(true, true);
      RULE("the simulation has room for ends", end != NULL);
      TRACE("a thread has accepted a connection of share %d",
            sharer->share->id);
      /* It closes what it has accepted. */
      end->has_fin = true;
      end->is_over = true;
      end->resets_from_ms = 0;
      ledger_set_addresses(end, &conn->peer, conn->port);
      sharer->share->delivered++;
    }
  }
}

bool sharers_take(const struct ledger_share* share) {
  for (uint32_t i = 0; i < sharers__count; i++)
    if (sharers[i].thread != NULL && sharers[i].share == share &&
        sharers[i].takes == UINT32_MAX && atomic_load(&sharers[i].takes_part))
      return true;
  return false;
}

bool sharers_were_in(const struct ledger_share* share) {
  for (uint32_t i = 0; i < sharers__count; i++)
    if (sharers[i].share == share) return true;
  return false;
}
