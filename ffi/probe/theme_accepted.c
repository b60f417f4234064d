/* SPDX-License-Identifier: MIT */
/* Accepted sockets before and after the update of their context, and what they
 * inherit. */
#include "accepting.h"
#include "answer.h"
#include "experiment.h"
#include "number.h"

static void accepted__answer(bool is_done) {
  answer("%s", number_error(is_done ? 0 : (DWORD)WSAGetLastError()));
}

/* ---- before the context is updated */

static bool accepted__has_peer(SOCKET socket) {
  struct sockaddr_in address;
  int length = sizeof address;
  return getpeername(socket, (struct sockaddr*)&address, &length) == 0;
}

static void accepted__peer(void) {
  struct accepting bed;
  accepting_open(&bed);
  accepted__answer(accepted__has_peer(bed.target));
}

static void accepted__name(void) {
  struct accepting bed;
  struct sockaddr_in address;
  int length = sizeof address;
  accepting_open(&bed);
  accepted__answer(
      getsockname(bed.target, (struct sockaddr*)&address, &length) == 0);
}

static void accepted__shutdown(void) {
  struct accepting bed;
  accepting_open(&bed);
  accepted__answer(shutdown(bed.target, SD_SEND) == 0);
}

static void accepted__option(void) {
  struct accepting bed;
  accepting_open(&bed);
  answer("%s",
         number_error(loopback_set(bed.target, IPPROTO_TCP, TCP_NODELAY, 1)));
}

static void accepted__linger(void) {
  struct accepting bed;
  accepting_open(&bed);
  answer("%s", number_error(loopback_linger(bed.target, true, 0)));
}

/* The peer's port in the buffer of AcceptEx(). */
static void accepted__written_peer(void) {
  struct accepting bed;
  accepting_open(&bed);
  answer(operation_accept_peer(bed.listener, bed.operation) ==
                 loopback_port(bed.caller)
             ? "yes"
             : "no");
}

static void accepted__transfer(void) {
  struct accepting bed;
  char bytes[4];
  accepting_open(&bed);
  NEED(send(bed.caller, "ping", 4, 0) == 4);
  bool works = recv(bed.target, bytes, 4, 0) == 4 &&
               send(bed.target, "pong", 4, 0) == 4 &&
               recv(bed.caller, bytes, 4, 0) == 4;
  accepted__answer(works);
}

/* ---- after the update */

static void accepted__peer_after(void) {
  struct accepting bed;
  accepting_open(&bed);
  NEED(accepting_update(&bed) == 0);
  accepted__answer(accepted__has_peer(bed.target));
}

/* What the peer sees after a close, by when the linger time was set. */
static void accepted__linger_before(void) {
  struct accepting bed;
  accepting_prepare(&bed, 0);
  NEED(loopback_linger(bed.target, true, 0) == 0);
  accepting_finish(&bed);
  closesocket(bed.target);
  answer("%s", loopback_ending(bed.caller));
}

static void accepted__linger_between(void) {
  struct accepting bed;
  accepting_open(&bed);
  DWORD error = loopback_linger(bed.target, true, 0);
  closesocket(bed.target);
  answer("%s", loopback_ending(bed.caller));
  answer_detail("set: %s", number_error(error));
}

static void accepted__linger_kept(void) {
  struct accepting bed;
  accepting_prepare(&bed, 0);
  NEED(loopback_linger(bed.target, true, 0) == 0);
  accepting_finish(&bed);
  NEED(accepting_update(&bed) == 0);
  closesocket(bed.target);
  answer("%s", loopback_ending(bed.caller));
}

static void accepted__linger_after(void) {
  struct accepting bed;
  accepting_open(&bed);
  NEED(accepting_update(&bed) == 0);
  NEED(loopback_linger(bed.target, true, 0) == 0);
  closesocket(bed.target);
  answer("%s", loopback_ending(bed.caller));
}

/* ---- what is inherited */

static void accepted__non_blocking(void) {
  struct accepting bed;
  char byte;
  accepting_prepare(&bed, 0);
  NEED(loopback_set_blocking(bed.listener, false) == 0);
  accepting_finish(&bed);
  NEED(accepting_update(&bed) == 0);
  loopback_set(bed.target, SOL_SOCKET, SO_RCVTIMEO, LOOPBACK_QUIET_MS);
  NEED(recv(bed.target, &byte, 1, 0) < 0);
  DWORD error = (DWORD)WSAGetLastError();
  answer(error == WSAEWOULDBLOCK ? "inherited" : "not inherited");
  answer_detail("%s", number_error(error));
}

static void accepted__events(void) {
  struct accepting bed;
  accepting_prepare(&bed, 0);
  HANDLE event = CreateEventW(NULL, TRUE, FALSE, NULL);
  NEED(event != NULL);
  NEED(WSAEventSelect(bed.listener, event, FD_ACCEPT | FD_READ) == 0);
  accepting_finish(&bed);
  NEED(accepting_update(&bed) == 0);
  DWORD error = loopback_set_blocking(bed.target, true);
  answer(error == WSAEINVAL ? "inherited" : "not inherited");
  answer_detail("FIONBIO: %s", number_error(error));
}

static void accepted__ask_inherited(int level, int option) {
  struct accepting bed;
  DWORD value = 0;
  int length = sizeof value;
  accepting_prepare(&bed, 0);
  NEED(loopback_set(bed.listener, level, option, 1) == 0);
  accepting_finish(&bed);
  NEED(accepting_update(&bed) == 0);
  NEED(getsockopt(bed.target, level, option, (char*)&value, &length) == 0);
  answer((value & 1) != 0 ? "inherited" : "not inherited");
}

static void accepted__keep_alive(void) {
  accepted__ask_inherited(SOL_SOCKET, SO_KEEPALIVE);
}
static void accepted__no_delay(void) {
  accepted__ask_inherited(IPPROTO_TCP, TCP_NODELAY);
}

static void accepted__inherited_linger(void) {
  struct accepting bed;
  accepting_prepare(&bed, 0);
  NEED(loopback_linger(bed.listener, true, 0) == 0);
  accepting_finish(&bed);
  NEED(accepting_update(&bed) == 0);
  closesocket(bed.target);
  answer(loopback_drain(bed.caller, LOOPBACK_LONG_MS)->ending == ENDING_RST
             ? "inherited"
             : "not inherited");
}

static void accepted__update_closed(void) {
  struct accepting bed;
  accepting_open(&bed);
  closesocket(bed.listener);
  answer("%s", number_error(accepting_update(&bed)));
}

static void accepted__update_reset(void) {
  struct accepting bed;
  accepting_open(&bed);
  NEED(loopback_linger(bed.caller, true, 0) == 0);
  closesocket(bed.caller);
  Sleep(LOOPBACK_QUIET_MS);
  answer("%s", number_error(accepting_update(&bed)));
}

const struct experiment theme_accepted[] = {
    {"accept-peer",
     "getpeername() after AcceptEx(), before SO_UPDATE_ACCEPT_CONTEXT",
     "WSAENOTCONN",
     "WSAENOTCONN",
     "AcceptEx(), remarks",
     accepted__peer},
    {"accept-name",
     "getsockname() after AcceptEx(), before SO_UPDATE_ACCEPT_CONTEXT",
     "WSAENOTCONN or WSAEINVAL",
     "WSAENOTCONN or WSAEINVAL",
     "AcceptEx(), remarks: it is not one of the calls that work",
     accepted__name},
    {"accept-shutdown",
     "shutdown() after AcceptEx(), before the update",
     "WSAENOTCONN",
     "WSAENOTCONN",
     "AcceptEx(), remarks: it is not one of the calls that work",
     accepted__shutdown},
    {"accept-option",
     "TCP_NODELAY after AcceptEx(), before the update",
     "WSAENOTCONN",
     "WSAENOTCONN",
     "AcceptEx(), remarks: it is not one of the calls that work",
     accepted__option},
    {"accept-linger",
     "SO_LINGER after AcceptEx(), before the update",
     "WSAENOTCONN",
     "WSAENOTCONN",
     "AcceptEx(), remarks: it is not one of the calls that work",
     accepted__linger},
    {"accept-transfer",
     "send() and recv() after AcceptEx(), before the update",
     "success",
     "success",
     "AcceptEx(), remarks: the calls that work",
     accepted__transfer},
    {"accept-written-peer",
     "GetAcceptExSockaddrs() returns the peer before the update",
     "yes",
     "yes",
     "GetAcceptExSockaddrs()",
     accepted__written_peer},
    {"accept-peer-after",
     "getpeername() after SO_UPDATE_ACCEPT_CONTEXT",
     "success",
     "success",
     "AcceptEx(), remarks",
     accepted__peer_after},
    {"accept-linger-before",
     "A close before the update, with linger 0 set before AcceptEx()",
     "RST or FIN",
     NULL,
     "AcceptEx(): 'the default state for a connected socket'",
     accepted__linger_before},
    {"accept-linger-between",
     "A close before the update, with linger 0 set after AcceptEx()",
     "FIN or RST",
     NULL,
     "AcceptEx(): 'the default state for a connected socket'",
     accepted__linger_between},
    {"accept-linger-kept",
     "A close after the update, with linger 0 set before AcceptEx()",
     "RST or FIN",
     NULL,
     "AcceptEx(): the properties of the listener are inherited",
     accepted__linger_kept},
    {"accept-linger-after",
     "A close after the update, with linger 0 set after the update",
     "RST",
     "RST",
     "closesocket(), remarks",
     accepted__linger_after},
    {"accept-non-blocking",
     "The blocking mode of the listener, after the update",
     "inherited",
     "inherited",
     "AcceptEx(), remarks; accept()",
     accepted__non_blocking},
    {"accept-events",
     "The events of the listener, WSAEventSelect(), after the update",
     "inherited",
     "inherited",
     "AcceptEx(), remarks; accept()",
     accepted__events},
    {"accept-keep-alive",
     "SO_KEEPALIVE of the listener, after the update",
     "inherited",
     "inherited",
     "AcceptEx(), remarks",
     accepted__keep_alive},
    {"accept-no-delay",
     "TCP_NODELAY of the listener, after the update",
     "inherited",
     "inherited",
     "AcceptEx(), remarks",
     accepted__no_delay},
    {"accept-inherited-linger",
     "SO_LINGER of the listener, after the update",
     "inherited",
     "inherited",
     "AcceptEx(), remarks",
     accepted__inherited_linger},
    {"accept-update-closed",
     "The update after the listener was closed",
     "WSAENOTSOCK",
     NULL,
     "setsockopt(), WSAENOTSOCK, which is for the socket itself",
     accepted__update_closed},
    {"accept-update-reset",
     "The update after an RST",
     "success or WSAENOTCONN or WSAECONNRESET",
     NULL,
     "setsockopt(), WSAENOTCONN",
     accepted__update_reset},
    {NULL, NULL, NULL, NULL, NULL, NULL},
};
