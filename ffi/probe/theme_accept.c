/* SPDX-License-Identifier: MIT */
/* AcceptEx(): its arguments, its end, and a full backlog. */
#include <string.h>

#include "accepting.h"
#include "answer.h"
#include "experiment.h"
#include "number.h"

static void accept__answer_refusal(DWORD error) {
  bool is_accepted = error == 0 || error == WSA_IO_PENDING;
  answer(is_accepted ? "it is accepted" : "it is refused");
  answer_detail("%s", number_error(error));
}

static void accept__bound(void) {
  struct accepting bed;
  accepting_prepare(&bed, 0);
  NEED(loopback_bind(bed.target, INADDR_LOOPBACK, 0, 0) == 0);
  accept__answer_refusal(
      operation_accept(bed.listener, bed.target, bed.operation));
}

static void accept__not_listening(void) {
  SOCKET socket = loopback_new();
  NEED(loopback_bind(socket, INADDR_LOOPBACK, 0, 0) == 0);
  port_tie(port_new(0), socket);
  accept__answer_refusal(
      operation_accept(socket, loopback_new(), operation_new_accept(0)));
}

static void accept__data(void) {
  struct accepting bed;
  accepting_prepare(&bed, 64);
  accepting_post(&bed);
  bed.caller = loopback_call(loopback_port(bed.listener));
  bool is_early = port_has_ended(bed.port, bed.operation, LOOPBACK_QUIET_MS);
  if (!is_early) {
    NEED(send(bed.caller, "x", 1, 0) == 1);
    NEED_END(bed.port, bed.operation);
  }
  answer(is_early ? "it ends without" : "it waits for data");
}

static DWORD accept__seconds(SOCKET target) {
  DWORD seconds = 0xEEEEEEEEu;
  int length = sizeof seconds;
  NEED(getsockopt(
           target, SOL_SOCKET, SO_CONNECT_TIME, (char*)&seconds, &length) == 0);
  return seconds;
}

static void accept__connect_time(void) {
  struct accepting bed;
  accepting_prepare(&bed, 64);
  accepting_post(&bed);
  DWORD before = accept__seconds(bed.target);
  bed.caller = loopback_call(loopback_port(bed.listener));
  Sleep(LOOPBACK_QUIET_MS);
  DWORD after = accept__seconds(bed.target);
  answer(before == 0xFFFFFFFFu && after == 0 ? "yes" : "no");
  answer_detail("0x%lX, 0x%lX", before, after);
}

static void accept__target_closed(void) {
  struct accepting bed;
  accepting_prepare(&bed, 64);
  NEED(loopback_linger(bed.target, true, 0) == 0);
  accepting_post(&bed);
  bed.caller = loopback_call(loopback_port(bed.listener));
  Sleep(LOOPBACK_QUIET_MS);
  closesocket(bed.target);
  NEED_END(bed.port, bed.operation);
  answer("%s", number_status(operation_status(bed.operation)));
  answer_detail("its peer sees %s", loopback_ending(bed.caller));
}

static void accept__listener_closed(void) {
  struct accepting bed;
  accepting_prepare(&bed, 0);
  accepting_post(&bed);
  closesocket(bed.listener);
  NEED_END(bed.port, bed.operation);
  answer("%s", number_status(operation_status(bed.operation)));
}

static void accept__backlog_closed(void) {
  SOCKET listener = loopback_listener();
  SOCKET caller = loopback_call(loopback_port(listener));
  closesocket(listener);
  answer("%s", loopback_ending(caller));
}

static void accept__vanished(void) {
  struct accepting bed;
  accepting_prepare(&bed, 0);
  SOCKET caller = loopback_call(loopback_port(bed.listener));
  NEED(loopback_linger(caller, true, 0) == 0);
  closesocket(caller);
  Sleep(LOOPBACK_QUIET_MS);
  DWORD error = operation_accept(bed.listener, bed.target, bed.operation);
  if (error != 0 && error != WSA_IO_PENDING) {
    answer("it is refused");
    answer_detail("%s", number_error(error));
    return;
  }
  if (!port_has_ended(bed.port, bed.operation, LOOPBACK_QUIET_MS)) {
    answer("it waits for the next");
    return;
  }
  LONG status = operation_status(bed.operation);
  answer(status < 0 ? "it fails" : "it succeeds");
  answer_detail("%s", number_status(status));
}

/* ---- a full backlog */

#define ACCEPT__CALLERS 20
#define ACCEPT__ANSWER_MS 3000

/* Without retries, so that a refusal is reported soon. */
static void accept__call_once(SOCKET socket, uint16_t port) {
  TCP_INITIAL_RTO_PARAMETERS parameters;
  struct sockaddr_in address = loopback_address(port);
  DWORD length;
  memset(&parameters, 0, sizeof parameters);
  parameters.Rtt = TCP_INITIAL_RTO_UNSPECIFIED_RTT;
  parameters.MaxSynRetransmissions = (UCHAR)-2;
  WSAIoctl(socket,
           SIO_TCP_INITIAL_RTO,
           &parameters,
           sizeof parameters,
           NULL,
           0,
           &length,
           NULL,
           NULL);
  NEED(loopback_set_blocking(socket, false) == 0);
  connect(socket, (struct sockaddr*)&address, sizeof address);
}

static void accept__full(void) {
  SOCKET listener = loopback_new();
  NEED(loopback_bind(listener, INADDR_LOOPBACK, 0, 0) == 0);
  NEED(listen(listener, 1) == 0);
  unsigned connected = 0;
  for (; connected < ACCEPT__CALLERS; connected++) {
    SOCKET caller = loopback_new();
    fd_set done;
    fd_set failed;
    struct timeval limit = {ACCEPT__ANSWER_MS / 1000, 0};
    accept__call_once(caller, loopback_port(listener));
    FD_ZERO(&done);
    FD_ZERO(&failed);
    FD_SET(caller, &done);
    FD_SET(caller, &failed);
    int count = select(0, NULL, &done, &failed, &limit);
    if (count == 1 && FD_ISSET(caller, &done)) continue;
    answer(count == 0 ? "it waits" : "it is refused");
    answer_detail("after %u", connected);
    return;
  }
  answer("no limit was reached");
}

const struct experiment theme_accept[] = {
    {"accept-bound",
     "AcceptEx() with a bound socket",
     "it is refused",
     "it is refused",
     "AcceptEx(), 'sAcceptSocket'",
     accept__bound},
    {"accept-not-listening",
     "AcceptEx() on a socket that does not listen",
     "it is refused",
     "it is refused",
     "AcceptEx(), 'sListenSocket'",
     accept__not_listening},
    {"accept-data",
     "AcceptEx() with room for data, and a peer that has sent nothing yet",
     "it waits for data",
     "it waits for data",
     "AcceptEx(), remarks",
     accept__data},
    {"accept-connect-time",
     "SO_CONNECT_TIME shows whether an accept that waits for data has a "
     "connection",
     "yes",
     "yes",
     "AcceptEx(), remarks",
     accept__connect_time},
    {"accept-target-closed",
     "The status of an accept that waits for data, when its socket is closed",
     "STATUS_CANCELLED or STATUS_LOCAL_DISCONNECT or "
     "STATUS_CONNECTION_ABORTED",
     NULL,
     "AcceptEx(), remarks: it ends with an error",
     accept__target_closed},
    {"accept-listener-closed",
     "The status of an accept when its listener is closed",
     "STATUS_HANDLES_CLOSED or STATUS_CANCELLED or STATUS_FILE_CLOSED or "
     "STATUS_LOCAL_DISCONNECT or STATUS_CONNECTION_ABORTED or "
     "STATUS_CONNECTION_RESET",
     "STATUS_CANCELLED",
     "closesocket(), WSA_OPERATION_ABORTED",
     accept__listener_closed},
    {"accept-backlog-closed",
     "A connection that was not accepted, when its listener is closed",
     "RST",
     NULL,
     "RFC 9293, 3.10.4",
     accept__backlog_closed},
    {"accept-vanished",
     "An accept for a connection that was reset before",
     "it waits for the next or it is refused or it fails or it succeeds",
     "it is refused",
     "AcceptEx(), WSAECONNRESET",
     accept__vanished},
    {"accept-full",
     "A connect to a listener whose backlog is full",
     "it is refused",
     "it is refused",
     "listen(), remarks: WSAECONNREFUSED",
     accept__full},
    {NULL, NULL, NULL, NULL, NULL, NULL},
};
