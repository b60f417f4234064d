/* SPDX-License-Identifier: MIT */
/* Options and controls, many of which need a version of Windows. */
#include <string.h>

#include "answer.h"
#include "experiment.h"
#include "number.h"
#include "operation.h"

/* In ws2ipdef.h since Windows 10 version 1709. */
#define OPTION__KEEP_IDLE 3
#define OPTION__MAX_RETRANSMISSION 5
#define OPTION__KEEP_COUNT 16
#define OPTION__KEEP_INTERVAL 17

/* Sets a number and reads it back. */
static void option__ask_number(int option, DWORD number) {
  struct pair pair;
  DWORD value = 0;
  int length = sizeof value;
  pair_open(&pair);
  DWORD error = loopback_set(pair.near_end, IPPROTO_TCP, option, number);
  if (error != 0) {
    answer("%s", number_error(error));
    return;
  }
  NEED(getsockopt(pair.near_end, IPPROTO_TCP, option, (char*)&value, &length) ==
       0);
  answer(value == number ? "success" : "another number");
  answer_detail("%lu, %d bytes", value, length);
}

static void option__keep_idle(void) {
  option__ask_number(OPTION__KEEP_IDLE, 9);
}
static void option__keep_interval(void) {
  option__ask_number(OPTION__KEEP_INTERVAL, 9);
}
static void option__keep_count(void) {
  option__ask_number(OPTION__KEEP_COUNT, 9);
}
static void option__max_retransmission(void) {
  option__ask_number(OPTION__MAX_RETRANSMISSION, 9);
}
static void option__no_delay(void) { option__ask_number(TCP_NODELAY, 1); }

static void option__keep_values(void) {
  struct pair pair;
  struct tcp_keepalive values = {1, 9000, 9000};
  DWORD length;
  pair_open(&pair);
  bool is_done = WSAIoctl(pair.near_end,
                          SIO_KEEPALIVE_VALS,
                          &values,
                          sizeof values,
                          NULL,
                          0,
                          &length,
                          NULL,
                          NULL) == 0;
  answer("%s", number_error(is_done ? 0 : (DWORD)WSAGetLastError()));
}

static void option__default_no_delay(void) {
  struct pair pair;
  DWORD value = 0;
  int length = sizeof value;
  pair_open(&pair);
  NEED(getsockopt(
           pair.near_end, IPPROTO_TCP, TCP_NODELAY, (char*)&value, &length) ==
       0);
  answer((value & 1) != 0 ? "on" : "off");
}

static void option__accept_conn(void) {
  SOCKET listener = loopback_listener();
  DWORD listens = 0;
  DWORD other = 0;
  int length = sizeof listens;
  NEED(getsockopt(
           listener, SOL_SOCKET, SO_ACCEPTCONN, (char*)&listens, &length) == 0);
  length = sizeof other;
  NEED(getsockopt(
           loopback_new(), SOL_SOCKET, SO_ACCEPTCONN, (char*)&other, &length) ==
       0);
  answer((listens & 1) != 0 && (other & 1) == 0 ? "yes" : "no");
}

static void option__events(void) {
  SOCKET socket = loopback_new();
  HANDLE event = CreateEventW(NULL, TRUE, FALSE, NULL);
  NEED(event != NULL);
  NEED(WSAEventSelect(socket, event, FD_READ) == 0);
  answer("%s", number_error(loopback_set_blocking(socket, true)));
}

static void option__no_events(void) {
  SOCKET socket = loopback_new();
  HANDLE event = CreateEventW(NULL, TRUE, FALSE, NULL);
  NEED(event != NULL);
  NEED(WSAEventSelect(socket, event, FD_READ) == 0);
  NEED(WSAEventSelect(socket, NULL, 0) == 0);
  answer("%s", number_error(loopback_set_blocking(socket, true)));
}

/* ---- extension functions */

static bool option__has(SOCKET socket, GUID id, void** function_out) {
  DWORD length;
  *function_out = NULL;
  return WSAIoctl(socket,
                  SIO_GET_EXTENSION_FUNCTION_POINTER,
                  &id,
                  sizeof id,
                  function_out,
                  sizeof *function_out,
                  &length,
                  NULL,
                  NULL) == 0 &&
         *function_out != NULL;
}

static void option__extensions(void) {
  static const GUID ids[] = {
      WSAID_ACCEPTEX, WSAID_CONNECTEX, WSAID_GETACCEPTEXSOCKADDRS};
  static const int families[] = {AF_INET, AF_INET6};
  void* functions[2][3];
  bool has_all = true;
  bool are_same = true;
  for (int i = 0; i < 2; i++) {
    SOCKET socket = WSASocketW(
        families[i], SOCK_STREAM, IPPROTO_TCP, NULL, 0, WSA_FLAG_OVERLAPPED);
    if (socket == INVALID_SOCKET) {
      answer("no sockets of family %d", families[i]);
      return;
    }
    for (int j = 0; j < 3; j++)
      if (!option__has(socket, ids[j], &functions[i][j])) has_all = false;
  }
  for (int j = 0; j < 3; j++)
    if (functions[0][j] != functions[1][j]) are_same = false;
  answer(has_all ? "yes" : "no");
  answer_detail("both families have %s", are_same ? "the same" : "their own");
}

static void option__unknown_extension(void) {
  static const GUID none = {1, 2, 3, {4, 5, 6, 7, 8, 9, 10, 11}};
  void* function;
  bool has = option__has(loopback_new(), none, &function);
  answer("%s", number_error(has ? 0 : (DWORD)WSAGetLastError()));
}

/* ---- inheriting */

static void option__ask_inherited(DWORD flags) {
  DWORD information = 0;
  SOCKET socket = WSASocketW(
      AF_INET, SOCK_STREAM, IPPROTO_TCP, NULL, 0, WSA_FLAG_OVERLAPPED | flags);
  NEED(socket != INVALID_SOCKET);
  NEED(GetHandleInformation((HANDLE)socket, &information));
  answer((information & HANDLE_FLAG_INHERIT) != 0 ? "yes" : "no");
}

static void option__inherited(void) { option__ask_inherited(0); }
static void option__not_inherited(void) {
  option__ask_inherited(WSA_FLAG_NO_HANDLE_INHERIT);
}

static void option__disinherited(void) {
  DWORD information = HANDLE_FLAG_INHERIT;
  SOCKET socket = WSASocketW(
      AF_INET, SOCK_STREAM, IPPROTO_TCP, NULL, 0, WSA_FLAG_OVERLAPPED);
  NEED(socket != INVALID_SOCKET);
  NEED(SetHandleInformation((HANDLE)socket, HANDLE_FLAG_INHERIT, 0));
  NEED(GetHandleInformation((HANDLE)socket, &information));
  answer((information & HANDLE_FLAG_INHERIT) != 0 ? "yes" : "no");
}

static void option__readable(void) {
  struct pair pair;
  u_long readable = 0;
  pair_open(&pair);
  NEED(send(pair.far_end, "abc", 3, 0) == 3);
  Sleep(LOOPBACK_QUIET_MS);
  NEED(send(pair.far_end, "de", 2, 0) == 2);
  Sleep(LOOPBACK_QUIET_MS);
  NEED(ioctlsocket(pair.near_end, FIONREAD, &readable) == 0);
  answer(readable == 5 ? "all" : "a part");
  answer_detail("%lu of 5", readable);
}

const struct experiment theme_option[] = {
    {"option-keep-idle",
     "TCP_KEEPIDLE",
     "success or WSAENOPROTOOPT",
     "success",
     "IPPROTO_TCP options, since Windows 10 1709",
     option__keep_idle},
    {"option-keep-interval",
     "TCP_KEEPINTVL",
     "success or WSAENOPROTOOPT",
     "success",
     "IPPROTO_TCP options, since Windows 10 1709",
     option__keep_interval},
    {"option-keep-count",
     "TCP_KEEPCNT",
     "success or WSAENOPROTOOPT",
     "success",
     "IPPROTO_TCP options, since Windows 10 1703",
     option__keep_count},
    {"option-max-retransmission",
     "TCP_MAXRT",
     "success or WSAENOPROTOOPT",
     "success",
     "IPPROTO_TCP options",
     option__max_retransmission},
    {"option-keep-values",
     "SIO_KEEPALIVE_VALS",
     "success",
     "success",
     "SIO_KEEPALIVE_VALS, every version",
     option__keep_values},
    {"option-no-delay",
     "TCP_NODELAY can be set and read",
     "success",
     "success",
     "IPPROTO_TCP options",
     option__no_delay},
    {"option-default-no-delay",
     "TCP_NODELAY of a new connection",
     "off",
     "off",
     "IPPROTO_TCP options",
     option__default_no_delay},
    {"option-accept-conn",
     "SO_ACCEPTCONN is set on a listener, and not on another socket",
     "yes",
     "yes",
     "SOL_SOCKET options",
     option__accept_conn},
    {"option-events",
     "A socket with events, WSAEventSelect(), is made blocking",
     "WSAEINVAL",
     "WSAEINVAL",
     "WSAEventSelect(), remarks",
     option__events},
    {"option-no-events",
     "A socket is made blocking after its events were cleared",
     "success",
     "success",
     "WSAEventSelect(), remarks",
     option__no_events},
    {"option-extensions",
     "The extension functions exist for IPv4 and IPv6",
     "yes",
     "yes",
     "AcceptEx(), ConnectEx(), GetAcceptExSockaddrs()",
     option__extensions},
    {"option-unknown-extension",
     "SIO_GET_EXTENSION_FUNCTION_POINTER for an unknown function",
     "WSAEINVAL or WSAEOPNOTSUPP",
     "WSAEINVAL",
     "WSAIoctl(), SIO_GET_EXTENSION_FUNCTION_POINTER",
     option__unknown_extension},
    {"option-inherited",
     "A child process inherits a socket",
     "yes",
     "yes",
     "WSASocketW(), remarks",
     option__inherited},
    {"option-not-inherited",
     "A child process inherits a socket with WSA_FLAG_NO_HANDLE_INHERIT",
     "no",
     "no",
     "WSASocketW(), 'dwFlags'",
     option__not_inherited},
    {"option-disinherited",
     "A child process inherits a socket after SetHandleInformation()",
     "no",
     "no",
     "SetHandleInformation()",
     option__disinherited},
    {"option-readable",
     "FIONREAD after two sends on a stream",
     "all",
     "all",
     "ioctlsocket(), FIONREAD",
     option__readable},
    {NULL, NULL, NULL, NULL, NULL, NULL},
};
