/* SPDX-License-Identifier: MIT */
/* bind() beside another listener, and after one. */
#include <string.h>

#include "answer.h"
#include "experiment.h"
#include "number.h"
#include "operation.h"

/* ---- beside a listener */

static DWORD address__try(uint32_t ip, uint16_t port, int option) {
  return loopback_listen(loopback_new(), ip, port, option);
}

/* The error of the second of two listeners on one port. */
static void address__ask(uint32_t first_ip,
                         int first_option,
                         uint32_t second_ip,
                         int second_option) {
  SOCKET first = loopback_new();
  NEED(loopback_listen(first, first_ip, 0, first_option) == 0);
  answer("%s",
         number_error(
             address__try(second_ip, loopback_port(first), second_option)));
}

static void address__plain(void) {
  address__ask(INADDR_LOOPBACK, 0, INADDR_LOOPBACK, 0);
}
static void address__reuse(void) {
  address__ask(INADDR_LOOPBACK, 0, INADDR_LOOPBACK, SO_REUSEADDR);
}
static void address__reuse_any(void) {
  address__ask(INADDR_ANY, 0, INADDR_LOOPBACK, SO_REUSEADDR);
}
static void address__exclusive_reuse(void) {
  address__ask(
      INADDR_LOOPBACK, SO_EXCLUSIVEADDRUSE, INADDR_LOOPBACK, SO_REUSEADDR);
}
static void address__exclusive_plain(void) {
  address__ask(INADDR_LOOPBACK, SO_EXCLUSIVEADDRUSE, INADDR_LOOPBACK, 0);
}
static void address__exclusive_both(void) {
  address__ask(INADDR_LOOPBACK,
               SO_EXCLUSIVEADDRUSE,
               INADDR_LOOPBACK,
               SO_EXCLUSIVEADDRUSE);
}
static void address__any_specific(void) {
  address__ask(INADDR_ANY, 0, INADDR_LOOPBACK, 0);
}
static void address__exclusive_any_specific(void) {
  address__ask(INADDR_ANY, SO_EXCLUSIVEADDRUSE, INADDR_LOOPBACK, 0);
}
static void address__exclusive_specific_any(void) {
  address__ask(INADDR_LOOPBACK, SO_EXCLUSIVEADDRUSE, INADDR_ANY, 0);
}

/* ---- after a listener */

/* Opens and closes a listener that leaves a connection; returns its port. */
static uint16_t address__used_port(struct pair* pair) {
  memset(pair, 0, sizeof *pair);
  pair->listener = loopback_new();
  NEED(loopback_listen(
           pair->listener, INADDR_LOOPBACK, 0, SO_EXCLUSIVEADDRUSE) == 0);
  uint16_t port = loopback_port(pair->listener);
  pair->far_end = loopback_call(port);
  pair->near_end = accept(pair->listener, NULL, NULL);
  NEED(pair->near_end != INVALID_SOCKET);
  closesocket(pair->listener);
  return port;
}

static void address__ask_living(int option) {
  struct pair pair;
  uint16_t port = address__used_port(&pair);
  answer("%s", number_error(address__try(INADDR_LOOPBACK, port, option)));
}

static void address__living_exclusive(void) {
  address__ask_living(SO_EXCLUSIVEADDRUSE);
}
static void address__living_plain(void) { address__ask_living(0); }

/* This side has closed first, so TIME_WAIT is on this side. */
static void address__ask_time_wait(int option) {
  struct pair pair;
  char byte;
  uint16_t port = address__used_port(&pair);
  NEED(shutdown(pair.near_end, SD_SEND) == 0);
  NEED(recv(pair.far_end, &byte, 1, 0) == 0);
  NEED(shutdown(pair.far_end, SD_SEND) == 0);
  NEED(recv(pair.near_end, &byte, 1, 0) == 0);
  closesocket(pair.near_end);
  closesocket(pair.far_end);
  Sleep(100);
  answer("%s", number_error(address__try(INADDR_LOOPBACK, port, option)));
}

static void address__reset_exclusive(void) {
  struct pair pair;
  uint16_t port = address__used_port(&pair);
  NEED(loopback_linger(pair.near_end, true, 0) == 0);
  closesocket(pair.near_end);
  NEED(loopback_drain(pair.far_end, LOOPBACK_LONG_MS)->ending == ENDING_RST);
  closesocket(pair.far_end);
  answer(
      "%s",
      number_error(address__try(INADDR_LOOPBACK, port, SO_EXCLUSIVEADDRUSE)));
}

static void address__time_wait_exclusive(void) {
  address__ask_time_wait(SO_EXCLUSIVEADDRUSE);
}
static void address__time_wait_plain(void) { address__ask_time_wait(0); }

static void address__free(void) {
  SOCKET listener = loopback_new();
  NEED(loopback_listen(listener, INADDR_LOOPBACK, 0, SO_EXCLUSIVEADDRUSE) == 0);
  uint16_t port = loopback_port(listener);
  closesocket(listener);
  answer(
      "%s",
      number_error(address__try(INADDR_LOOPBACK, port, SO_EXCLUSIVEADDRUSE)));
}

/* ---- errors of bind() and listen() */

static void address__twice(void) {
  SOCKET socket = loopback_new();
  NEED(loopback_bind(socket, INADDR_LOOPBACK, 0, 0) == 0);
  answer("%s", number_error(loopback_bind(socket, INADDR_LOOPBACK, 0, 0)));
}

/* An address for documentation (RFC 5737). */
#define ADDRESS__FOREIGN 0xC0000201u

static void address__foreign(void) {
  answer("%s",
         number_error(loopback_bind(loopback_new(), ADDRESS__FOREIGN, 0, 0)));
}

static void address__unbound(void) {
  answer("%s",
         number_error(
             listen(loopback_new(), 1) == 0 ? 0 : (DWORD)WSAGetLastError()));
}

static void address__listen_twice(void) {
  SOCKET listener = loopback_listener();
  answer(
      "%s",
      number_error(listen(listener, 200) == 0 ? 0 : (DWORD)WSAGetLastError()));
}

/* ---- the table of listeners */

/* Of iphlpapi.h: TCP_TABLE_OWNER_PID_LISTENER, MIB_TCPTABLE_OWNER_PID. */
#define ADDRESS__LISTENERS 3
#define ADDRESS__TABLE 65536
struct address__row {
  DWORD state;
  DWORD local_address;
  DWORD local_port;
  DWORD remote_address;
  DWORD remote_port;
  DWORD process;
};
struct address__table {
  DWORD count;
  struct address__row rows[];
};
typedef DWORD(WINAPI* address__get)(void*, DWORD*, BOOL, ULONG, int, ULONG);

static void address__listed(void) {
  SOCKET listener = loopback_listener();
  struct operation* memory = operation_new(ADDRESS__TABLE);
  const struct address__table* table = (void*)memory->bytes;
  DWORD size = ADDRESS__TABLE;
  address__get get;
  HMODULE module =
      LoadLibraryExW(L"iphlpapi.dll", NULL, LOAD_LIBRARY_SEARCH_SYSTEM32);
  NEED(module != NULL);
  FARPROC function = GetProcAddress(module, "GetExtendedTcpTable");
  NEED(function != NULL);
  memcpy(&get, &function, sizeof get);
  NEED(get(memory->bytes, &size, FALSE, AF_INET, ADDRESS__LISTENERS, 0) == 0);
  u_short port = htons(loopback_port(listener));
  bool is_listed = false;
  for (DWORD i = 0; i < table->count; i++)
    /* "The upper 16 bits may contain uninitialized data." */
    if ((u_short)table->rows[i].local_port == port) is_listed = true;
  answer(is_listed ? "yes" : "no");
}

/* Bound, but not listening. */
static void address__shared_ephemeral(void) {
  SOCKET first = loopback_new();
  NEED(loopback_bind(first, INADDR_ANY, 0, 0) == 0);
  answer("%s",
         number_error(loopback_bind(
             loopback_new(), INADDR_ANY, loopback_port(first), 0)));
}

/* ---- both families */

static SOCKET address__new_v6(void) {
  return WSASocketW(
      AF_INET6, SOCK_STREAM, IPPROTO_TCP, NULL, 0, WSA_FLAG_OVERLAPPED);
}

/* Listens at [::], for both families or for IPv6 only. Returns 0 or an
 * error. */
static DWORD address__listen_v6(SOCKET socket, uint16_t port, bool is_dual) {
  struct sockaddr_in6 address;
  memset(&address, 0, sizeof address);
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(port);
  DWORD error = loopback_set(socket, IPPROTO_IPV6, IPV6_V6ONLY, !is_dual);
  if (error != 0) return error;
  if (bind(socket, (struct sockaddr*)&address, sizeof address) == 0 &&
      listen(socket, 1) == 0)
    return 0;
  return (DWORD)WSAGetLastError();
}

static void address__v6_only(void) {
  DWORD value = 0xEEEEEEEEu;
  int length = sizeof value;
  SOCKET socket = address__new_v6();
  if (socket == INVALID_SOCKET) {
    answer("there is no IPv6");
    return;
  }
  NEED(getsockopt(socket, IPPROTO_IPV6, IPV6_V6ONLY, (char*)&value, &length) ==
       0);
  answer((value & 1) != 0 ? "on" : "off");
}

static void address__ask_v6(bool is_dual) {
  SOCKET first = loopback_new();
  SOCKET second = address__new_v6();
  NEED(loopback_listen(first, INADDR_ANY, 0, 0) == 0);
  if (second == INVALID_SOCKET) {
    answer("there is no IPv6");
    return;
  }
  answer(
      "%s",
      number_error(address__listen_v6(second, loopback_port(first), is_dual)));
}

static void address__v6_beside(void) { address__ask_v6(false); }
static void address__dual_beside(void) { address__ask_v6(true); }

static void address__mapped(void) {
  SOCKET listener = address__new_v6();
  struct sockaddr_in6 address;
  int length = sizeof address;
  if (listener == INVALID_SOCKET ||
      address__listen_v6(listener, 0, true) != 0) {
    answer("there is no IPv6");
    return;
  }
  NEED(getsockname(listener, (struct sockaddr*)&address, &length) == 0);
  SOCKET caller = loopback_call(ntohs(address.sin6_port));
  length = sizeof address;
  NEED(accept(listener, (struct sockaddr*)&address, &length) != INVALID_SOCKET);
  bool is_same = IN6_IS_ADDR_V4MAPPED(&address.sin6_addr) &&
                 ntohs(address.sin6_port) == loopback_port(caller);
  answer(is_same ? "mapped" : "another");
}

const struct experiment theme_address[] = {
    {"address-plain",
     "A second listener at the same address",
     "WSAEADDRINUSE",
     "WSAEADDRINUSE",
     "bind(), WSAEADDRINUSE",
     address__plain},
    {"address-reuse",
     "A listener with SO_REUSEADDR beside one without an option, both on "
     "127.0.0.1",
     "success or WSAEACCES",
     "WSAEACCES",
     "'Using SO_REUSEADDR and SO_EXCLUSIVEADDRUSE', the table of one "
     "account; its text says success",
     address__reuse},
    {"address-reuse-any",
     "A listener with SO_REUSEADDR on 127.0.0.1 beside one without an "
     "option on any address",
     "success or WSAEACCES",
     "success",
     "'Using SO_REUSEADDR and SO_EXCLUSIVEADDRUSE'",
     address__reuse_any},
    {"address-exclusive-reuse",
     "A listener with SO_REUSEADDR beside an exclusive one",
     "WSAEACCES",
     "WSAEACCES",
     "'Using SO_REUSEADDR and SO_EXCLUSIVEADDRUSE'",
     address__exclusive_reuse},
    {"address-exclusive-plain",
     "A listener without an option beside an exclusive one",
     "WSAEADDRINUSE",
     "WSAEADDRINUSE",
     "'Using SO_REUSEADDR and SO_EXCLUSIVEADDRUSE'",
     address__exclusive_plain},
    {"address-exclusive-both",
     "An exclusive listener beside another",
     "WSAEADDRINUSE",
     "WSAEADDRINUSE",
     "'Using SO_REUSEADDR and SO_EXCLUSIVEADDRUSE'",
     address__exclusive_both},
    {"address-any-specific",
     "A listener on 127.0.0.1 beside one on any address",
     "success",
     "success",
     "'Using SO_REUSEADDR and SO_EXCLUSIVEADDRUSE'",
     address__any_specific},
    {"address-exclusive-any-specific",
     "A listener on 127.0.0.1 beside an exclusive one on any address",
     "WSAEACCES",
     "WSAEACCES",
     "'Using SO_REUSEADDR and SO_EXCLUSIVEADDRUSE'",
     address__exclusive_any_specific},
    {"address-exclusive-specific-any",
     "A listener on any address beside an exclusive one on 127.0.0.1",
     "success",
     "success",
     "'Using SO_REUSEADDR and SO_EXCLUSIVEADDRUSE'",
     address__exclusive_specific_any},
    {"address-free",
     "An exclusive listener after one that had no connections",
     "success",
     "success",
     "'Using SO_REUSEADDR and SO_EXCLUSIVEADDRUSE'",
     address__free},
    {"address-living-exclusive",
     "An exclusive listener after one that has left an open connection",
     "WSAEADDRINUSE or success",
     "WSAEADDRINUSE",
     "'Using SO_REUSEADDR and SO_EXCLUSIVEADDRUSE': not until it becomes "
     "inactive",
     address__living_exclusive},
    {"address-living-plain",
     "A listener without an option after one that has left an open "
     "connection",
     "success",
     NULL,
     "libuv depends on it",
     address__living_plain},
    {"address-time-wait-exclusive",
     "An exclusive listener after one that has left a connection in "
     "TIME_WAIT",
     "WSAEADDRINUSE or success",
     "WSAEADDRINUSE",
     "'Using SO_REUSEADDR and SO_EXCLUSIVEADDRUSE'; reports differ",
     address__time_wait_exclusive},
    {"address-time-wait-plain",
     "A listener without an option after one that has left a connection in "
     "TIME_WAIT",
     "success",
     NULL,
     "libuv depends on it",
     address__time_wait_plain},
    {"address-reset-exclusive",
     "An exclusive listener after one whose connection was reset",
     "success",
     "success",
     "closesocket(): a socket that resets has no TIME_WAIT",
     address__reset_exclusive},
    {"address-twice",
     "bind() on a bound socket",
     "WSAEINVAL",
     "WSAEINVAL",
     "bind(), WSAEINVAL",
     address__twice},
    {"address-foreign",
     "bind() to the address of another machine",
     "WSAEADDRNOTAVAIL",
     "WSAEADDRNOTAVAIL",
     "bind(), WSAEADDRNOTAVAIL",
     address__foreign},
    {"address-shared-ephemeral",
     "bind() to a port that bind() has chosen for another socket",
     "WSAEADDRINUSE",
     "WSAEADDRINUSE",
     "bind(), WSAEADDRINUSE",
     address__shared_ephemeral},
    {"address-unbound",
     "listen() on a socket that is not bound",
     "WSAEINVAL",
     "WSAEINVAL",
     "listen(), WSAEINVAL",
     address__unbound},
    {"address-listen-twice",
     "listen() on a listener, with another backlog",
     "success",
     "success",
     "listen(), remarks",
     address__listen_twice},
    {"address-listed",
     "GetExtendedTcpTable() contains a listener",
     "yes",
     "yes",
     "GetExtendedTcpTable(), TCP_TABLE_OWNER_PID_LISTENER",
     address__listed},
    {"address-v6-only",
     "IPV6_V6ONLY of a new socket",
     "on",
     "on",
     "IPPROTO_IPV6 socket options",
     address__v6_only},
    {"address-v6-beside",
     "A listener at [::] for IPv6 only beside one at 0.0.0.0",
     "success",
     "success",
     "'Dual-Stack Sockets'",
     address__v6_beside},
    {"address-dual-beside",
     "A listener at [::] for both families beside one at 0.0.0.0",
     "WSAEADDRINUSE",
     "WSAEADDRINUSE or WSAEACCES",
     "'Using SO_REUSEADDR and SO_EXCLUSIVEADDRUSE': the checks of both",
     address__dual_beside},
    {"address-mapped",
     "The address of an IPv4 peer at a listener for both families",
     "mapped",
     "mapped",
     "'Dual-Stack Sockets'",
     address__mapped},
    {NULL, NULL, NULL, NULL, NULL, NULL},
};
