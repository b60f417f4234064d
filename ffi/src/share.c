/* SPDX-License-Identifier: MIT */
#include "share.h"

#include "close.h"
#include "debug.h"
#include "engine.h"
#include "listener.h"
#include "memory.h"
#include "path.h"
#include "thread.h"

#define SHARE__INDEX_MASK (IOCP_SHARES_MAX - 1)
#define SHARE__GENERATION 256
/* Ports that are woken at a time. */
#define SHARE__WAKES 16

/* A connection that was handed out. */
struct share__conn {
  struct list_node node;
  iocp_os_socket handle;
};

/* A listener or a part. */
struct share_link {
  struct list_node node; /* in `listeners` or `parts` of the share */
  struct share* share;
  struct socket* socket;
  bool is_due;     /* the next poll of its port is to mark the socket */
  bool wants_wake; /* the port is still to be woken for that */
  /* Of a listener. */
  bool lacks_room;           /* it waits for a part */
  struct share__conn* spare; /* for its next connection */
  /* Of a part. */
  bool takes;             /* its accept_target is not 0 */
  uint32_t waiting;       /* connections in `conns` */
  struct list_node conns; /* struct share__conn, oldest first */
};

struct share {
  bool is_open;
  bool is_over; /* its listeners are closed */
  int32_t id;   /* a generation and the index */
  struct list_node listeners;
  struct list_node parts; /* the one that was given nothing longest first */
  uint32_t waiting;
  struct list_node conns; /* those that no part has room for */
  struct iocp_address ip; /* of the first listener, or */
  struct iocp_path* path; /* its name */
};

static struct share share__all[IOCP_SHARES_MAX];
static struct monitor share__monitor = MONITOR_INIT;
/* No thread can enter it any more. */
static atomic_bool share__is_abandoned;

/* ---- the lock */

static void share__enter(void) { monitor_enter(&share__monitor); }

/* Collects the ports to wake; the lock is held. */
static uint32_t share__collect(struct list_node* links, int32_t* ids) {
  uint32_t count = 0;
  for (struct list_node* node = links->next;
       node != links && count < SHARE__WAKES;
       node = node->next) {
    struct share_link* link = LIST_ENTRY(node, struct share_link, node);
    if (!link->wants_wake) continue;
    link->wants_wake = false;
    ids[count++] = link->socket->port->id;
  }
  return count;
}

/* Ends what share__enter() began, and wakes ports of the share. A port that is
 * deleted meanwhile is not found by its id. */
static void share__leave_and_wake(struct share* share) {
  int32_t ids[2 * SHARE__WAKES];
  for (;;) {
    uint32_t count = share__collect(&share->listeners, ids);
    count += share__collect(&share->parts, ids + count);
    monitor_leave(&share__monitor);
    for (uint32_t i = 0; i < count; i++) port_wake(ids[i]);
    if (count < SHARE__WAKES) return;
    share__enter();
  }
}

/* ---- with the lock held */

static struct share* share__find(int32_t id) {
  if (id < 0) return NULL;
  struct share* share = &share__all[id & SHARE__INDEX_MASK];
  return share->is_open && share->id == id ? share : NULL;
}

/* A port whose flag is set already was woken for it, or is about to poll. */
static void share__announce(struct share_link* link) {
  link->is_due = true;
  if (!atomic_exchange(&link->socket->port->share_hint, true))
    link->wants_wake = true;
}

/* The part that is to get the next connection, among those with fewer than
 * `max` that wait for their polls; or NULL. */
static struct share_link* share__choose(struct share* share, uint32_t max) {
  struct share_link* best = NULL;
  struct list_node* list = &share->parts;
  for (struct list_node* node = list->next; node != list; node = node->next) {
    struct share_link* part = LIST_ENTRY(node, struct share_link, node);
    if (!part->takes || part->waiting >= max) continue;
    if (best == NULL || part->waiting < best->waiting) best = part;
  }
  return best;
}

/* Gives waiting connections to parts with fewer than `max`. */
static void share__assign(struct share* share, uint32_t max) {
  struct share_link* part;
  while (share->waiting != 0 && (part = share__choose(share, max)) != NULL) {
    share->waiting--;
    list_push(&part->conns, list_shift(&share->conns));
    if (part->waiting++ == 0) share__announce(part);
    list_remove(&part->node);
    list_push(&share->parts, &part->node);
  }
}

/* The listener may accept one more, of which `left` wait already. */
static bool share__accepts(struct share* share, uint32_t left) {
  return share->waiting <= left && share__choose(share, UINT32_MAX) != NULL;
}

/* There may be room again. */
static void share__resume(struct share* share) {
  struct list_node* list = &share->listeners;
  share__assign(share, IOCP_SHARE_PART_MAX);
  if (!share__accepts(share, IOCP_SHARE_QUEUE_MAX / 2)) return;
  for (struct list_node* node = list->next; node != list; node = node->next) {
    struct share_link* link = LIST_ENTRY(node, struct share_link, node);
    if (!link->lacks_room) continue;
    link->lacks_room = false;
    share__announce(link);
  }
}

/* The part delivers no more of what it was given. It comes first: it is
 * older than what waits already. */
static void share__return(struct share_link* part) {
  struct share* share = part->share;
  if (part->waiting == 0) return;
  list_move(&part->conns, &share->conns);
  list_move(&share->conns, &part->conns);
  share->waiting += part->waiting;
  part->waiting = 0;
}

/* The share is over: parts get all that is left. Moves what no part takes to
 * `left`. */
static void share__give_rest(struct share* share, struct list_node* left) {
  share__assign(share, UINT32_MAX);
  list_move(left, &share->conns);
  share->waiting = 0;
}

/* The part takes no more. What no part takes stays with it when the share is
 * over, as it may take again. */
static void share__pause(struct share_link* part) {
  uint32_t count = part->waiting;
  share__return(part);
  if (!part->share->is_over) return;
  share__assign(part->share, UINT32_MAX);
  if (part->share->waiting == 0) return;
  debug_check(part->share->waiting == count);
  list_move(&part->conns, &part->share->conns);
  part->waiting = count;
  part->share->waiting = 0;
}

/* Tells the parts that nothing more comes. */
static void share__end(struct share* share, struct list_node* lost) {
  struct list_node* list = &share->parts;
  if (!list_is_empty(&share->listeners)) return;
  share->is_over = true;
  share__give_rest(share, lost);
  for (struct list_node* node = list->next; node != list; node = node->next)
    share__announce(LIST_ENTRY(node, struct share_link, node));
}

static void share__free_if_unused(struct share* share) {
  if (!list_is_empty(&share->listeners) || !list_is_empty(&share->parts))
    return;
  share->is_open = false;
  if (share->path != NULL) memory_free(share->path);
  share->path = NULL;
}

/* Returns a new share, or NULL. */
static struct share* share__new(void) {
  for (int32_t i = 0; i < IOCP_SHARES_MAX; i++) {
    struct share* share = &share__all[i];
    if (share->is_open) continue;
    int32_t before = share->id & ~SHARE__INDEX_MASK;
    *share = (struct share){
        .is_open = true, .id = ((before + SHARE__GENERATION) & INT32_MAX) | i};
    list_open(&share->listeners);
    list_open(&share->parts);
    list_open(&share->conns);
    return share;
  }
  return NULL;
}

/* ---- without it */

static void share__reset_all(struct list_node* lost) {
  while (!list_is_empty(lost)) {
    struct share__conn* conn =
        LIST_ENTRY(list_shift(lost), struct share__conn, node);
    engine_reset_handle(conn->handle);
    memory_free(conn);
  }
}

static struct share_link* share__link(struct socket* socket) {
  struct share_link* link = memory_alloc(sizeof *link);
  if (link == NULL) return NULL;
  *link = (struct share_link){.socket = socket};
  list_open(&link->conns);
  return link;
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
  if (*path_out == NULL) return -IOCP_ENOMEM;
  memory_copy(*path_out, &name, path_size(&name));
  return 0;
}

/* ---- listeners */

static int32_t share__refuses(const struct socket* listener) {
  if (listener->state != SOCKET_LISTENING || listener->share != NULL ||
      listener->defers_accept || listener->first_byte_timeout_ms != 0)
    return -IOCP_EINVAL;
  return listener->family == IOCP_PIPE ? -IOCP_ENOTSUP : 0;
}

/* Returns the share or an error. */
static int32_t share__add_listener(struct share_link* link,
                                   int32_t id,
                                   const struct iocp_address* ip,
                                   struct iocp_path** path) {
  int32_t result;
  share__enter();
  struct share* share = id < 0 ? share__new() : share__find(id);
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
  monitor_leave(&share__monitor);
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
  struct share_link* link = share__link(listener);
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
  share__enter();
  bool has_room = share__accepts(link->share, IOCP_SHARE_QUEUE_MAX - 1);
  link->lacks_room = !has_room;
  monitor_leave(&share__monitor);
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
  struct share__conn* conn = link->spare;
  link->spare = NULL;
  conn->handle = engine_release_accepted(accepted);
  socket_free(accepted);
  share__enter();
  list_push(&share->conns, &conn->node);
  share->waiting++;
  share__assign(share, IOCP_SHARE_PART_MAX);
  share__leave_and_wake(share);
}

uint32_t share_count_waiting(const struct socket* listener) {
  share__enter();
  uint32_t count = listener->share->share->waiting;
  monitor_leave(&share__monitor);
  return count;
}

/* ---- parts */

int32_t share_take_part(struct port* port, int32_t id) {
  int32_t result = -IOCP_ENOENT;
  struct socket* socket = listener_new(port, 1);
  if (socket == NULL) return port_fail(port, -IOCP_ENOMEM, 0);
  struct share_link* link = share__link(socket);
  if (link == NULL) {
    socket_free(socket);
    return port_fail(port, -IOCP_ENOMEM, 0);
  }
  share__enter();
  struct share* share = share__find(id);
  if (share != NULL && !share->is_over) {
    link->share = share;
    list_push(&share->parts, &link->node);
    result = socket->id;
    socket->family = share->path != NULL ? (uint8_t)share->path->family
                                         : (uint8_t)share->ip.family;
  }
  monitor_leave(&share__monitor);
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
  share__enter();
  link->takes = part->accept_target != 0;
  if (!link->takes) share__pause(link);
  share__resume(link->share);
  /* What it was given before the end of the share is still delivered. */
  if (link->waiting != 0 || link->share->is_over) share__announce(link);
  share__leave_and_wake(link->share);
}

/* Returns the oldest connection that the part was given and takes, or NULL;
 * sets `is_over_out` when there will be none. */
static struct share__conn* share__shift(struct share_link* link,
                                        bool* is_over_out) {
  struct share__conn* conn = NULL;
  struct share* share = link->share;
  share__enter();
  if (link->waiting != 0 && link->takes) {
    link->waiting--;
    conn = LIST_ENTRY(list_shift(&link->conns), struct share__conn, node);
  } else {
    /* More only at the next poll, so that other parts have their turn. */
    share__resume(share);
  }
  *is_over_out = conn == NULL && link->waiting == 0 && share->is_over;
  share__leave_and_wake(share);
  return conn;
}

/* The port cannot add the connection now, and the next attempt may succeed. */
static bool share__is_short(int32_t result) {
  return result == -IOCP_ENOMEM || result == -IOCP_ENOBUFS ||
         result == -IOCP_EMFILE || result == -IOCP_ENFILE;
}

/* Undoes share__shift(). */
static void share__unshift(struct share_link* link, struct share__conn* conn) {
  share__enter();
  list_push(link->conns.next, &conn->node);
  link->waiting++;
  monitor_leave(&share__monitor);
}

int32_t share_next(struct socket* part, struct socket* accepted) {
  bool is_over;
  struct share__conn* conn = share__shift(part->share, &is_over);
  if (conn == NULL) {
    if (is_over) close_with_error(part, 0);
    return ENGINE_WOULD_BLOCK;
  }
  int32_t result = engine_adopt(accepted, (double)conn->handle, IOCP_DETACHED);
  if (share__is_short(result)) {
    share__unshift(part->share, conn);
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

/* ---- both */

void share_leave(struct socket* socket) {
  struct share_link* link = socket->share;
  struct list_node lost;
  if (link == NULL || atomic_load(&share__is_abandoned)) return;
  struct share* share = link->share;
  list_open(&lost);
  socket->share = NULL;
  share__enter();
  list_remove(&link->node);
  /* The process ends, and other threads are gone. */
  if (!share->is_open) {
    monitor_leave(&share__monitor);
    return;
  }
  if (!socket->is_part) {
    share__end(share, &lost);
  } else {
    share__return(link);
    if (share->is_over)
      share__give_rest(share, &lost);
    else
      share__resume(share);
  }
  share__free_if_unused(share);
  /* A slot that is free has no links to wake. */
  share__leave_and_wake(share);
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
  share__enter();
  atomic_store(&port->share_hint, false);
  for (uint32_t i = 0; i < IOCP_SHARES_MAX; i++) {
    struct share* share = &share__all[i];
    if (!share->is_open) continue;
    share__mark(port, &share->listeners);
    share__mark(port, &share->parts);
  }
  monitor_leave(&share__monitor);
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
  if (!monitor_try_enter(&share__monitor)) {
    atomic_store(&share__is_abandoned, true);
    return;
  }
  for (uint32_t i = 0; i < IOCP_SHARES_MAX; i++)
    if (share__all[i].is_open) share__abandon(&share__all[i], &lost);
  monitor_leave(&share__monitor);
  /* Their memory ends with the process. */
  for (struct list_node* node = lost.next; node != &lost; node = node->next)
    engine_reset_handle(LIST_ENTRY(node, struct share__conn, node)->handle);
}
