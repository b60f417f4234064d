/* SPDX-License-Identifier: MIT */
/* ConnectEx(). */
#include <string.h>
#include <ws2tcpip.h>

#include "datagram.h"
#include "disk.h"
#include "extension.h"
#include "habits.h"
#include "kernel.h"
#include "network.h"
#include "op.h"
#include "report.h"
#include "sock.h"
#include "tape.h"

/* Sets the local address that the peer will see. */
static void connect__set_local(struct sock* sock,
                               const struct iocp_address* to) {
  static const uint8_t v4[16] = {127, 0, 0, 1};
  static const uint8_t v6[16] = {[15] = 1};
  if (sock->local.port == 0) sock->local.port = network_new_port();
  if (!address_is_any(&sock->local)) return;
  if (address_is_link_local(to)) {
    memcpy(sock->local.bytes, to->bytes, sizeof to->bytes);
    sock->local.scope = to->scope;
    return;
  }
  for (int i = 0; i < 16; i++)
    sock->local.bytes[i] = to->family == 4 ? v4[i] : v6[i];
}

/* The chosen local port may be the port that is called, and nothing listens
 * there. Then TCP opens the connection from both ends (RFC 9293, 3.5), and the
 * socket is connected to itself. */
static bool connect__is_to_itself(struct sock* sock,
                                  bool has_chosen,
                                  const struct iocp_address* to) {
  if (!has_chosen || !address_is_own(to) || listening_has(to) ||
      sock->local.family != to->family || !address_is_same(&sock->local, to) ||
      !tape_chance(100))
    return false;
  sock->local.port = to->port;
  return true;
}

static bool connect__check(const struct sock* sock,
                           const struct iocp_address* to) {
  /* "The socket must be bound" (ConnectEx()'s documentation). */
  if (sock->state != SOCK_BOUND) return kernel_fail(WSAEINVAL);
  /* A path without a file, or of one that is no socket. */
  if (to->family == SOCK_LOCAL && to->port == 0)
    return kernel_fail(WSAECONNREFUSED);
  RULE("a connection shares its port where the system supports it",
       !sock->has_own_port || sock->asks_to_share || habits.build < BUILD_10);
  /* Not a destination on Windows. Linux connects to the loopback address. */
  if (address_is_any(to) || to->port == 0) return kernel_fail(WSAEADDRNOTAVAIL);
  if (habits_break(habits.kernel_faults)) return kernel_fail(WSAENOBUFS);
  if (habits_break(habits.refusals)) {
    static const DWORD errors[] = {
        WSAECONNREFUSED, WSAECONNRESET, WSAENETUNREACH};
    return kernel_fail(errors[tape_choose(to->family == SOCK_LOCAL ? 2 : 3)]);
  }
  return true;
}

/* WSAEADDRINUSE "usually occurs during a bind operation, but the error could be
 * delayed until a ConnectEx function call" ("ConnectEx function", return
 * values): two connections differ in an address or a port (RFC 9293, 3.3.1). */
static bool connect__is_new(struct sock* sock,
                            bool has_chosen,
                            const struct iocp_address* to) {
  if (has_chosen || to->family == SOCK_LOCAL) return true;
  connect__set_local(sock, to);
  return !network_has(&sock->local, to) || kernel_fail(WSAEADDRINUSE);
}

BOOL WINAPI extension_connect_ex(SOCKET handle,
                                 const SOCKADDR* name,
                                 int length,
                                 void* buffer,
                                 DWORD size,
                                 DWORD* sent,
                                 OVERLAPPED* overlapped) {
  struct iocp_address to;
  kernel_enter();
  struct sock* sock = sock_find(handle, "ConnectEx");
  if (sock == NULL) return FALSE;
  RULE("ConnectEx() is given an address and no data",
       sock_address_in(name, length, &to) && buffer == NULL && size == 0);
  if (!connect__check(sock, &to)) return FALSE;
  bool has_chosen = sock->local.port == 0 || sock->has_own_port;
  bool is_local = to.family == SOCK_LOCAL;
  if (!connect__is_new(sock, has_chosen, &to)) return FALSE;
  struct op* op = op_new(sock, OP_CONNECT, overlapped, "ConnectEx");
  op_give_count(op, sent);
  if (!is_local) connect__set_local(sock, &to);
  bool is_self_connected =
      !is_local && connect__is_to_itself(sock, has_chosen, &to);
  struct link* link = network_call(&sock->local, &to);
  link->is_self_connected = is_self_connected;
  /* Two seconds, unless SIO_TCP_INITIAL_RTO has disabled the retries (libuv's
   * src/win/tcp.c). */
  link->retries_refused = !is_local && !sock->tries_once && address_is_own(&to);
  link->has_own_port = sock->has_own_port;
  link->ends[0].sock = sock;
  sock->state = SOCK_CONNECTING;
  sock->connect = op;
  sock->call = link;
  /* "If no error occurs, the ConnectEx function returns TRUE." */
  if (sock_skips_packets(sock) && habits_fault(habits.immediate) &&
      network_answers(link)) {
    sock_attach(sock, &link->ends[0]);
    sock->connect = NULL;
    sock->call = NULL;
    op_drop_done(op, STATUS_OK, 0);
    return kernel_succeed();
  }
  op_pend(op);
  if (habits_fault(habits.immediate)) network_step();
  return op_answer(op);
}

/* A plain connect() of a unix socket that does not wait, or of a datagram
 * socket, which only notes the address. */
int connect(SOCKET handle, const SOCKADDR* name, int length) {
  struct iocp_address to;
  kernel_enter();
  struct sock* sock = sock_find(handle, "connect");
  if (sock == NULL) return SOCKET_ERROR;
  if (sock->udp != NULL) return datagram_connect(sock, name, length);
  RULE("no call blocks", sock->is_non_blocking);
  RULE("connect() is for unix sockets",
       sock->family == SOCK_LOCAL && sock_address_in(name, length, &to));
  struct iocp_address from = disk_unnamed();
  struct link* link = network_call(&from, &to);
  /* Port 0 is no file, and nothing listens there. Where something does but
   * takes no connection now, "the connection attempt cannot be completed
   * immediately" (connect(), WSAEWOULDBLOCK), or the queue is full. */
  bool may_wait = listening_has(&to);
  if (!network_connects(link)) {
    kernel_fail(may_wait && tape_choose(2) == 0 ? WSAEWOULDBLOCK
                                                : WSAECONNREFUSED);
    return SOCKET_ERROR;
  }
  sock_attach(sock, &link->ends[0]);
  kernel_succeed();
  return 0;
}
