/* SPDX-License-Identifier: MIT */
#include "close.h"
#include "engine.h"
#include "listener.h"
#include "memory.h"
#include "path.h"
#include "share.h"
#include "share_queue.h"
#include "share_table.h"

int32_t share_take_part(struct port* port, int32_t id) {
  int32_t result = -IOCP_ENOENT;
  struct socket* socket = listener_new(port, 1);
  if (socket == NULL) return port_fail(port, -IOCP_ENOMEM, 0);
  struct share_link* link = share_table_new_link(socket);
  if (link == NULL) {
    socket_free(socket);
    return port_fail(port, -IOCP_ENOMEM, 0);
  }
  share_table_enter();
  struct share* share = share_table_find(id);
  if (share != NULL && !share->is_over) {
    link->share = share;
    list_push(&share->parts, &link->node);
    result = socket->id;
    socket->family = share->path != NULL ? (uint8_t)share->path->family
                                         : (uint8_t)share->ip.family;
  }
  share_table_leave();
  if (result < 0) {
    memory_free(link);
    socket_free(socket);
    return port_fail(port, result, 0);
  }
  socket->backlog = 0;
  socket->is_listener = true;
  socket->is_part = true;
  socket->share = link;
  engine_open_part(socket);
  return result;
}

void share_set_target(struct socket* part) {
  struct share_link* link = part->share;
  share_table_enter();
  link->takes = part->accept_target != 0;
  if (!link->takes) share_queue_pause(link);
  share_queue_resume(link->share);
  /* What it was given before the end of the share is still delivered. */
  if (link->waiting != 0 || link->share->is_over) share_queue_announce(link);
  share_table_leave_and_wake(link->share);
}

/* Returns the oldest connection that the part was given and takes, or NULL;
 * sets `is_over_out` when there will be none. */
static struct share_conn* share_part__shift(struct share_link* link,
                                            bool* is_over_out) {
  struct share_conn* conn = NULL;
  struct share* share = link->share;
  share_table_enter();
  if (link->waiting != 0 && link->takes) {
    link->waiting--;
    conn = LIST_ENTRY(list_shift(&link->conns), struct share_conn, node);
  } else {
    /* More only at the next poll, so that other parts have their turn. */
    share_queue_resume(share);
  }
  *is_over_out = conn == NULL && link->waiting == 0 && share->is_over;
  share_table_leave_and_wake(share);
  return conn;
}

/* The port cannot add the connection now, and the next attempt may succeed. */
static bool share_part__is_short(int32_t result) {
  return result == -IOCP_ENOMEM || result == -IOCP_ENOBUFS ||
         result == -IOCP_EMFILE || result == -IOCP_ENFILE;
}

/* Undoes share_part__shift(). */
static void share_part__unshift(struct share_link* link,
                                struct share_conn* conn) {
  share_table_enter();
  list_push(link->conns.next, &conn->node);
  link->waiting++;
  share_table_leave();
}

int32_t share_next(struct socket* part, struct socket* accepted) {
  bool is_over;
  struct share_conn* conn = share_part__shift(part->share, &is_over);
  if (conn == NULL) {
    if (is_over) close_with_error(part, 0);
    return ENGINE_WOULD_BLOCK;
  }
  int32_t result = engine_adopt(accepted, (double)conn->handle, IOCP_DETACHED);
  if (share_part__is_short(result)) {
    share_part__unshift(part->share, conn);
    return result;
  }
  /* Otherwise its peer has reset it. */
  if (result < 0) engine_reset_handle(conn->handle);
  memory_free(conn);
  return result < 0 ? -IOCP_ECONNABORTED : 0;
}

int32_t share_address(const struct socket* part, void* address_out) {
  /* The share is open as long as it has this part, and keeps its address. */
  const struct share* share = part->share->share;
  size_t size = share->path != NULL ? path_size(share->path) : sizeof share->ip;
  const void* from =
      share->path != NULL ? (const void*)share->path : &share->ip;
  memory_copy(address_out, from, size);
  return (int32_t)size;
}
