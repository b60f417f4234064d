/* SPDX-License-Identifier: MIT */
#include "npfs.h"

#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

#include "habits.h"
#include "op.h"
#include "report.h"
#include "sock.h"
#include "tape.h"

static struct list_node npfs__names;

void npfs_open_all(void) { list_open(&npfs__names); }

/* ---- queues */

static void npfs__queue_put(struct pipe_queue* queue,
                            const uint8_t* bytes,
                            uint32_t length) {
  if (queue->count + length > queue->size) {
    uint32_t size = (queue->count + length) * 2;
    uint8_t* grown = malloc(size);
    if (grown == NULL) abort();
    if (queue->count != 0)
      memcpy(grown, queue->bytes + queue->first, queue->count);
    free(queue->bytes);
    *queue = (struct pipe_queue){grown, size, 0, queue->count};
  }
  if (queue->first + queue->count + length > queue->size) {
    memmove(queue->bytes, queue->bytes + queue->first, queue->count);
    queue->first = 0;
  }
  memcpy(queue->bytes + queue->first + queue->count, bytes, length);
  queue->count += length;
}

static void npfs__queue_take(struct pipe_queue* queue,
                             uint8_t* bytes,
                             uint32_t length) {
  memcpy(bytes, queue->bytes + queue->first, length);
  queue->first += length;
  queue->count -= length;
}

/* ---- names and instances */

/* "Pipe names are not case sensitive" (CreateNamedPipe()). */
static bool npfs__is_same(const WCHAR* a, const WCHAR* b) {
  while (*a != 0 && towlower((wint_t)*a) == towlower((wint_t)*b)) {
    a++;
    b++;
  }
  return *a == 0 && *b == 0;
}

struct pipe_name* npfs_find(const WCHAR* text) {
  for (struct list_node* node = npfs__names.next; node != &npfs__names;
       node = node->next) {
    struct pipe_name* name = LIST_ENTRY(node, struct pipe_name, node);
    if (npfs__is_same(name->text, text)) return name;
  }
  return NULL;
}

struct pipe_name* npfs_add_name(const WCHAR* text, uint32_t instances_max) {
  struct pipe_name* name = calloc(1, sizeof *name);
  if (name == NULL) abort();
  wcsncpy(name->text, text, PIPE_NAME_MAX);
  name->instances_max = instances_max;
  list_open(&name->instances);
  list_push(&npfs__names, &name->node);
  return name;
}

static struct pipe_end* npfs__end(struct pipe* pipe, bool is_server) {
  struct pipe_end* end = calloc(1, sizeof *end);
  if (end == NULL) abort();
  end->pipe = pipe;
  end->is_server = is_server;
  end->is_open = true;
  return end;
}

struct pipe* npfs_add_instance(struct pipe_name* name, uint32_t server_id) {
  struct pipe* pipe = calloc(1, sizeof *pipe);
  if (pipe == NULL) abort();
  pipe->name = name;
  pipe->state = PIPE_LISTENING;
  pipe->quota = habits.window;
  pipe->server_id = server_id;
  pipe->server = npfs__end(pipe, true);
  list_push(&name->instances, &pipe->node);
  name->count++;
  return pipe;
}

static void npfs__end_free(struct pipe_end* end) {
  if (end == NULL) return;
  free(end->in.bytes);
  free(end);
}

/* "The pipe exists as long as a server or client process has an open handle"
 * (DisconnectNamedPipe(), remarks). */
static void npfs__free(struct pipe* pipe) {
  struct pipe_name* name = pipe->name;
  list_remove(&pipe->node);
  free(pipe);
  if (--name->count != 0) return;
  TRACE("  a pipe has no instance any more");
  list_remove(&name->node);
  free(name);
}

void npfs_close_all(void) {
  while (!list_is_empty(&npfs__names)) {
    struct list_node* node = npfs__names.next;
    struct pipe_name* name = LIST_ENTRY(node, struct pipe_name, node);
    node = name->instances.next;
    struct pipe* pipe = LIST_ENTRY(node, struct pipe, node);
    npfs__end_free(pipe->server);
    npfs__end_free(pipe->client);
    npfs__free(pipe);
  }
}

static uint32_t npfs__end_room(const struct pipe_end* end) {
  uint32_t count = end->other->in.count;
  return count < end->pipe->quota ? end->pipe->quota - count : 0;
}

uint32_t npfs_room(const struct pipe_end* end) {
  return npfs_is_over(end) ? 0 : npfs__end_room(end);
}

bool npfs_is_over(const struct pipe_end* end) {
  return end->pipe == NULL || end->pipe->state != PIPE_CONNECTED;
}

/* A write that was pending when its handle was closed moves on. */
static bool npfs__end_can_write(const struct pipe_end* end) {
  return end != NULL && end->sock != NULL && end->pipe != NULL &&
         end->pipe->state != PIPE_DISCONNECTED && end->other != NULL &&
         end->other->is_open;
}

/* ---- pending operations */

static struct op* npfs__end_first(struct list_node* list) {
  return LIST_ENTRY(list->next, struct op, node);
}

static void npfs__end_fail(struct list_node* list, LONG status) {
  while (!list_is_empty(list)) op_done(npfs__end_first(list), status, 0);
}

/* The handle was closed, and its last write has ended. */
static void npfs__end_forget(struct pipe_end* end) {
  if (!end->is_open && end->sock != NULL && list_is_empty(&end->sock->sends))
    end->sock = NULL;
}

static void npfs__end_fail_all(struct pipe_end* end, LONG status) {
  if (end == NULL || end->sock == NULL) return;
  npfs__end_fail(&end->sock->receives, status);
  npfs__end_fail(&end->sock->sends, status);
  npfs__end_forget(end);
}

static uint32_t npfs__part(uint32_t length) {
  if (length > 1 && habits_fault(habits.splits)) return 1 + tape_choose(length);
  return length;
}

/* A read completes with what is there; one of no bytes takes none. */
static void npfs__end_read_pending(struct pipe_end* end) {
  while (end->sock != NULL && end->in.count != 0 &&
         !list_is_empty(&end->sock->receives)) {
    struct op* op = npfs__end_first(&end->sock->receives);
    uint32_t length = op->length < end->in.count ? op->length : end->in.count;
    if (length != 0) {
      op_touch(op);
      length = npfs__part(length);
      npfs__queue_take(&end->in, op->buffer, length);
    }
    op_done(op, STATUS_OK, length);
  }
}

/* Moves what the quota allows into the queue of the other end. Returns true
 * when all of it was moved. */
static bool npfs__end_write_some(struct pipe_end* end, struct op* op) {
  uint32_t room = npfs__end_room(end);
  uint32_t left = op->length - op->moved;
  uint32_t length = room < left ? room : left;
  npfs__queue_put(&end->other->in, op->buffer + op->moved, length);
  op->moved += length;
  return op->moved == op->length;
}

/* "The write operation will block until the data is read from the pipe so that
 * the additional buffer quota can be released" (CreateNamedPipe()). */
static void npfs__end_write_pending(struct pipe_end* end) {
  while (npfs__end_can_write(end) && !list_is_empty(&end->sock->sends)) {
    struct op* op = npfs__end_first(&end->sock->sends);
    bool is_all = npfs__end_write_some(end, op);
    uint32_t before = end->other->in.count;
    npfs__end_read_pending(end->other);
    if (is_all)
      op_done(op, STATUS_OK, op->moved);
    else if (end->other->in.count == before)
      return;
    npfs__end_forget(end);
  }
}

/* ---- transfers */

uint32_t npfs_read(struct pipe_end* end, uint8_t* bytes, uint32_t length) {
  if (length > end->in.count) length = end->in.count;
  if (length == 0) return 0;
  npfs__queue_take(&end->in, bytes, length);
  /* There is room for what the other end has pending. */
  npfs__end_write_pending(end->other);
  return length;
}

void npfs_moved(struct pipe_end* end) {
  npfs__end_read_pending(end);
  npfs__end_write_pending(end);
  npfs__end_write_pending(end->other);
}

uint32_t npfs_write(struct pipe_end* end,
                    const uint8_t* bytes,
                    uint32_t length) {
  uint32_t room = npfs_room(end);
  if (length > room) length = room;
  npfs__queue_put(&end->other->in, bytes, length);
  npfs__end_read_pending(end->other);
  return length;
}

/* "If the lpNumberOfBytesRead parameter is zero when ReadFile returns TRUE on a
 * pipe, the other end of the pipe called the WriteFile function with
 * nNumberOfBytesToWrite set to zero" (ReadFile(), remarks). */
void npfs_write_null(struct pipe_end* end) {
  struct sock* sock = end->other->sock;
  if (sock == NULL) return;
  if (!list_is_empty(&sock->receives))
    op_done(npfs__end_first(&sock->receives), STATUS_OK, 0);
  else if (end->other->in.count == 0)
    end->other->has_null = true;
}

/* ---- connecting */

struct pipe_end* npfs_connect(const WCHAR* text,
                              uint32_t client_id,
                              DWORD* error_out) {
  struct pipe_name* name = npfs_find(text);
  *error_out = ERROR_FILE_NOT_FOUND;
  if (name == NULL) return NULL;
  *error_out = ERROR_PIPE_BUSY;
  for (struct list_node* node = name->instances.next; node != &name->instances;
       node = node->next) {
    struct pipe* pipe = LIST_ENTRY(node, struct pipe, node);
    if (pipe->state != PIPE_LISTENING) continue;
    pipe->state = PIPE_CONNECTED;
    pipe->client_id = client_id;
    pipe->client = npfs__end(pipe, false);
    pipe->client->other = pipe->server;
    pipe->server->other = pipe->client;
    struct op* op = pipe->listen;
    pipe->listen = NULL;
    LONG status =
        habits_break(habits.late_faults) ? STATUS_NO_RESOURCES : STATUS_OK;
    if (op != NULL) op_done(op, status, 0);
    return pipe->client;
  }
  return NULL;
}

void npfs_listen(struct pipe* pipe) { pipe->state = PIPE_LISTENING; }

void npfs_disconnect(struct pipe* pipe) {
  struct pipe_end* client = pipe->client;
  TRACE("  a pipe is disconnected, with %u bytes unread by its client",
        client == NULL ? 0 : client->in.count);
  if (pipe->listen != NULL) {
    struct op* op = pipe->listen;
    pipe->listen = NULL;
    op_done(op, STATUS_IS_PIPE_DISCONNECTED, 0);
  }
  npfs__end_fail_all(pipe->server, STATUS_IS_PIPE_DISCONNECTED);
  npfs__end_fail_all(client, STATUS_IS_PIPE_DISCONNECTED);
  pipe->server->in.count = 0;
  pipe->server->other = NULL;
  pipe->state = PIPE_DISCONNECTED;
  pipe->client = NULL;
  if (client == NULL) return;
  client->in.count = 0;
  client->pipe = NULL;
  client->other = NULL;
  if (!client->is_open) npfs__end_free(client);
}

/* ---- closing */

/* The other end reads what is there, and then ERROR_BROKEN_PIPE. What this end
 * has not read is discarded, and a pending write to it fails. */
static void npfs__close_one(struct pipe* pipe, struct pipe_end* end) {
  pipe->state = PIPE_CLOSING;
  end->in.count = 0;
  end->is_open = false;
  if (end->other->sock == NULL) return;
  npfs__end_fail(&end->other->sock->sends, STATUS_IS_PIPE_BROKEN);
  npfs__end_fail(&end->other->sock->receives, STATUS_IS_PIPE_BROKEN);
}

void npfs_end_close(struct pipe_end* end) {
  struct pipe* pipe = end->pipe;
  if (pipe == NULL) {
    npfs__end_free(end);
    return;
  }
  if (pipe->state == PIPE_CONNECTED) {
    npfs__close_one(pipe, end);
    return;
  }
  if (end->other != NULL) npfs__end_fail_all(end->other, STATUS_IS_PIPE_BROKEN);
  npfs__end_free(pipe->server);
  npfs__end_free(pipe->client);
  npfs__free(pipe);
}

void npfs_widen(void) {
  for (struct list_node* node = npfs__names.next; node != &npfs__names;
       node = node->next) {
    struct pipe_name* name = LIST_ENTRY(node, struct pipe_name, node);
    for (struct list_node* one = name->instances.next; one != &name->instances;
         one = one->next) {
      struct pipe* pipe = LIST_ENTRY(one, struct pipe, node);
      pipe->quota = habits.window;
      npfs__end_write_pending(pipe->server);
      if (pipe->client != NULL) npfs__end_write_pending(pipe->client);
    }
  }
}

void npfs_op_canceled(struct op* op) {
  struct pipe_end* end = op->sock->pipe;
  if (op->kind == OP_LISTEN) end->pipe->listen = NULL;
}

/* What the end has pending is canceled with its handle, and of a write, what
 * the other end could not take yet is lost. Or the write stays until it was
 * read (ReactOS, npfs/statesup.c). */
void npfs_sock_closed(struct sock* sock) {
  struct pipe_end* end = sock->pipe;
  struct pipe* pipe = end->pipe;
  sock->pipe = NULL;
  npfs__end_fail(&sock->receives, sock_closed_status());
  /* No program could end the write then if it cannot be canceled either. */
  bool stays =
      !npfs_is_over(end) && !sock->has_failed_cancel && tape_choose(2) != 0;
  if (!stays) npfs__end_fail(&sock->sends, sock_closed_status());
  if (list_is_empty(&sock->sends)) end->sock = NULL;
  if (end->is_server && pipe != NULL && pipe->listen != NULL) {
    struct op* op = pipe->listen;
    pipe->listen = NULL;
    op_done(op, sock_closed_status(), 0);
  }
  TRACE("  a %s of a pipe is closed",
        end->is_server ? "server's end" : "client's end");
  npfs_end_close(end);
}
