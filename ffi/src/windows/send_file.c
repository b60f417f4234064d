/* SPDX-License-Identifier: MIT */
#include "send_file.h"

#include "engine.h"
#include "winsock.h"

static bool send_file__is_tcp(const struct socket* socket) {
  return socket->family == IOCP_IPV4 || socket->family == IOCP_IPV6;
}

bool engine_transmits_files(struct socket* socket) {
  struct port* port = socket->port;
  /* A peer that does not receive would hold one of the two transmissions that a
   * client edition has for all programs (TransmitFile(), remarks), and the
   * others would wait for it. Go avoids it there as well (golang/go #73746).
   * For unix sockets it is not documented. */
  if (port->engine.limits_transmits || !send_file__is_tcp(socket)) return false;
  return winsock_transmit_file(port, socket->family, socket->engine.handle) !=
         NULL;
}

/* A copy has at most IOCP_SEND_MAX bytes, and a call at most 2^31 - 2. The
 * handle of the socket is not to be reused (TF_REUSE_SOCKET), so there are no
 * flags. */
bool send_file_post(struct send_copy* copy) {
  struct socket* socket = copy->socket;
  LPFN_TRANSMITFILE transmit = winsock_transmit_file(
      socket->port, socket->family, socket->engine.handle);
  uint64_t offset = copy->file_offset + copy->offset;
  OVERLAPPED* overlapped = &copy->engine.op.overlapped;
  overlapped->Offset = (DWORD)offset;
  overlapped->OffsetHigh = (DWORD)(offset >> 32);
  return transmit(socket->engine.handle,
                  copy->file->engine.handle,
                  copy->length - copy->offset,
                  0,
                  overlapped,
                  NULL,
                  0);
}
