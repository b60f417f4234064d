/* SPDX-License-Identifier: MIT */
#include "pipe_accept.h"

#include "errors.h"
#include "listener.h"
#include "memory.h"
#include "operation.h"
#include "pipe.h"
#include "pipe_security.h"

/* What the system keeps of a direction before a write has to wait; "advisory"
 * (CreateNamedPipe()). libuv has the same size. */
#define PIPE_ACCEPT__BUFFER 65536

struct pipe_instance {
  struct engine_op op;
  struct list_node node; /* in `posted` of the listener, then in `accepted` */
  struct socket* listener;
  HANDLE handle;
  bool skips_packets;
  bool has_failed; /* its operation, so that it has no client */
};

/* ---- making instances */

static HANDLE pipe_accept__create(const struct socket* listener, DWORD flags) {
  WCHAR name[PIPE_NAME_MAX + 1];
  const struct path* path = listener->path;
  /* The handle is not inherited: a child process would keep the instance, and
   * with it the name. */
  SECURITY_ATTRIBUTES attributes = {
      .nLength = sizeof attributes,
      .lpSecurityDescriptor = path->engine.descriptor,
      .bInheritHandle = FALSE};
  pipe_name(&path->name, name);
  return CreateNamedPipeW(name,
                          PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED | flags,
                          PIPE_TYPE_BYTE | PIPE_READMODE_BYTE | PIPE_WAIT |
                              PIPE_REJECT_REMOTE_CLIENTS,
                          PIPE_UNLIMITED_INSTANCES,
                          PIPE_ACCEPT__BUFFER,
                          PIPE_ACCEPT__BUFFER,
                          0,
                          &attributes);
}

/* It has a client, or has failed, and waits for engine_accept_next(). */
static void pipe_accept__queue(struct pipe_instance* instance) {
  struct socket* listener = instance->listener;
  list_push(&listener->engine.accepted, &instance->node);
  listener->engine.accepted_count++;
  socket_ready(listener, READY_ACCEPT);
}

DWORD pipe_accept_make(struct socket* listener,
                       DWORD flags,
                       struct pipe_instance** instance_out) {
  struct pipe_instance* instance = memory_alloc(sizeof *instance);
  if (instance == NULL) return ERROR_NOT_ENOUGH_MEMORY;
  DWORD native;
  *instance = (struct pipe_instance){
      .listener = listener, .handle = pipe_accept__create(listener, flags)};
  if (instance->handle == INVALID_HANDLE_VALUE) {
    native = GetLastError();
    goto err1;
  }
  native = pipe_associate(
      listener->port, instance->handle, &instance->skips_packets);
  if (native != 0) goto err2;
  *instance_out = instance;
  return 0;

err2:
  CloseHandle(instance->handle);
err1:
  memory_free(instance);
  return native;
}

DWORD pipe_accept_check_only(const struct pipe_instance* instance) {
  DWORD count = 0;
  if (!GetNamedPipeHandleStateW(
          instance->handle, NULL, &count, NULL, NULL, NULL, 0))
    return GetLastError();
  return count <= 1 ? 0 : ERROR_ACCESS_DENIED;
}

void pipe_accept_drop(struct pipe_instance* instance) {
  CloseHandle(instance->handle);
  memory_free(instance);
}

DWORD pipe_accept_start(struct pipe_instance* instance) {
  struct socket* listener = instance->listener;
  listener->engine.skips_packets = instance->skips_packets;
  op_prepare(listener, &instance->op, ENGINE_PIPE_ACCEPT);
  bool has_succeeded =
      pipe_called(ConnectNamedPipe(instance->handle, &instance->op.overlapped));
  enum op_start start = op_started(listener, &instance->op, has_succeeded);
  if (start == OP_IN_FLIGHT) {
    list_push(&listener->engine.posted, &instance->node);
    listener->engine.accepts_posted++;
    return 0;
  }
  /* A client has connected since the instance was made: "there is a good
   * connection" (ConnectNamedPipe()). With ERROR_NO_DATA it has closed its end
   * again, but what it has written can still be read. */
  DWORD native = start == OP_COMPLETED ? ERROR_PIPE_CONNECTED : GetLastError();
  if (native != ERROR_PIPE_CONNECTED && native != ERROR_NO_DATA) return native;
  pipe_accept__queue(instance);
  return 0;
}

/* Adds an instance to the pool. Returns 0 or the system's error. */
static DWORD pipe_accept__add(struct socket* listener) {
  struct pipe_instance* instance;
  DWORD native = pipe_accept_make(listener, 0, &instance);
  if (native != 0) return native;
  native = pipe_accept_start(instance);
  if (native != 0) pipe_accept_drop(instance);
  return native;
}

/* ---- the pool */

static uint32_t pipe_accept__count(const struct socket* listener) {
  return listener->engine.accepts_posted + listener->engine.accepted_count;
}

/* How many instances wait for a client or to be handed out. A pipe has no
 * backlog besides them. */
static uint32_t pipe_accept__pool_size(const struct socket* listener) {
  uint32_t target = listener->accept_target;
  target += listener->backlog - listener->engine.backlog_first;
  if (target == 0) return 1;
  return target < IOCP_ACCEPT_MAX ? target : IOCP_ACCEPT_MAX;
}

void pipe_accept_post(struct socket* listener) {
  /* Report the clients that connected while the target was 0. */
  if (listener->engine.accepted_count != 0)
    socket_ready(listener, READY_ACCEPT);
  while (pipe_accept__count(listener) < pipe_accept__pool_size(listener)) {
    DWORD native = pipe_accept__add(listener);
    if (native == 0) continue;
    listener_failed(listener, errors_of(native), (int32_t)native);
    return;
  }
}

void pipe_accept_completed(struct engine_op* op) {
  struct pipe_instance* instance = LIST_ENTRY(op, struct pipe_instance, op);
  struct socket* listener = instance->listener;
  list_remove(&instance->node);
  listener->engine.accepts_posted--;
  instance->has_failed = op_status(op) < 0;
  if (listener->state != SOCKET_CLOSING) {
    pipe_accept__queue(instance);
    return;
  }
  /* Its handle is closed already. */
  memory_free(instance);
  if (listener->engine.accepts_posted == 0) socket_ready(listener, READY_CLOSE);
}

/* Moves the handle into the accepted socket. */
static void pipe_accept__enter(struct pipe_instance* instance,
                               struct socket* accepted) {
  path_share(accepted, instance->listener);
  accepted->engine.skips_packets = instance->skips_packets;
  pipe_enter(accepted, instance->handle, true);
}

int32_t pipe_accept_next(struct socket* listener, struct socket* accepted) {
  struct engine_socket* engine = &listener->engine;
  if (listener->accept_target == 0) return ENGINE_WOULD_BLOCK;
  if (list_is_empty(&engine->accepted)) {
    pipe_accept_post(listener);
    return ENGINE_WOULD_BLOCK;
  }
  /* The replacement comes first. If it fails, the pool may shrink, but not to
   * nothing; pipe_accept_post() tries again. */
  if (pipe_accept__count(listener) <= pipe_accept__pool_size(listener)) {
    DWORD native = pipe_accept__add(listener);
    if (native != 0 && pipe_accept__count(listener) < 2)
      return errors_fail(listener->port, native);
  }
  struct pipe_instance* instance =
      LIST_ENTRY(list_shift(&engine->accepted), struct pipe_instance, node);
  engine->accepted_count--;
  if (instance->has_failed) {
    pipe_accept_drop(instance);
    return -IOCP_ECONNABORTED;
  }
  pipe_accept__enter(instance, accepted);
  memory_free(instance);
  return 0;
}

/* ---- closing */

/* The client gets an error at its next call, not an end. */
static void pipe_accept__close(struct pipe_instance* instance) {
  DisconnectNamedPipe(instance->handle);
  CloseHandle(instance->handle);
  instance->handle = INVALID_HANDLE_VALUE;
}

void pipe_accept_cancel_all(struct socket* listener) {
  struct engine_socket* engine = &listener->engine;
  const struct list_node* list = &engine->posted;
  for (struct list_node* node = list->next; node != list; node = node->next) {
    struct pipe_instance* instance =
        LIST_ENTRY(node, struct pipe_instance, node);
    /* Its packet comes in any case. */
    CancelIoEx(instance->handle, &instance->op.overlapped);
    pipe_accept__close(instance);
  }
  while (!list_is_empty(&engine->accepted)) {
    struct pipe_instance* instance =
        LIST_ENTRY(list_shift(&engine->accepted), struct pipe_instance, node);
    pipe_accept__close(instance);
    memory_free(instance);
  }
  engine->accepted_count = 0;
  pipe_security_free(listener->path->engine.descriptor);
  listener->path->engine.descriptor = NULL;
}
