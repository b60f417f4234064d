/* SPDX-License-Identifier: MIT */
/* ConnectEx(), and connected sockets before and after the update of their
 * context. */
#include <string.h>

#include "answer.h"
#include "experiment.h"
#include "number.h"
#include "operation.h"

/* In ws2def.h since Windows 10; missing in that of MinGW. */
#define CONNECT__REUSE_UNICASTPORT 0x3007
/* A refusal that takes longer was retried. */
#define CONNECT__SOON_MS 1000

struct connect__bed {
  SOCKET socket;
  HANDLE port;
  struct operation* operation;
};

static void connect__prepare(struct connect__bed* bed) {
  bed->socket = loopback_new();
  bed->port = port_new(0);
  bed->operation = operation_new(0);
  port_tie(bed->port, bed->socket);
}

static void connect__bind(struct connect__bed* bed) {
  NEED(loopback_bind(bed->socket, INADDR_ANY, 0, 0) == 0);
}

static DWORD connect__start(struct connect__bed* bed, uint16_t port) {
  struct sockaddr_in address = loopback_address(port);
  return operation_connect(bed->socket, &address, bed->operation);
}

static void connect__open(struct connect__bed* bed) {
  connect__prepare(bed);
  connect__bind(bed);
  DWORD error = connect__start(bed, loopback_port(loopback_listener()));
  NEED(error == 0 || error == WSA_IO_PENDING);
  NEED_END(bed->port, bed->operation);
  NEED(operation_status(bed->operation) == 0);
}

/* A port without a listener. */
static uint16_t connect__free_port(void) {
  SOCKET socket = loopback_new();
  NEED(loopback_bind(socket, INADDR_LOOPBACK, 0, 0) == 0);
  uint16_t port = loopback_port(socket);
  closesocket(socket);
  return port;
}

static void connect__answer(bool is_done) {
  answer("%s", number_error(is_done ? 0 : (DWORD)WSAGetLastError()));
}

/* ---- before and after the update of the context */

static bool connect__has_peer(SOCKET socket) {
  struct sockaddr_in address;
  int length = sizeof address;
  return getpeername(socket, (struct sockaddr*)&address, &length) == 0;
}

static void connect__peer(void) {
  struct connect__bed bed;
  connect__open(&bed);
  connect__answer(connect__has_peer(bed.socket));
}

static void connect__shutdown(void) {
  struct connect__bed bed;
  connect__open(&bed);
  connect__answer(shutdown(bed.socket, SD_SEND) == 0);
}

static void connect__option(void) {
  struct connect__bed bed;
  connect__open(&bed);
  answer("%s",
         number_error(loopback_set(bed.socket, IPPROTO_TCP, TCP_NODELAY, 1)));
}

static void connect__peer_after(void) {
  struct connect__bed bed;
  connect__open(&bed);
  NEED(setsockopt(bed.socket, SOL_SOCKET, SO_UPDATE_CONNECT_CONTEXT, NULL, 0) ==
       0);
  connect__answer(connect__has_peer(bed.socket) &&
                  shutdown(bed.socket, SD_SEND) == 0);
}

/* ---- refusals */

static void connect__unbound(void) {
  struct connect__bed bed;
  connect__prepare(&bed);
  answer(
      "%s",
      number_error(connect__start(&bed, loopback_port(loopback_listener()))));
}

static void connect__ask_address(struct sockaddr_in address) {
  struct connect__bed bed;
  connect__prepare(&bed);
  connect__bind(&bed);
  DWORD error = operation_connect(bed.socket, &address, bed.operation);
  if (error == WSA_IO_PENDING) {
    NEED_END(bed.port, bed.operation);
    answer("%s", number_status(operation_status(bed.operation)));
  } else {
    answer("%s", number_error(error));
  }
}

static void connect__any(void) {
  struct sockaddr_in address =
      loopback_address(loopback_port(loopback_listener()));
  address.sin_addr.s_addr = INADDR_ANY;
  connect__ask_address(address);
}

static void connect__port_0(void) { connect__ask_address(loopback_address(0)); }

/* Returns the error of a refused connect. */
static const char* connect__refuse(struct connect__bed* bed) {
  connect__bind(bed);
  DWORD error = connect__start(bed, connect__free_port());
  NEED(error != 0);
  if (error != WSA_IO_PENDING) return number_error(error);
  NEED_END(bed->port, bed->operation);
  return number_status(operation_status(bed->operation));
}

static void connect__refused(void) {
  struct connect__bed bed;
  connect__prepare(&bed);
  answer("%s", connect__refuse(&bed));
}

/* How long that takes. */
static void connect__ask_time(struct connect__bed* bed) {
  ULONGLONG start_ms = GetTickCount64();
  connect__refuse(bed);
  answer(GetTickCount64() - start_ms < CONNECT__SOON_MS ? "at once"
                                                        : "two seconds");
}

static void connect__refused_time(void) {
  struct connect__bed bed;
  connect__prepare(&bed);
  connect__ask_time(&bed);
}

/* Missing in MinGW: "no retransmissions" is -2. */
#define CONNECT__ONCE ((UCHAR) - 2)

static DWORD connect__set_once(SOCKET socket) {
  TCP_INITIAL_RTO_PARAMETERS parameters;
  DWORD length;
  memset(&parameters, 0, sizeof parameters);
  parameters.Rtt = TCP_INITIAL_RTO_UNSPECIFIED_RTT;
  parameters.MaxSynRetransmissions = CONNECT__ONCE;
  if (WSAIoctl(socket,
               SIO_TCP_INITIAL_RTO,
               &parameters,
               sizeof parameters,
               NULL,
               0,
               &length,
               NULL,
               NULL) == 0)
    return 0;
  return (DWORD)WSAGetLastError();
}

static void connect__once(void) {
  answer("%s", number_error(connect__set_once(loopback_new())));
}

static void connect__once_time(void) {
  struct connect__bed bed;
  connect__prepare(&bed);
  connect__set_once(bed.socket);
  connect__ask_time(&bed);
}

/* ---- ports */

static void connect__self(void) {
  struct connect__bed bed;
  connect__prepare(&bed);
  NEED(loopback_bind(bed.socket, INADDR_LOOPBACK, 0, 0) == 0);
  DWORD error = connect__start(&bed, loopback_port(bed.socket));
  if (error != 0 && error != WSA_IO_PENDING) {
    answer("it is refused");
    answer_detail("%s", number_error(error));
    return;
  }
  NEED(port_has_ended(bed.port, bed.operation, 2 * LOOPBACK_LONG_MS));
  LONG status = operation_status(bed.operation);
  answer(status == 0 ? "it is connected" : "it is refused");
  answer_detail("%s", number_status(status));
}

static DWORD connect__share(SOCKET socket) {
  return loopback_set(socket, SOL_SOCKET, CONNECT__REUSE_UNICASTPORT, TRUE);
}

static void connect__unicast(void) {
  answer("%s", number_error(connect__share(loopback_new())));
}

static void connect__unicast_late(void) {
  SOCKET socket = loopback_new();
  NEED(loopback_bind(socket, INADDR_ANY, 0, 0) == 0);
  answer("%s", number_error(connect__share(socket)));
}

/* getsockname() may fail for a socket without a port. */
static void connect__ask_port(SOCKET socket) {
  struct sockaddr_in address;
  int length = sizeof address;
  NEED(loopback_bind(socket, INADDR_ANY, 0, 0) == 0);
  bool has_port =
      getsockname(socket, (struct sockaddr*)&address, &length) == 0 &&
      address.sin_port != 0;
  answer(has_port ? "at the bind" : "at the connect");
}

static void connect__unicast_port(void) {
  SOCKET socket = loopback_new();
  NEED(connect__share(socket) == 0);
  connect__ask_port(socket);
}

static void connect__bind_port(void) { connect__ask_port(loopback_new()); }

const struct experiment theme_connect[] = {
    {"connect-unbound",
     "ConnectEx() on a socket that is not bound",
     "WSAEINVAL",
     "WSAEINVAL",
     "ConnectEx(), WSAEINVAL",
     connect__unbound},
    {"connect-peer",
     "getpeername() after ConnectEx(), before SO_UPDATE_CONNECT_CONTEXT",
     "WSAENOTCONN",
     "WSAENOTCONN",
     "ConnectEx(), remarks: it is not one of the calls that work",
     connect__peer},
    {"connect-shutdown",
     "shutdown() after ConnectEx(), before SO_UPDATE_CONNECT_CONTEXT",
     "WSAENOTCONN",
     "WSAENOTCONN",
     "ConnectEx(), remarks: it is not one of the calls that work",
     connect__shutdown},
    {"connect-option",
     "TCP_NODELAY after ConnectEx(), before SO_UPDATE_CONNECT_CONTEXT",
     "WSAENOTCONN",
     "WSAENOTCONN",
     "ConnectEx(), remarks: it is not one of the calls that work",
     connect__option},
    {"connect-peer-after",
     "getpeername() and shutdown() after SO_UPDATE_CONNECT_CONTEXT",
     "success",
     "success",
     "ConnectEx(), remarks",
     connect__peer_after},
    {"connect-any",
     "ConnectEx() to 0.0.0.0 when a listener is at 127.0.0.1",
     "WSAEADDRNOTAVAIL",
     "WSAEADDRNOTAVAIL",
     "ConnectEx(), WSAEADDRNOTAVAIL",
     connect__any},
    {"connect-port-0",
     "ConnectEx() to port 0",
     "WSAEADDRNOTAVAIL",
     NULL,
     "connect(), WSAEADDRNOTAVAIL",
     connect__port_0},
    {"connect-refused",
     "The status of a connect that is refused",
     "STATUS_CONNECTION_REFUSED or STATUS_REQUEST_NOT_ACCEPTED or "
     "STATUS_CONNECTION_COUNT_LIMIT",
     NULL,
     "libuv's uv__ntstatus_to_winsock_error()",
     connect__refused},
    {"connect-refused-time",
     "How long a refusal on this machine takes",
     "two seconds",
     NULL,
     "libuv's src/win/tcp.c: two more SYNs",
     connect__refused_time},
    {"connect-once",
     "SIO_TCP_INITIAL_RTO with 'no more SYNs'",
     "success",
     "success",
     "TCP_INITIAL_RTO_PARAMETERS, since Windows 10 1709",
     connect__once},
    {"connect-once-time",
     "How long a refusal takes after SIO_TCP_INITIAL_RTO with 'no more "
     "SYNs'",
     "at once",
     "at once",
     "TCP_INITIAL_RTO_PARAMETERS, since Windows 10 1709",
     connect__once_time},
    {"connect-self",
     "A connect to the socket's own address",
     "it is connected or it is refused",
     NULL,
     "RFC 9293, 3.5: a simultaneous open",
     connect__self},
    {"connect-bind-port",
     "When bind() to port 0 chooses an ephemeral port",
     "at the bind",
     "at the bind",
     "bind(), remarks",
     connect__bind_port},
    {"connect-unicast",
     "SO_REUSE_UNICASTPORT before the bind",
     "success or WSAENOPROTOOPT",
     "success",
     "SOL_SOCKET options, since Windows 10",
     connect__unicast},
    {"connect-unicast-late",
     "SO_REUSE_UNICASTPORT after the bind",
     "success or WSAEINVAL or WSAENOPROTOOPT",
     NULL,
     "SOL_SOCKET options: it is for sockets that are not bound",
     connect__unicast_late},
    {"connect-unicast-port",
     "When an ephemeral port is chosen with SO_REUSE_UNICASTPORT",
     "at the connect or at the bind",
     NULL,
     "SOL_SOCKET options: 'ephemeral port reuse'",
     connect__unicast_port},
    {NULL, NULL, NULL, NULL, NULL, NULL},
};
