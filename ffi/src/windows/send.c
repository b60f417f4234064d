/* SPDX-License-Identifier: MIT */
/*
 * Sending: straight from the caller's memory while the kernel takes it, and one
 * operation for each copy that is kept. The kernel sends in posting order
 * (WSASend()'s documentation), and they are posted by one thread.
 */
#include "send.h"

#include "errors.h"
#include "handle.h"
#include "operation.h"
#include "retry.h"
#include "stream.h"

/* As in receive.c: one error for a connection that has died. */
static int32_t send__error(int32_t error) {
  return error == -IOCP_ECONNABORTED ? -IOCP_ECONNRESET : error;
}

int32_t engine_send(struct socket* socket,
                    const void* buffer,
                    uint32_t length) {
  if (socket->port->engine.loses_sends) return ENGINE_WOULD_BLOCK;
  int count = send(socket->engine.handle, buffer, (int)length, 0);
  if (count >= 0) return count;
  DWORD native = (DWORD)WSAGetLastError();
  if (op_may_be_retried(native)) return ENGINE_WOULD_BLOCK;
  return port_fail(
      socket->port, send__error(errors_of(native)), (int32_t)native);
}

/* True when a copy behind this one is on its way, or has left already. */
static bool send__is_overtaken(struct kept* kept) {
  while ((kept = kept_next(kept)) != NULL)
    if (kept->is_done || kept->engine.op.in_flight) return true;
  return false;
}

/* Bytes of this copy will never leave. The system does not stop those behind
 * it, so the peer would take a stream with a hole in it for the whole: the
 * connection ends here and now. Only a close does that; the socket stays, with
 * an error and without a handle, until its user closes it. */
static void send__fail(struct kept* kept, int32_t error, int32_t native) {
  struct socket* socket = kept->socket;
  /* Nothing leaves behind an end. */
  if (error != -IOCP_EPIPE && send__is_overtaken(kept)) {
    handle_abort(socket, error, native);
    /* Whatever the system says of those behind it, they did not arrive. */
    for (struct kept* next = kept; (next = kept_next(next)) != NULL;)
      if (next->is_done) next->result = socket_fail(socket, error, native);
  }
  stream_kept_done(kept, error, native);
}

/* The operation is the kernel's no longer. */
static void send__reaped(struct kept* kept) {
  struct socket* socket = kept->socket;
  LONG status = op_status(&kept->engine.op);
  /* A close that has given up tells what becomes of the rest. */
  if (socket->close_phase >= CLOSE_REAPING) {
    socket_ready(socket, READY_CLOSE);
    return;
  }
  /* A success that is reported after the abort was one before it. */
  if (socket->engine.handle == INVALID_SOCKET) {
    stream_kept_done(kept, socket->error, socket->error_native);
    return;
  }
  if (status < 0) {
    send__fail(kept, send__error(errors_of_status(status)), (int32_t)status);
    return;
  }
  stream_kept_moved(kept, op_bytes(&kept->engine.op));
  if (kept->offset == kept->length) stream_kept_done(kept, 0, 0);
  /* No system has been seen to complete a part of one, and none has promised
   * not to. */
  else if (send__is_overtaken(kept))
    send__fail(kept, -IOCP_ECONNRESET, 0);
}

/* Posts what is left of a copy. False: try again later. */
static bool send__post(struct kept* kept) {
  struct socket* socket = kept->socket;
  struct engine_op* op = &kept->engine.op;
  WSABUF buffer = {.len = kept->length - kept->offset,
                   .buf = (char*)kept->bytes + kept->offset};
  int failed = SOCKET_ERROR;
  if (op_prepare(socket, op, ENGINE_SEND))
    failed = WSASend(
        socket->engine.handle, &buffer, 1, NULL, 0, &op->overlapped, NULL);
  switch (op_started(socket, op, failed == 0)) {
    case OP_COMPLETED:
      send__reaped(kept);
      return true;
    case OP_IN_FLIGHT:
      socket->engine.sends_in_flight++;
      return true;
    case OP_REFUSED:
      break;
  }
  DWORD native = (DWORD)WSAGetLastError();
  if (op_may_be_retried(native)) {
    retry_later(socket, ENGINE_SEND);
    return false;
  }
  stream_kept_done(kept, send__error(errors_of(native)), (int32_t)native);
  return true;
}

/* In order: one that cannot be posted holds back those behind it. */
void engine_send_kept(struct socket* socket) {
  struct kept* kept = kept_first(socket);
  while (kept != NULL) {
    struct engine_op* op = &kept->engine.op;
    if (!kept->is_done && !op->in_flight) {
      if (socket->error != 0)
        stream_kept_done(kept, socket->error, socket->error_native);
      else if (!send__post(kept))
        return;
    }
    /* One that has left in part, at once, goes on with the rest. */
    if (kept->is_done || op->in_flight) kept = kept_next(kept);
  }
}

void send_completed(struct kept* kept) {
  struct socket* socket = kept->socket;
  socket->engine.sends_in_flight--;
  send__reaped(kept);
  if (socket->close_phase < CLOSE_REAPING) engine_send_kept(socket);
}

/* SIO_TCP_INFO and its TCP_INFO_v0 (mstcpip.h), which the headers have only for
 * programs that need Windows 10 version 1703 or newer. */
#define SEND__TCP_INFO 0xD8000027u
struct send__tcp_info {
  int State;
  ULONG Mss;
  uint64_t ConnectionTimeMs;
  BOOLEAN TimestampsEnabled;
  ULONG RttUs;
  ULONG MinRttUs;
  ULONG BytesInFlight;
  ULONG Cwnd;
  ULONG SndWnd;
  ULONG RcvWnd;
  ULONG RcvBuf;
  uint64_t BytesOut;
  uint64_t BytesIn;
  ULONG BytesReordered;
  ULONG BytesRetrans;
  ULONG FastRetrans;
  ULONG DupAcksIn;
  ULONG TimeoutEpisodes;
  uint8_t SynRetrans;
};

bool engine_acknowledged(struct socket* socket, uint64_t* bytes_out) {
  struct send__tcp_info info;
  DWORD version = 0;
  DWORD length;
  /* Since Windows 10 version 1703. */
  if (WSAIoctl(socket->engine.handle,
               SEND__TCP_INFO,
               &version,
               sizeof version,
               &info,
               sizeof info,
               &length,
               NULL,
               NULL) != 0)
    return false;
  /* Whether what was sent once more is among the "bytes sent" is not documented
   * (TCP_INFO_v0). If it is not, this says too little while much is lost on the
   * way, and never that a peer takes something which takes nothing. */
  *bytes_out = info.BytesOut - info.BytesRetrans - info.BytesInFlight;
  return true;
}

int32_t engine_shutdown(struct socket* socket) {
  if (shutdown(socket->engine.handle, SD_SEND) == 0) return 0;
  DWORD native = (DWORD)WSAGetLastError();
  return port_fail(
      socket->port, send__error(errors_of(native)), (int32_t)native);
}
