/* SPDX-License-Identifier: MIT */
#include "keep_alive.h"

#include <mstcpip.h>

/* The defaults of the system ("SIO_KEEPALIVE_VALS control code"), in seconds.
 */
#define KEEP_ALIVE__IDLE 7200
#define KEEP_ALIVE__INTERVAL 1
#define KEEP_ALIVE__MS 1000

bool keep_alive_is_unknown(DWORD native) {
  /* WSAEINVAL comes from providers that check the level before the option. */
  return native == WSAENOPROTOOPT || native == WSAEINVAL;
}

DWORD keep_alive_get(const struct socket* socket, uint32_t option) {
  const struct engine_socket* engine = &socket->engine;
  if (option == IOCP_KEEP_ALIVE_IDLE)
    return engine->keep_idle != 0 ? engine->keep_idle : KEEP_ALIVE__IDLE;
  return engine->keep_interval != 0 ? engine->keep_interval
                                    : KEEP_ALIVE__INTERVAL;
}

/* Switches keep-alive on as well, so only for sockets that have it on. */
static DWORD keep_alive__ioctl(struct socket* socket) {
  struct tcp_keepalive times = {
      .onoff = 1,
      .keepalivetime =
          KEEP_ALIVE__MS * keep_alive_get(socket, IOCP_KEEP_ALIVE_IDLE),
      .keepaliveinterval =
          KEEP_ALIVE__MS * keep_alive_get(socket, IOCP_KEEP_ALIVE_INTERVAL)};
  DWORD length;
  if (WSAIoctl(socket->engine.handle,
               SIO_KEEPALIVE_VALS,
               &times,
               sizeof times,
               NULL,
               0,
               &length,
               NULL,
               NULL) == 0)
    return 0;
  return (DWORD)WSAGetLastError();
}

DWORD keep_alive_apply(struct socket* socket) {
  const struct engine_socket* engine = &socket->engine;
  if (engine->keep_idle == 0 && engine->keep_interval == 0) return 0;
  return keep_alive__ioctl(socket);
}

DWORD keep_alive_set(struct socket* socket, uint32_t option, DWORD seconds) {
  struct engine_socket* engine = &socket->engine;
  uint16_t* place = option == IOCP_KEEP_ALIVE_IDLE ? &engine->keep_idle
                                                   : &engine->keep_interval;
  uint16_t before = *place;
  DWORD is_on = 0;
  int length = sizeof is_on;
  if (getsockopt(
          engine->handle, SOL_SOCKET, SO_KEEPALIVE, (char*)&is_on, &length) !=
      0)
    return (DWORD)WSAGetLastError();
  *place = (uint16_t)seconds;
  DWORD native = is_on == 0 ? 0 : keep_alive__ioctl(socket);
  if (native != 0) *place = before;
  return native;
}
