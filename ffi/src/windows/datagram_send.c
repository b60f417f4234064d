/* SPDX-License-Identifier: MIT */
/*
 * Sending datagrams: directly from the caller's memory while the kernel accepts
 * them, and one operation at a time for what was copied.
 */
#include "datagram_send.h"

#include "datagram.h"
#include "datagram_address.h"
#include "datagram_memory.h"
#include "engine.h"
#include "errors.h"
#include "memory.h"
#include "operation.h"
#include "retry.h"

/* Datagrams that one call sends before the caller looks at the result. */
#define DATAGRAM_SEND__BATCH 16
/* Errors of earlier datagrams that one call takes. */
#define DATAGRAM_SEND__EARLIER 8

static int32_t datagram_send__error(DWORD native) {
  /* sendto() without a destination. */
  if (native == WSAENOTCONN || native == WSAEDESTADDRREQ)
    return -IOCP_EDESTADDRREQ;
  return errors_of(native);
}

/* "A previously sent UDP datagram" was refused (sendto() and WSASendTo(),
 * WSAECONNRESET and WSAENETRESET), and this one was not sent. A receive reports
 * it. There is one such error for each ICMP message (JDK-4431020). */
static bool datagram_send__is_earlier(struct socket* socket, DWORD native) {
  if (native != WSAECONNRESET && native != WSAENETRESET) return false;
  datagram_failed_before(
      socket,
      native == WSAENETRESET ? -IOCP_EHOSTUNREACH : -IOCP_ECONNREFUSED,
      (int32_t)native);
  return true;
}

int32_t engine_send_to(struct socket* socket,
                       const struct iocp_datagram* header,
                       const void* path,
                       const void* data) {
  SOCKADDR_STORAGE to;
  (void)path;
  int32_t length = datagram_address_to_system(socket, header, &to);
  if (length < 0) return port_fail(socket->port, length, 0);
  DWORD native = 0;
  for (int i = 0; i < DATAGRAM_SEND__EARLIER; i++) {
    if (sendto(socket->engine.handle,
               header->length == 0 ? "" : data,
               (int)header->length,
               0,
               length == 0 ? NULL : (SOCKADDR*)&to,
               length) >= 0)
      return 0;
    native = (DWORD)WSAGetLastError();
    if (op_may_be_retried(native)) return ENGINE_WOULD_BLOCK;
    if (!datagram_send__is_earlier(socket, native)) break;
    native = 0;
  }
  if (native == 0) return ENGINE_WOULD_BLOCK;
  return port_fail(socket->port, datagram_send__error(native), (int32_t)native);
}

int32_t engine_send_datagrams(struct socket* socket,
                              struct datagram_sending* sending) {
  int32_t count = 0;
  sending->bytes = 0;
  while (count < DATAGRAM_SEND__BATCH && sending->length != 0) {
    struct iocp_datagram header;
    memory_copy(&header, sending->memory, sizeof header);
    int32_t result = engine_send_to(
        socket, &header, NULL, sending->memory + datagram_data_offset(&header));
    if (result < 0) return count != 0 ? count : result;
    sending->memory += datagram_footprint(&header);
    sending->length -= datagram_footprint(&header);
    sending->bytes += header.length;
    count++;
  }
  return count;
}

/* ---- copies */

/* The first datagram of a copy that is still to be sent. */
static const uint8_t* datagram_send__next(const struct send_copy* copy,
                                          struct iocp_datagram* header_out) {
  uint32_t length;
  const uint8_t* memory = datagram_copy_rest(copy, &length);
  memory_copy(header_out, memory, sizeof *header_out);
  return memory + datagram_data_offset(header_out);
}

/* Returns 0, or the error of Winsock when the operation was refused. */
static DWORD datagram_send__start(struct send_copy* copy,
                                  const struct iocp_datagram* header,
                                  const uint8_t* data,
                                  const SOCKADDR_STORAGE* to,
                                  int32_t length) {
  struct socket* socket = copy->socket;
  struct engine_op* op = &copy->engine.op;
  WSABUF buffer = {.len = header->length, .buf = (char*)(uintptr_t)data};
  op_prepare(socket, op, ENGINE_SEND);
  int failed = WSASendTo(socket->engine.handle,
                         &buffer,
                         1,
                         NULL,
                         0,
                         length == 0 ? NULL : (const SOCKADDR*)to,
                         length,
                         &op->overlapped,
                         NULL);
  /* No packet is skipped, so it never completes at once. */
  if (op_started(socket, op, failed == 0) == OP_REFUSED)
    return (DWORD)WSAGetLastError();
  socket->engine.sends_in_flight++;
  return 0;
}

/* Posts the next datagram of a copy. Returns false if it was refused because
 * memory is short. */
static bool datagram_send__post(struct send_copy* copy) {
  struct iocp_datagram header;
  SOCKADDR_STORAGE to;
  const uint8_t* data = datagram_send__next(copy, &header);
  int32_t length = datagram_address_to_system(copy->socket, &header, &to);
  if (length < 0) {
    datagram_copy_failed(copy, length, 0);
    return true;
  }
  DWORD native = datagram_send__start(copy, &header, data, &to, length);
  if (native == 0) return true;
  if (op_may_be_retried(native) ||
      datagram_send__is_earlier(copy->socket, native))
    return false;
  datagram_copy_failed(copy, datagram_send__error(native), (int32_t)native);
  return true;
}

void datagram_send_copies(struct socket* socket) {
  struct send_copy* copy;
  while ((copy = send_copy_first(socket)) != NULL &&
         !copy->engine.op.in_flight) {
    if (datagram_send__post(copy)) continue;
    retry_later(socket, ENGINE_SEND);
    return;
  }
}

void datagram_send_completed(struct send_copy* copy) {
  struct socket* socket = copy->socket;
  LONG status = op_status(&copy->engine.op);
  struct iocp_datagram header;
  socket->engine.sends_in_flight--;
  /* A close that has canceled its operations finishes the copies itself. */
  if (socket->close_phase >= CLOSE_REAPING) {
    socket_ready(socket, READY_CLOSE);
    return;
  }
  datagram_send__next(copy, &header);
  if (status < 0)
    datagram_copy_failed(copy, errors_of_status(status), (int32_t)status);
  else
    datagram_copy_sent(copy, 1, datagram_footprint(&header), header.length);
  datagram_send_copies(socket);
}
