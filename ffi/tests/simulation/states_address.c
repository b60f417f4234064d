/* SPDX-License-Identifier: MIT */
/* The addresses of listeners and of connections, and those of names. */
#include <stddef.h>
#include <string.h>

#include "report.h"
#include "states.h"
#include "tape.h"

#define ADDRESS__WAIT_MS 100
#define ADDRESS__TRIES 20
/* "IPv4 uses the first four" bytes (struct iocp_address): the others may be
 * anything. */
#define ADDRESS__REST 0xA5
#define ADDRESS__V4_BYTES 4

static struct iocp_address address__v4(uint8_t first,
                                       uint8_t last,
                                       uint16_t port) {
  struct iocp_address address = {.family = 4, .port = port};
  memset(address.bytes, ADDRESS__REST, sizeof address.bytes);
  memset(address.bytes, 0, ADDRESS__V4_BYTES);
  address.bytes[0] = first;
  address.bytes[ADDRESS__V4_BYTES - 1] = last;
  return address;
}

/* ---- listeners */

/* Each address of loopback has ports of its own. A connection that outlives its
 * listener keeps the port from an exclusive bind, but a new listener can have
 * it. */
static void address__listen_twice(struct states_port* port, uint16_t number) {
  struct iocp_record record;
  struct peer* peer;
  struct iocp_address bound;
  struct iocp_address other = address__v4(127, 2, number);
  int32_t listener = iocp_listen(port->id, &other, 8, 0);
  RULE("the same port of another address is free", listener >= 0);
  RULE("a listener accepts", iocp_accept(port->id, listener, 1) == 0);
  RULE("a listener has an address",
       iocp_get_address(port->id, listener, IOCP_LOCAL, &bound, sizeof bound) ==
           (int32_t)sizeof bound);
  if (states_connect(port, listener, &bound, &peer) < 0) return;
  RULE("a listener can be closed",
       iocp_close(port->id, listener, IOCP_RESET, 0) == 0);
  RULE("a listener is closed",
       states_await(port, listener, IOCP_CLOSED, ADDRESS__WAIT_MS, &record));
  RULE("the port of a closed listener is free, though another address has it",
       iocp_listen(port->id, &other, 8, 0) >= 0);
}

/* A listener has its address alone: none of all addresses shares its port. */
void states_visit_listeners(void) {
  struct states_port port;
  struct iocp_address address;
  if (!states_open(&port)) return;
  int32_t listener = states_listen(&port, 1, &address);
  if (listener >= 0) {
    struct iocp_address any = address__v4(0, 0, address.port);
    RULE("a wildcard listener shares no port with that of one address",
         iocp_listen(port.id, &any, 8, 0) == -IOCP_EADDRINUSE);
    address__listen_twice(&port, address.port);
  }
  states_close(&port);
}

/* ---- connections */

static struct peer* address__accept(struct peer_listener* host) {
  struct peer* peer = NULL;
  for (uint32_t i = 0; i < ADDRESS__WAIT_MS && peer == NULL; i++) {
    world_pause(1);
    peer = peer_accept(host);
  }
  return peer;
}

/* The unspecified address means this machine, and that is what is reported. */
void states_visit_unspecified(void) {
  struct states_port port;
  struct iocp_address address, reported;
  struct iocp_record record;
  uint16_t family = tape_choose(2) == 0 ? 4 : 6;
  if (!states_open(&port)) return;
  struct peer_listener* host = peer_listen(PEER_ACCEPTS, family);
  if (host == NULL) {
    states_close(&port);
    return;
  }
  peer_listener_address(host, &address);
  struct iocp_address to = {.family = 6, .port = address.port};
  if (family == 4) to = address__v4(0, 0, address.port);
  int32_t id = iocp_connect(port.id, &to, NULL);
  bool is_connected =
      id >= 0 && address__accept(host) != NULL &&
      states_await(&port, id, IOCP_CONNECTED, ADDRESS__WAIT_MS, &record) &&
      record.result == 0;
  /* A provider may lack what connecting needs. */
  RULE("a connect to the unspecified address reaches this machine",
       is_connected || id == -IOCP_ENOTSUP || world_has_broken());
  if (is_connected)
    RULE("the peer of such a connection has the address of this machine",
         iocp_get_address(port.id, id, IOCP_PEER, &reported, sizeof reported) ==
                 (int32_t)sizeof reported &&
             reported.port == address.port &&
             memcmp(reported.bytes,
                    address.bytes,
                    family == 4 ? ADDRESS__V4_BYTES : sizeof reported.bytes) ==
                 0);
  states_close(&port);
}

/* ---- names */

/* A provider may have results of other families alone, but not always. */
void states_visit_names(void) {
  struct iocp_address addresses[2];
  static const char name[] = "localhost";
  for (uint32_t i = 0; i < ADDRESS__TRIES; i++)
    if (iocp_resolve(name, sizeof name - 1, addresses, 2) > 0) return;
  report_violation("the name of this machine is resolved", "%s", name);
}
