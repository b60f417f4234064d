/* SPDX-License-Identifier: MIT */
#include "share.h"

#include "debug.h"
#include "engine.h"
#include "listener.h"
#include "memory.h"
#include "path.h"
#include "share_queue.h"
#include "share_table.h"

/* No thread can enter the table any more. */
static atomic_bool share__is_abandoned;

/* ---- listeners */

static int32_t share__refuses(const struct socket* listener) {
  if (listener->state != SOCKET_LISTENING || listener->share != NULL ||
      listener->defers_accept || listener->first_byte_timeout_ms != 0)
    return -IOCP_EINVAL;
  return listener->family == IOCP_PIPE ? -IOCP_ENOTSUP : 0;
}

/* Reads the address of a listener. Returns 0 or an error. */
static int32_t share__read_address(struct socket* listener,
                                   struct iocp_address* ip_out,
                                   struct iocp_path** path_out) {
  struct iocp_path name;
  if (!socket_is_local(listener))
    return engine_get_address(listener, IOCP_LOCAL, ip_out);
  int32_t result = engine_get_path(listener, IOCP_LOCAL, &name);
  if (result < 0) return result;
  *path_out = memory_alloc(path_size(&name));
  if (*path_out == NULL) return port_fail(listener->port, -IOCP_ENOMEM, 0);
  memory_copy(*path_out, &name, path_size(&name));
  return 0;
}

/* Returns the share or an error. */
static int32_t share__add_listener(struct share_link* link,
                                   int32_t id,
                                   const struct iocp_address* ip,
                                   struct iocp_path** path) {
  int32_t result;
  share_table_enter();
  struct share* share = id < 0 ? share_table_new() : share_table_find(id);
  if (share != NULL && !share->is_over) {
    if (id < 0) {
      share->ip = *ip;
      share->path = *path;
      *path = NULL;
    }
    link->share = share;
    list_push(&share->listeners, &link->node);
    result = share->id;
  } else {
    result = id < 0 ? -IOCP_EMFILE : -IOCP_ENOENT;
  }
  share_table_leave();
  return result;
}

int32_t share_open(struct socket* listener, int32_t id) {
  struct port* port = listener->port;
  struct iocp_address ip;
  struct iocp_path* path = NULL;
  int32_t result = share__refuses(listener);
  if (result < 0) return port_fail(port, result, 0);
  result = share__read_address(listener, &ip, &path);
  if (result < 0) return result;
  struct share_link* link = share_table_new_link(listener);
  result =
      link == NULL ? -IOCP_ENOMEM : share__add_listener(link, id, &ip, &path);
  if (path != NULL) memory_free(path);
  if (result < 0) {
    if (link != NULL) memory_free(link);
    return port_fail(port, result, 0);
  }
  listener->share = link;
  listener->hands_out = true;
  socket_ready(listener, READY_ACCEPT);
  return result;
}

bool share_has_room(struct socket* listener) {
  struct share_link* link = listener->share;
  share_table_enter();
  bool has_room = share_queue_accepts(link->share, IOCP_SHARE_QUEUE_MAX - 1);
  link->lacks_room = !has_room;
  share_table_leave();
  return has_room;
}

bool share_prepare(struct socket* listener) {
  struct share_link* link = listener->share;
  if (link->spare == NULL) link->spare = memory_alloc(sizeof *link->spare);
  return link->spare != NULL;
}

void share_give(struct socket* listener, struct socket* accepted) {
  struct share_link* link = listener->share;
  struct share* share = link->share;
  struct share_conn* conn = link->spare;
  link->spare = NULL;
  conn->handle = engine_release_accepted(accepted);
  socket_free(accepted);
  share_table_enter();
  list_push(&share->conns, &conn->node);
  share->waiting++;
  share_queue_assign(share, IOCP_SHARE_PART_MAX);
  share_table_leave_and_wake(share);
}

uint32_t share_count_waiting(const struct socket* listener) {
  share_table_enter();
  uint32_t count = listener->share->share->waiting;
  share_table_leave();
  return count;
}

/* ---- listeners and parts */

static void share__reset_all(struct list_node* lost) {
  while (!list_is_empty(lost)) {
    struct share_conn* conn =
        LIST_ENTRY(list_shift(lost), struct share_conn, node);
    engine_reset_handle(conn->handle);
    memory_free(conn);
  }
}

void share_leave(struct socket* socket) {
  struct share_link* link = socket->share;
  struct list_node lost;
  if (link == NULL || atomic_load(&share__is_abandoned)) return;
  struct share* share = link->share;
  list_open(&lost);
  socket->share = NULL;
  share_table_enter();
  list_remove(&link->node);
  /* The process ends, and other threads are gone. */
  if (!share->is_open) {
    share_table_leave();
    return;
  }
  if (!socket->is_part) {
    share_queue_end(share, &lost);
  } else {
    share_queue_return(link);
    if (share->is_over)
      share_queue_give_rest(share, &lost);
    else
      share_queue_resume(share);
  }
  share_table_free_if_unused(share);
  /* A slot that is free has no links to wake. */
  share_table_leave_and_wake(share);
  if (link->spare != NULL) memory_free(link->spare);
  memory_free(link);
  share__reset_all(&lost);
}

static void share__mark(struct port* port, struct list_node* links) {
  for (struct list_node* node = links->next; node != links; node = node->next) {
    struct share_link* link = LIST_ENTRY(node, struct share_link, node);
    if (link->socket->port != port || !link->is_due) continue;
    link->is_due = false;
    link->wants_wake = false;
    socket_ready(link->socket, READY_ACCEPT);
  }
}

void share_poll(struct port* port) {
  if (!atomic_load_explicit(&port->share_hint, memory_order_relaxed)) return;
  share_table_enter();
  atomic_store(&port->share_hint, false);
  for (uint32_t i = 0; i < IOCP_SHARES_MAX; i++) {
    struct share* share = share_table_at(i);
    if (share == NULL) continue;
    share__mark(port, &share->listeners);
    share__mark(port, &share->parts);
  }
  share_table_leave();
}

/* Moves its connections to `lost`. */
static void share__abandon(struct share* share, struct list_node* lost) {
  struct list_node* list = &share->parts;
  list_move(lost, &share->conns);
  for (struct list_node* node = list->next; node != list; node = node->next)
    list_move(lost, &LIST_ENTRY(node, struct share_link, node)->conns);
  share->is_open = false;
}

void share_abandon_all(void) {
  struct list_node lost;
  list_open(&lost);
  if (!share_table_try_enter()) {
    atomic_store(&share__is_abandoned, true);
    return;
  }
  for (uint32_t i = 0; i < IOCP_SHARES_MAX; i++) {
    struct share* share = share_table_at(i);
    if (share != NULL) share__abandon(share, &lost);
  }
  share_table_leave();
  /* Their memory ends with the process. */
  for (struct list_node* node = lost.next; node != &lost; node = node->next)
    engine_reset_handle(LIST_ENTRY(node, struct share_conn, node)->handle);
}
