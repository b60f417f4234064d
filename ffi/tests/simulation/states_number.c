/* SPDX-License-Identifier: MIT */
/* The system's number of an error, when there is no memory: "0: the error is
 * the library's" (iocp_native_error()), and not that of an earlier failure. */
#include <stddef.h>

#include "report.h"
#include "states.h"
#include "tape.h"

struct number__sockets {
  struct states_port port;
  struct iocp_address address; /* of a listener */
  struct iocp_path path;
  int32_t listener; /* of the path */
  int32_t stream;
};

static int32_t number__listen(const struct number__sockets* sockets) {
  return iocp_listen(sockets->port.id, &sockets->address, 1, 0);
}

/* Leaves the number of a failure: the address is in use. */
static int32_t number__fail(const struct number__sockets* sockets) {
  int32_t result = number__listen(sockets);
  int32_t number = iocp_native_error(sockets->port.id);
  RULE("an address that is in use is refused with a number of the system",
       result < 0 && number != 0);
  return number;
}

static int32_t number__share(const struct number__sockets* sockets) {
  return iocp_share(sockets->port.id, sockets->listener, -1);
}

static int32_t number__listen_path(const struct number__sockets* sockets) {
  return iocp_listen_path(
      sockets->port.id, &sockets->path, 1, 0, IOCP_MODE_DEFAULT, NULL, 0);
}

static int32_t number__connect(const struct number__sockets* sockets) {
  return iocp_connect(sockets->port.id, &sockets->address, NULL);
}

static int32_t number__connect_path(const struct number__sockets* sockets) {
  return iocp_connect(sockets->port.id, &sockets->path, NULL);
}

static int32_t number__bind(const struct number__sockets* sockets) {
  static const struct iocp_address any = {.family = 4};
  return iocp_bind(sockets->port.id, &any, 0, IOCP_MODE_DEFAULT);
}

static int32_t number__group(const struct number__sockets* sockets) {
  return iocp_group_new(sockets->port.id);
}

static int32_t number__accept(const struct number__sockets* sockets) {
  return iocp_accept(sockets->port.id, sockets->listener, 2);
}

static int32_t number__send(const struct number__sockets* sockets) {
  static const uint8_t bytes[IOCP_SLAB_MIN];
  return iocp_send(sockets->port.id, sockets->stream, bytes, 0, sizeof bytes);
}

/* Each call is made after a failure, while there is no memory. */
static void number__try_all(const struct number__sockets* sockets) {
  static int32_t (*const calls[])(const struct number__sockets*) = {
      number__share,
      number__listen,
      number__listen_path,
      number__connect,
      number__connect_path,
      number__bind,
      number__group,
      number__accept,
      number__send};
  for (uint32_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
    int32_t earlier = number__fail(sockets);
    world_lack(WORLD_HEAP, WORLD_ALWAYS);
    int32_t result = calls[i](sockets);
    world_lack(WORLD_HEAP, 0);
    TRACE("call %u: %d", i, result);
    /* Not always 0, since the system may be what lacked memory. */
    if (result == -IOCP_ENOMEM)
      RULE("a call that lacks memory has no number of an earlier failure",
           iocp_native_error(sockets->port.id) != earlier);
  }
}

void states_visit_numbers(void) {
  struct number__sockets sockets;
  struct peer* peer;
  uint16_t family = tape_choose(2) == 0 ? IOCP_UNIX : IOCP_PIPE;
  if (!world_has_local(family) || !states_open(&sockets.port)) return;
  world_path(family, STATES_PATH_NUMBERS, WORLD_USER, &sockets.path);
  sockets.listener = number__listen_path(&sockets);
  int32_t other = states_listen(&sockets.port, 1, &sockets.address);
  sockets.stream =
      other < 0 ? other
                : states_connect(&sockets.port, other, &sockets.address, &peer);
  if (sockets.listener >= 0 && sockets.stream >= 0) number__try_all(&sockets);
  states_close(&sockets.port);
}
