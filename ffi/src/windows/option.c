/* SPDX-License-Identifier: MIT */
/* The options of the system. */
#include <ws2tcpip.h>

#include "engine.h"
#include "errors.h"
#include "handle.h"
#include "keep_alive.h"

/* In ws2ipdef.h since Windows 10 version 1709; MinGW's has not all of them. */
#define OPTION__KEEP_IDLE 3
#define OPTION__KEEP_COUNT 16
#define OPTION__KEEP_INTERVAL 17

struct option__name {
  int level;
  int name;
};

/* By the numbers of the API. */
static const struct option__name option__names[] = {
    [IOCP_NO_DELAY] = {IPPROTO_TCP, TCP_NODELAY},
    [IOCP_KEEP_ALIVE] = {SOL_SOCKET, SO_KEEPALIVE},
    [IOCP_KEEP_ALIVE_IDLE] = {IPPROTO_TCP, OPTION__KEEP_IDLE},
    [IOCP_KEEP_ALIVE_INTERVAL] = {IPPROTO_TCP, OPTION__KEEP_INTERVAL},
    [IOCP_KEEP_ALIVE_COUNT] = {IPPROTO_TCP, OPTION__KEEP_COUNT},
};

/* What only newer systems have, each since its own version. */
static bool option__is_newer(uint32_t option) {
  return option == IOCP_KEEP_ALIVE_IDLE || option == IOCP_KEEP_ALIVE_INTERVAL ||
         option == IOCP_KEEP_ALIVE_COUNT;
}

int32_t engine_set_option(struct socket* socket,
                          uint32_t option,
                          int32_t value) {
  const struct option__name* system = &option__names[option];
  DWORD number = (DWORD)value;
  DWORD native = 0;
  if (socket->engine.handle == INVALID_SOCKET) return handle_fail(socket);
  if (setsockopt(socket->engine.handle,
                 system->level,
                 system->name,
                 (const char*)&number,
                 sizeof number) != 0)
    native = (DWORD)WSAGetLastError();
  if (option__is_newer(option) && keep_alive_is_unknown(native)) {
    if (option == IOCP_KEEP_ALIVE_COUNT)
      return port_fail(socket->port, -IOCP_ENOTSUP, (int32_t)native);
    native = keep_alive_set(socket, option, number);
  }
  if (native == 0 && option == IOCP_KEEP_ALIVE && value != 0)
    native = keep_alive_switched_on(socket);
  return native == 0 ? 0 : errors_fail(socket->port, native);
}

int32_t engine_get_option(struct socket* socket, uint32_t option) {
  const struct option__name* system = &option__names[option];
  /* Some providers write one byte only. */
  DWORD number = 0;
  int length = sizeof number;
  if (socket->engine.handle == INVALID_SOCKET) return handle_fail(socket);
  if (getsockopt(socket->engine.handle,
                 system->level,
                 system->name,
                 (char*)&number,
                 &length) == 0)
    return (int32_t)number;
  DWORD native = (DWORD)WSAGetLastError();
  if (!option__is_newer(option) || !keep_alive_is_unknown(native))
    return errors_fail(socket->port, native);
  if (option == IOCP_KEEP_ALIVE_COUNT) return KEEP_ALIVE_COUNT;
  return (int32_t)keep_alive_get(socket, option);
}
