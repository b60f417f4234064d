/* SPDX-License-Identifier: MIT */
#include "pipe.h"

#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

#include "habits.h"
#include "op.h"
#include "report.h"
#include "sock.h"
#include "tape.h"

static struct list_node pipe__names;

void pipe_open_all(void) { list_open(&pipe__names); }

/* ---- queues */

static void queue__put(struct pipe_queue* queue,
                       const uint8_t* bytes,
                       uint32_t length) {
  if (queue->count + length > queue->size) {
    uint32_t size = (queue->count + length) * 2;
    uint8_t* grown = malloc(size);
    if (grown == NULL) abort();
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

static void queue__take(struct pipe_queue* queue,
                        uint8_t* bytes,
                        uint32_t length) {
  memcpy(bytes, queue->bytes + queue->first, length);
  queue->first += length;
  queue->count -= length;
}

/* ---- names and instances */

/* "Pipe names are not case sensitive" (CreateNamedPipe()). */
static bool pipe__is_same(const WCHAR* a, const WCHAR* b) {
  while (*a != 0 && towlower((wint_t)*a) == towlower((wint_t)*b)) {
    a++;
    b++;
  }
  return *a == 0 && *b == 0;
}

struct pipe_name* pipe_find(const WCHAR* text) {
  for (struct list_node* node = pipe__names.next; node != &pipe__names;
       node = node->next) {
    struct pipe_name* name = LIST_ENTRY(node, struct pipe_name, node);
    if (pipe__is_same(name->text, text)) return name;
  }
  return NULL;
}

struct pipe_name* pipe_add_name(const WCHAR* text, uint32_t instances_max) {
  struct pipe_name* name = calloc(1, sizeof *name);
  if (name == NULL) abort();
  wcsncpy(name->text, text, PIPE_NAME_MAX);
  name->instances_max = instances_max;
  list_open(&name->instances);
  list_push(&pipe__names, &name->node);
  return name;
}

static struct pipe_end* pipe__end(struct pipe* pipe, bool is_server) {
  struct pipe_end* end = calloc(1, sizeof *end);
  if (end == NULL) abort();
  end->pipe = pipe;
  end->is_server = is_server;
  end->is_open = true;
  return end;
}

struct pipe* pipe_add_instance(struct pipe_name* name, uint32_t server_id) {
  struct pipe* pipe = calloc(1, sizeof *pipe);
  if (pipe == NULL) abort();
  pipe->name = name;
  pipe->state = PIPE_LISTENING;
  pipe->quota = habits.window;
  pipe->server_id = server_id;
  pipe->server = pipe__end(pipe, true);
  list_push(&name->instances, &pipe->node);
  name->count++;
  return pipe;
}

static void end__free(struct pipe_end* end) {
  if (end == NULL) return;
  free(end->in.bytes);
  free(end);
}

/* "The pipe exists as long as a server or client process has an open handle"
 * (DisconnectNamedPipe(), remarks). */
static void pipe__free(struct pipe* pipe) {
  struct pipe_name* name = pipe->name;
  list_remove(&pipe->node);
  free(pipe);
  if (--name->count != 0) return;
  TRACE("  a pipe has no instance any more");
  list_remove(&name->node);
  free(name);
}

void pipe_close_all(void) {
  while (!list_is_empty(&pipe__names)) {
    struct list_node* node = pipe__names.next;
    struct pipe_name* name = LIST_ENTRY(node, struct pipe_name, node);
    node = name->instances.next;
    struct pipe* pipe = LIST_ENTRY(node, struct pipe, node);
    end__free(pipe->server);
    end__free(pipe->client);
    pipe__free(pipe);
  }
}

static uint32_t end__room(const struct pipe_end* end) {
  uint32_t count = end->other->in.count;
  return count < end->pipe->quota ? end->pipe->quota - count : 0;
}

uint32_t pipe_room(const struct pipe_end* end) {
  return pipe_is_over(end) ? 0 : end__room(end);
}

bool pipe_is_over(const struct pipe_end* end) {
  return end->pipe == NULL || end->pipe->state != PIPE_CONNECTED;
}

/* A write that was pending when its handle was closed moves on. */
static bool end__can_write(const struct pipe_end* end) {
  return end != NULL && end->sock != NULL && end->pipe != NULL &&
         end->pipe->state != PIPE_DISCONNECTED && end->other != NULL &&
         end->other->is_open;
}

/* ---- pending operations */

static struct op* end__first(struct list_node* list) {
  return LIST_ENTRY(list->next, struct op, node);
}

static void end__fail(struct list_node* list, LONG status) {
  while (!list_is_empty(list)) op_done(end__first(list), status, 0);
}

/* The handle was closed, and its last write has ended. */
static void end__forget(struct pipe_end* end) {
  if (!end->is_open && end->sock != NULL && list_is_empty(&end->sock->sends))
    end->sock = NULL;
}

static void end__fail_all(struct pipe_end* end, LONG status) {
  if (end == NULL || end->sock == NULL) return;
  end__fail(&end->sock->receives, status);
  end__fail(&end->sock->sends, status);
  end__forget(end);
}

static uint32_t pipe__part(uint32_t length) {
  if (length > 1 && habits_fault(habits.splits)) return 1 + tape_choose(length);
  return length;
}

/* A read completes with what is there; one of no bytes takes none. */
static void end__read_pending(struct pipe_end* end) {
  while (end->sock != NULL && end->in.count != 0 &&
         !list_is_empty(&end->sock->receives)) {
    struct op* op = end__first(&end->sock->receives);
    uint32_t length = op->length < end->in.count ? op->length : end->in.count;
    if (length != 0) {
      op_touch(op);
      length = pipe__part(length);
      queue__take(&end->in, op->buffer, length);
    }
    op_done(op, STATUS_OK, length);
  }
}

/* Moves what the quota allows into the queue of the other end. Returns true
 * when all of it was moved. */
static bool end__write_some(struct pipe_end* end, struct op* op) {
  uint32_t room = end__room(end);
  uint32_t left = op->length - op->moved;
  uint32_t length = room < left ? room : left;
  queue__put(&end->other->in, op->buffer + op->moved, length);
  op->moved += length;
  return op->moved == op->length;
}

/* "The write operation will block until the data is read from the pipe so that
 * the additional buffer quota can be released" (CreateNamedPipe()). */
static void end__write_pending(struct pipe_end* end) {
  while (end__can_write(end) && !list_is_empty(&end->sock->sends)) {
    struct op* op = end__first(&end->sock->sends);
    bool is_all = end__write_some(end, op);
    uint32_t before = end->other->in.count;
    end__read_pending(end->other);
    if (is_all)
      op_done(op, STATUS_OK, op->moved);
    else if (end->other->in.count == before)
      return;
    end__forget(end);
  }
}

/* ---- transfers */

uint32_t pipe_read(struct pipe_end* end, uint8_t* bytes, uint32_t length) {
  if (length > end->in.count) length = end->in.count;
  if (length == 0) return 0;
  queue__take(&end->in, bytes, length);
  /* There is room for what the other end has pending. */
  end__write_pending(end->other);
  return length;
}

void pipe_moved(struct pipe_end* end) {
  end__read_pending(end);
  end__write_pending(end);
  end__write_pending(end->other);
}

uint32_t pipe_write(struct pipe_end* end,
                    const uint8_t* bytes,
                    uint32_t length) {
  uint32_t room = pipe_room(end);
  if (length > room) length = room;
  queue__put(&end->other->in, bytes, length);
  end__read_pending(end->other);
  return length;
}

/* "If the lpNumberOfBytesRead parameter is zero when ReadFile returns TRUE on a
 * pipe, the other end of the pipe called the WriteFile function with
 * nNumberOfBytesToWrite set to zero" (ReadFile(), remarks). */
void pipe_write_null(struct pipe_end* end) {
  struct sock* sock = end->other->sock;
  if (sock == NULL || list_is_empty(&sock->receives)) return;
  op_done(end__first(&sock->receives), STATUS_OK, 0);
}

/* ---- connecting */

struct pipe_end* pipe_connect(const WCHAR* text,
                              uint32_t client_id,
                              DWORD* error_out) {
  struct pipe_name* name = pipe_find(text);
  *error_out = ERROR_FILE_NOT_FOUND;
  if (name == NULL) return NULL;
  *error_out = ERROR_PIPE_BUSY;
  for (struct list_node* node = name->instances.next; node != &name->instances;
       node = node->next) {
    struct pipe* pipe = LIST_ENTRY(node, struct pipe, node);
    if (pipe->state != PIPE_LISTENING) continue;
    pipe->state = PIPE_CONNECTED;
    pipe->client_id = client_id;
    pipe->client = pipe__end(pipe, false);
    pipe->client->other = pipe->server;
    pipe->server->other = pipe->client;
    struct op* op = pipe->listen;
    pipe->listen = NULL;
    if (op != NULL) op_done(op, STATUS_OK, 0);
    return pipe->client;
  }
  return NULL;
}

void pipe_listen(struct pipe* pipe) { pipe->state = PIPE_LISTENING; }

void pipe_disconnect(struct pipe* pipe) {
  struct pipe_end* client = pipe->client;
  TRACE("  a pipe is disconnected, with %u bytes unread by its client",
        client == NULL ? 0 : client->in.count);
  if (pipe->listen != NULL) {
    struct op* op = pipe->listen;
    pipe->listen = NULL;
    op_done(op, STATUS_IS_PIPE_DISCONNECTED, 0);
  }
  end__fail_all(pipe->server, STATUS_IS_PIPE_DISCONNECTED);
  end__fail_all(client, STATUS_IS_PIPE_DISCONNECTED);
  pipe->server->in.count = 0;
  pipe->server->other = NULL;
  pipe->state = PIPE_DISCONNECTED;
  pipe->client = NULL;
  if (client == NULL) return;
  client->in.count = 0;
  client->pipe = NULL;
  client->other = NULL;
  if (!client->is_open) end__free(client);
}

/* ---- closing */

/* The other end reads what is there, and then ERROR_BROKEN_PIPE. What this end
 * has not read is discarded, and a pending write to it fails. */
static void pipe__close_one(struct pipe* pipe, struct pipe_end* end) {
  pipe->state = PIPE_CLOSING;
  end->in.count = 0;
  end->is_open = false;
  if (end->other->sock == NULL) return;
  end__fail(&end->other->sock->sends, STATUS_IS_PIPE_BROKEN);
  end__fail(&end->other->sock->receives, STATUS_IS_PIPE_BROKEN);
}

void pipe_end_close(struct pipe_end* end) {
  struct pipe* pipe = end->pipe;
  if (pipe == NULL) {
    end__free(end);
    return;
  }
  if (pipe->state == PIPE_CONNECTED) {
    pipe__close_one(pipe, end);
    return;
  }
  if (end->other != NULL) end__fail_all(end->other, STATUS_IS_PIPE_BROKEN);
  end__free(pipe->server);
  end__free(pipe->client);
  pipe__free(pipe);
}

void pipe_op_canceled(struct op* op) {
  struct pipe_end* end = op->sock->pipe;
  if (op->kind == OP_LISTEN) end->pipe->listen = NULL;
}

/* What the end has pending is canceled with its handle, and of a write, what
 * the other end could not take yet is lost. Or the write stays until it was
 * read (ReactOS, npfs/statesup.c). */
void pipe_sock_closed(struct sock* sock) {
  struct pipe_end* end = sock->pipe;
  struct pipe* pipe = end->pipe;
  sock->pipe = NULL;
  end__fail(&sock->receives, sock_closed_status());
  bool stays = !pipe_is_over(end) && tape_choose(2) != 0;
  if (!stays) end__fail(&sock->sends, sock_closed_status());
  if (list_is_empty(&sock->sends)) end->sock = NULL;
  if (end->is_server && pipe != NULL && pipe->listen != NULL) {
    struct op* op = pipe->listen;
    pipe->listen = NULL;
    op_done(op, sock_closed_status(), 0);
  }
  TRACE("  a %s of a pipe is closed",
        end->is_server ? "server's end" : "client's end");
  pipe_end_close(end);
}
