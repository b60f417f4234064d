/* SPDX-License-Identifier: MIT */
/* The options of the system. */
#include <ws2tcpip.h>

#include "datagram_option.h"
#include "engine.h"
#include "errors.h"
#include "handle.h"
#include "keep_alive.h"

/* In ws2ipdef.h; MinGW's has not all of them. */
#define OPTION__KEEP_IDLE 3
#define OPTION__MAX_RETRANSMISSION 5
#define OPTION__KEEP_COUNT 16
#define OPTION__KEEP_INTERVAL 17

#define OPTION__MS 1000

/* What to do where the system does not know an option. */
enum option__fallback {
  OPTION__NONE, /* every version knows it */
  OPTION__REFUSE,
  OPTION__EMULATE /* see keep_alive.h */
};

struct option__system {
  int level;
  int name; /* 0: no version has it */
  enum option__fallback fallback;
};

/*
 * Indexed by the option numbers of the API. Sources: "IPPROTO_TCP socket
 * options" for the versions that have them, and for TCP_MAXRT, "if this value
 * is non-negative, it represents the desired connection timeout in seconds"
 * (Wine 10 has none).
 *
 * There is no DSCP: IP_TOS "for TCP packets has never been available to
 * Winsock", and since Windows 2000 it is ignored although setsockopt() returns
 * success, unless DisableUserTOSSetting is set in the registry (KB 248611).
 */
static const struct option__system option__systems[] = {
    [IOCP_NO_DELAY] = {IPPROTO_TCP, TCP_NODELAY, OPTION__NONE},
    [IOCP_KEEP_ALIVE] = {SOL_SOCKET, SO_KEEPALIVE, OPTION__NONE},
    [IOCP_KEEP_ALIVE_IDLE] = {IPPROTO_TCP, OPTION__KEEP_IDLE, OPTION__EMULATE},
    [IOCP_KEEP_ALIVE_INTERVAL] = {IPPROTO_TCP,
                                  OPTION__KEEP_INTERVAL,
                                  OPTION__EMULATE},
    [IOCP_KEEP_ALIVE_COUNT] = {IPPROTO_TCP, OPTION__KEEP_COUNT, OPTION__REFUSE},
    [IOCP_USER_TIMEOUT] = {IPPROTO_TCP,
                           OPTION__MAX_RETRANSMISSION,
                           OPTION__REFUSE},
    [IOCP_DSCP] = {0, 0, OPTION__REFUSE},
};

static DWORD option__set(SOCKET handle,
                         const struct option__system* system,
                         DWORD number) {
  const char* bytes = (const char*)&number;
  if (setsockopt(handle, system->level, system->name, bytes, sizeof number) ==
      0)
    return 0;
  return (DWORD)WSAGetLastError();
}

static DWORD option__get(SOCKET handle,
                         const struct option__system* system,
                         DWORD* number_out) {
  int length = sizeof *number_out;
  /* Some providers write one byte only. */
  *number_out = 0;
  if (getsockopt(
          handle, system->level, system->name, (char*)number_out, &length) == 0)
    return 0;
  return (DWORD)WSAGetLastError();
}

/* TCP_MAXRT counts seconds. They are rounded up, so that a connection gets at
 * least the given time. */
static DWORD option__to_system(uint32_t option, int32_t value) {
  DWORD number = (DWORD)value;
  if (option != IOCP_USER_TIMEOUT) return number;
  return number / OPTION__MS + (number % OPTION__MS != 0);
}

static int32_t option__from_system(uint32_t option, DWORD number) {
  if (option != IOCP_USER_TIMEOUT) return (int32_t)number;
  /* -1 means no limit. */
  return number > INT32_MAX / OPTION__MS ? INT32_MAX
                                         : (int32_t)(number * OPTION__MS);
}

int32_t engine_set_option(struct socket* socket,
                          uint32_t option,
                          int32_t value) {
  if (option > IOCP_DSCP) return datagram_option_set(socket, option, value);
  const struct option__system* system = &option__systems[option];
  DWORD number = option__to_system(option, value);
  if (socket->engine.handle == INVALID_SOCKET) return handle_fail(socket);
  if (system->name == 0) return port_fail(socket->port, -IOCP_ENOTSUP, 0);
  DWORD native = option__set(socket->engine.handle, system, number);
  if (system->fallback != OPTION__NONE && keep_alive_is_unknown(native)) {
    if (system->fallback == OPTION__REFUSE)
      return port_fail(socket->port, -IOCP_ENOTSUP, (int32_t)native);
    native = keep_alive_set(socket, option, number);
  }
  if (native == 0 && option == IOCP_KEEP_ALIVE && value != 0)
    native = keep_alive_apply(socket);
  return native == 0 ? 0 : errors_fail(socket->port, native);
}

int32_t engine_get_option(struct socket* socket, uint32_t option) {
  if (option > IOCP_DSCP) return datagram_option_get(socket, option);
  const struct option__system* system = &option__systems[option];
  DWORD number;
  if (socket->engine.handle == INVALID_SOCKET) return handle_fail(socket);
  if (system->name == 0) return port_fail(socket->port, -IOCP_ENOTSUP, 0);
  DWORD native = option__get(socket->engine.handle, system, &number);
  if (native == 0) return option__from_system(option, number);
  if (system->fallback == OPTION__NONE || !keep_alive_is_unknown(native))
    return errors_fail(socket->port, native);
  if (option == IOCP_KEEP_ALIVE_COUNT) return KEEP_ALIVE_COUNT;
  if (system->fallback == OPTION__REFUSE)
    return port_fail(socket->port, -IOCP_ENOTSUP, (int32_t)native);
  return (int32_t)keep_alive_get(socket, option);
}
