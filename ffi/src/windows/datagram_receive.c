/* SPDX-License-Identifier: MIT */
#include "datagram_receive.h"

#include "address.h"
#include "datagram_memory.h"
#include "errors.h"
#include "memory.h"
#include "operation.h"
#include "retry.h"

/* Datagrams that one call delivers before other sockets have their turn. */
#define DATAGRAM_RECEIVE__BATCH 16

#define DATAGRAM_RECEIVE__BUFFER_OVERFLOW ((LONG)0x80000005)
#define DATAGRAM_RECEIVE__HOPLIMIT_EXCEEDED ((LONG)0xC000A012)

/* ---- the list */

void datagram_receive_open(struct socket* socket) {
  list_open(&socket->datagram->engine.receives);
  socket->receive_depth = DATAGRAM_RECEIVE_DEPTH;
}

/* The oldest one, or NULL. */
static struct datagram_receive* datagram_receive__first(
    const struct socket* socket) {
  const struct list_node* list = &socket->datagram->engine.receives;
  if (list_is_empty(list)) return NULL;
  return LIST_ENTRY(list->next, struct datagram_receive, node);
}

static bool datagram_receive__is_ready(const struct socket* socket) {
  const struct datagram_receive* first = datagram_receive__first(socket);
  return first != NULL && first->is_completed;
}

static struct datagram_receive* datagram_receive__new(struct socket* socket) {
  struct datagram_receive* receive = memory_alloc(sizeof *receive);
  if (receive == NULL) return NULL;
  receive->socket = socket;
  list_push(&socket->datagram->engine.receives, &receive->node);
  socket->datagram->engine.receive_count++;
  socket->port->stats.bytes_posted += IOCP_DATAGRAM_MAX;
  return receive;
}

static void datagram_receive__free(struct datagram_receive* receive) {
  struct socket* socket = receive->socket;
  list_remove(&receive->node);
  socket->datagram->engine.receive_count--;
  socket->port->stats.bytes_posted -= IOCP_DATAGRAM_MAX;
  memory_free(receive);
}

void datagram_receive_discard(struct socket* socket) {
  struct datagram_receive* receive;
  while ((receive = datagram_receive__first(socket)) != NULL)
    datagram_receive__free(receive);
}

void datagram_receive_count(const struct socket* socket,
                            double* posted,
                            double* readable) {
  const struct list_node* list = &socket->datagram->engine.receives;
  for (struct list_node* node = list->next; node != list; node = node->next) {
    struct datagram_receive* receive =
        LIST_ENTRY(node, struct datagram_receive, node);
    if (receive->is_completed)
      *readable += receive->length;
    else
      *posted += IOCP_DATAGRAM_MAX;
  }
}

/* ---- results */

/* A router or the receiver has refused an earlier datagram (WSARecvFrom(),
 * WSAECONNRESET and WSAENETRESET). The codes are those of Linux. */
static int32_t datagram_receive__error(int32_t error, LONG status) {
  if (status == DATAGRAM_RECEIVE__HOPLIMIT_EXCEEDED || error == -IOCP_ENETRESET)
    return -IOCP_EHOSTUNREACH;
  return error == -IOCP_ECONNRESET ? -IOCP_ECONNREFUSED : error;
}

static void datagram_receive__fail(struct datagram_receive* receive,
                                   int32_t error,
                                   int32_t native) {
  receive->is_completed = true;
  receive->error = error;
  receive->native = native;
  receive->length = 0;
}

static void datagram_receive__result(struct datagram_receive* receive) {
  LONG status = op_status(&receive->op);
  if (status < 0 && status != DATAGRAM_RECEIVE__BUFFER_OVERFLOW) {
    datagram_receive__fail(
        receive,
        datagram_receive__error(errors_of_status(status), status),
        (int32_t)status);
    return;
  }
  uint32_t bytes = op_bytes(&receive->op);
  receive->is_completed = true;
  receive->is_truncated = status == DATAGRAM_RECEIVE__BUFFER_OVERFLOW;
  receive->length = bytes < IOCP_DATAGRAM_MAX ? bytes : IOCP_DATAGRAM_MAX;
}

static void datagram_receive__mark(struct socket* socket) {
  socket_ready(socket,
               socket->state == SOCKET_CLOSING ? READY_CLOSE : READY_RECEIVE);
}

void datagram_receive_completed(struct datagram_receive* receive) {
  struct socket* socket = receive->socket;
  socket->engine.receives_in_flight--;
  datagram_receive__result(receive);
  datagram_receive__mark(socket);
}

/* ---- posting */

/* The buffer is full, and the rest of the datagram is lost. */
static void datagram_receive__truncated(struct datagram_receive* receive) {
  receive->is_completed = receive->is_truncated = true;
  receive->length = IOCP_DATAGRAM_MAX;
}

/* Posts one that is the last of the list. If the system refuses it with an
 * error, that is its result. Returns false if it is to be retried later. */
static bool datagram_receive__post(struct datagram_receive* receive) {
  struct socket* socket = receive->socket;
  WSABUF buffer = {.len = IOCP_DATAGRAM_MAX, .buf = (char*)receive->bytes};
  receive->flags = 0;
  receive->from_length = sizeof receive->from;
  receive->is_completed = receive->is_truncated = false;
  receive->error = 0;
  op_prepare(socket, &receive->op, ENGINE_DATAGRAM);
  int failed = WSARecvFrom(socket->engine.handle,
                           &buffer,
                           1,
                           NULL,
                           &receive->flags,
                           (SOCKADDR*)&receive->from,
                           &receive->from_length,
                           &receive->op.overlapped,
                           NULL);
  /* No packet is skipped, so it never completes at once. */
  if (op_started(socket, &receive->op, failed == 0) != OP_REFUSED) {
    socket->engine.receives_in_flight++;
    return true;
  }
  DWORD native = (DWORD)WSAGetLastError();
  if (op_may_be_retried(native)) return false;
  if (native == WSAEMSGSIZE)
    datagram_receive__truncated(receive);
  else
    datagram_receive__fail(receive,
                           datagram_receive__error(errors_of(native), 0),
                           (int32_t)native);
  datagram_receive__mark(socket);
  return true;
}

/* Posts it, or frees it and tries again later. */
static void datagram_receive__start(struct datagram_receive* receive) {
  struct socket* socket = receive->socket;
  if (datagram_receive__post(receive)) return;
  datagram_receive__free(receive);
  retry_later(socket, ENGINE_RECEIVE);
}

void engine_arm_datagrams(struct socket* socket) {
  const struct engine_datagram* engine = &socket->datagram->engine;
  if (socket->state != SOCKET_DATAGRAM) return;
  while (engine->receive_count < socket->receive_depth &&
         !socket->engine.retries_receive) {
    struct datagram_receive* receive = datagram_receive__new(socket);
    if (receive == NULL)
      retry_later(socket, ENGINE_RECEIVE);
    else
      datagram_receive__start(receive);
    /* An error at once: one is reported at a time. */
    if (datagram_receive__is_ready(socket)) return;
  }
}

/* Posts one again that was delivered, behind the others. */
static void datagram_receive__recycle(struct datagram_receive* receive) {
  struct engine_datagram* engine = &receive->socket->datagram->engine;
  /* The option may have changed. */
  if (engine->receive_count > receive->socket->receive_depth) {
    datagram_receive__free(receive);
    return;
  }
  list_remove(&receive->node);
  list_push(&engine->receives, &receive->node);
  datagram_receive__start(receive);
}

/* ---- delivering */

static void datagram_receive__header(const struct datagram_receive* receive,
                                     struct iocp_datagram* header_out) {
  address_from_system(
      (const SOCKADDR*)&receive->from, receive->from_length, &header_out->from);
  header_out->length = receive->length;
  header_out->size = receive->is_truncated ? UINT32_MAX : receive->length;
}

/* Takes an error from the front. */
static int32_t datagram_receive__take_error(struct datagram_receive* receive) {
  struct port* port = receive->socket->port;
  int32_t error = receive->error;
  int32_t native = receive->native;
  datagram_receive__free(receive);
  return port_fail(port, error, native);
}

int32_t engine_receive_datagrams(struct socket* socket,
                                 struct datagram_room* room) {
  uint32_t begin = room->used;
  int32_t result = ENGINE_WOULD_BLOCK;
  for (int i = 0; i < DATAGRAM_RECEIVE__BATCH; i++) {
    struct datagram_receive* receive = datagram_receive__first(socket);
    if (receive == NULL || !receive->is_completed) break;
    struct iocp_datagram header;
    if (receive->error != 0 && i == 0)
      return datagram_receive__take_error(receive);
    if (receive->error != 0 || room->used - begin >= room->credit) break;
    datagram_receive__header(receive, &header);
    room->is_full = datagram_footprint(&header) > room->size - room->used;
    if (room->is_full) return 0;
    datagram_put(socket, room, &header, NULL, receive->bytes);
    datagram_receive__recycle(receive);
    result = 0;
  }
  room->has_more = datagram_receive__is_ready(socket);
  return result;
}

int32_t engine_receive_from(struct socket* socket,
                            void* buffer,
                            uint32_t length,
                            struct iocp_datagram* header_out,
                            uint8_t* path_out) {
  struct datagram_receive* receive = datagram_receive__first(socket);
  (void)path_out;
  if (receive == NULL || !receive->is_completed) return ENGINE_WOULD_BLOCK;
  if (receive->error != 0) return datagram_receive__take_error(receive);
  datagram_receive__header(receive, header_out);
  if (header_out->length > length) header_out->length = length;
  memory_copy(buffer, receive->bytes, header_out->length);
  datagram_receive__recycle(receive);
  return (int32_t)header_out->length;
}
