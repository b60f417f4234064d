/* SPDX-License-Identifier: MIT */
/*
 * Connections without data: an AcceptEx() that waits for data holds its
 * connection until data arrives, however long that takes. So the posted ones
 * are checked with SO_CONNECT_TIME: those whose first-byte timeout has passed
 * are reset, and one more accept is posted for each that holds a connection.
 */
#include "accept.h"
#include "system.h"

/* The number of checks within one timeout. */
#define DEFER_ACCEPT__WATCH_SHARE 8
#define DEFER_ACCEPT__WATCH_MIN_MS 16
#define DEFER_ACCEPT__WATCH_MAX_MS 1000
/* What SO_CONNECT_TIME returns before there is a connection. */
#define DEFER_ACCEPT__NOT_CONNECTED 0xFFFFFFFFu

uint32_t engine_watch_ms(const struct socket* listener) {
  uint32_t timeout_ms = listener->first_byte_timeout_ms;
  uint32_t share_ms = timeout_ms / DEFER_ACCEPT__WATCH_SHARE;
  /* The library defers the connections of local sockets by itself. */
  if (socket_is_local(listener)) return 0;
  /* Some may be left from before the option was cleared. */
  if (!listener->defers_accept && listener->engine.accepts_for_data == 0)
    return 0;
  if (listener->engine.is_filling) return DEFER_ACCEPT__WATCH_MIN_MS;
  /* Without a timeout too: the pool must not run out of accepts. */
  if (timeout_ms == 0 || share_ms > DEFER_ACCEPT__WATCH_MAX_MS)
    return DEFER_ACCEPT__WATCH_MAX_MS;
  return share_ms < DEFER_ACCEPT__WATCH_MIN_MS ? DEFER_ACCEPT__WATCH_MIN_MS
                                               : share_ms;
}

/* Whether a posted accept has a connection; its packet comes only with data.
 * Returns -1 when the system cannot be asked. */
static int defer_accept__is_connected(struct accept* accept, uint64_t now_ms) {
  DWORD seconds = DEFER_ACCEPT__NOT_CONNECTED;
  int length = sizeof seconds;
  if (accept->connected_ms != 0) return 1;
  if (getsockopt(accept->target,
                 SOL_SOCKET,
                 SO_CONNECT_TIME,
                 (char*)&seconds,
                 &length) != 0)
    return -1;
  if (seconds == DEFER_ACCEPT__NOT_CONNECTED) return 0;
  accept->connected_ms = now_ms;
  return 1;
}

/* The option was cleared: an accept without a connection is canceled, and is
 * replaced by one that does not wait for data. A cancel would abort a
 * connection. */
static void defer_accept__cancel(struct accept* accept) {
  CancelIoEx((HANDLE)accept->listener->engine.handle, &accept->op.overlapped);
}

/* Whether it waits for data, and was not reset. */
static bool defer_accept__waits(const struct accept* accept) {
  return accept->data_size != 0 && accept->target != INVALID_SOCKET;
}

void engine_watch_accepts(struct socket* listener) {
  struct engine_socket* engine = &listener->engine;
  uint32_t timeout_ms = listener->first_byte_timeout_ms;
  uint64_t now_ms = system_now_ms();
  const struct list_node* list = &engine->posted;
  uint32_t without_data_before = engine->accepts_without_data;
  if (socket_is_local(listener)) return;
  engine->accepts_without_data = 0;
  for (struct list_node* node = list->next; node != list; node = node->next) {
    struct accept* accept = LIST_ENTRY(node, struct accept, node);
    if (!defer_accept__waits(accept)) continue;
    int is_connected = defer_accept__is_connected(accept, now_ms);
    /* The system could not be asked when the option was cleared. */
    if (is_connected == 0 && !listener->defers_accept)
      defer_accept__cancel(accept);
    if (is_connected <= 0) continue;
    if (timeout_ms == 0 || now_ms - accept->connected_ms < timeout_ms) {
      engine->accepts_without_data++;
      continue;
    }
    /* "The only way to close these connections" (AcceptEx()'s documentation).
     * The operation then fails, and another one replaces it. */
    accept_reset(accept);
    listener->stats.first_byte_timeouts++;
  }
  engine->is_filling = engine->accepts_without_data > without_data_before;
}

int32_t engine_defer_accept(struct socket* listener) {
  const struct list_node* list = &listener->engine.posted;
  uint64_t now_ms = system_now_ms();
  /* Accepts that are posted from now on wait for data. */
  if (listener->defers_accept || socket_is_local(listener)) return 0;
  for (struct list_node* node = list->next; node != list; node = node->next) {
    struct accept* accept = LIST_ENTRY(node, struct accept, node);
    if (defer_accept__waits(accept) &&
        defer_accept__is_connected(accept, now_ms) == 0)
      defer_accept__cancel(accept);
  }
  return 0;
}
