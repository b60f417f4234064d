/* SPDX-License-Identifier: MIT */
#include "operation.h"

#include "relay.h"

bool op_prepare(struct socket* socket,
                struct engine_op* op,
                enum engine_op_kind kind) {
  *op = (struct engine_op){.kind = (uint8_t)kind, .port = socket->port};
  if (!socket->engine.relays || relay_prepare(op)) return true;
  WSASetLastError(WSAENOBUFS);
  return false;
}

enum op_start op_started(struct socket* socket,
                         struct engine_op* op,
                         bool has_succeeded) {
  DWORD native = has_succeeded ? 0 : (DWORD)WSAGetLastError();
  if (has_succeeded && socket->engine.skips_packets) return OP_COMPLETED;
  if (!has_succeeded && native != WSA_IO_PENDING) {
    relay_end(op);
    WSASetLastError((int)native);
    return OP_REFUSED;
  }
  op->in_flight = true;
  socket->port->stats.operations++;
  return OP_IN_FLIGHT;
}

void op_reap(struct port* port, struct engine_op* op) {
  op->in_flight = false;
  port->stats.operations--;
  relay_end(op);
}

LONG op_status(const struct engine_op* op) {
  return (LONG)op->overlapped.Internal;
}

uint32_t op_bytes(const struct engine_op* op) {
  return (uint32_t)op->overlapped.InternalHigh;
}

bool op_may_be_retried(DWORD native) {
  /* WSAEWOULDBLOCK means "too many outstanding overlapped I/O requests" here
   * (WSARecv()). */
  return native == WSAENOBUFS || native == WSAEWOULDBLOCK;
}
