/* SPDX-License-Identifier: MIT */
/* closesocket(): what the peer sees, and how pending operations end. */
#include <string.h>

#include "answer.h"
#include "experiment.h"
#include "number.h"
#include "operation.h"

#define CLOSE__BIG (16u << 20)
#define CLOSE__QUIET_MS 1000

static void close__plain(void) {
  struct pair pair;
  pair_open(&pair);
  closesocket(pair.near_end);
  answer("%s", loopback_ending(pair.far_end));
}

static void close__unread(void) {
  struct pair pair;
  u_long readable = 0;
  pair_open(&pair);
  NEED(send(pair.far_end, "abc", 3, 0) == 3);
  while (readable < 3)
    NEED(ioctlsocket(pair.near_end, FIONREAD, &readable) == 0);
  closesocket(pair.near_end);
  answer("%s", loopback_ending(pair.far_end));
}

static void close__linger_0(void) {
  struct pair pair;
  pair_open(&pair);
  NEED(loopback_linger(pair.near_end, true, 0) == 0);
  closesocket(pair.near_end);
  answer("%s", loopback_ending(pair.far_end));
}

static void close__error(void) {
  struct pair pair;
  pair_open(&pair);
  NEED(loopback_linger(pair.near_end, true, 0) == 0);
  closesocket(pair.near_end);
  answer("%s",
         number_error(loopback_drain(pair.far_end, LOOPBACK_LONG_MS)->error));
}

/* ---- with a receive pending */

struct close__bed {
  struct pair pair;
  HANDLE port;
  struct operation* operation;
};

static void close__open(struct close__bed* bed) {
  pair_open(&bed->pair);
  bed->port = port_new(0);
  bed->operation = operation_pending_receive(bed->pair.near_end, bed->port);
}

static void close__receive(void) {
  struct close__bed bed;
  close__open(&bed);
  closesocket(bed.pair.near_end);
  answer("%s", loopback_ending(bed.pair.far_end));
}

static void close__receive_status(void) {
  struct close__bed bed;
  close__open(&bed);
  closesocket(bed.pair.near_end);
  NEED_END(bed.port, bed.operation);
  answer("%s", number_status(operation_status(bed.operation)));
}

static void close__shut(void) {
  struct close__bed bed;
  close__open(&bed);
  NEED(shutdown(bed.pair.near_end, SD_SEND) == 0);
  closesocket(bed.pair.near_end);
  const struct stream* stream =
      loopback_drain(bed.pair.far_end, LOOPBACK_LONG_MS);
  answer("%s", ending_name(stream->ending));
}

/* The close as the engine does it. */
static void close__canceled(void) {
  struct close__bed bed;
  close__open(&bed);
  NEED(shutdown(bed.pair.near_end, SD_SEND) == 0);
  NEED(CancelIoEx((HANDLE)bed.pair.near_end, NULL));
  NEED_END(bed.port, bed.operation);
  closesocket(bed.pair.near_end);
  answer("%s", loopback_ending(bed.pair.far_end));
}

static void close__copied(void) {
  struct close__bed bed;
  HANDLE self = GetCurrentProcess();
  HANDLE copy;
  close__open(&bed);
  NEED(DuplicateHandle(self,
                       (HANDLE)bed.pair.near_end,
                       self,
                       &copy,
                       0,
                       FALSE,
                       DUPLICATE_SAME_ACCESS));
  closesocket(bed.pair.near_end);
  const struct stream* stream =
      loopback_drain(bed.pair.far_end, CLOSE__QUIET_MS);
  bool has_ended = port_has_ended(bed.port, bed.operation, 0);
  answer(stream->ending == ENDING_NONE ? "it is open" : "it is closed");
  answer_detail("the receive %s", has_ended ? "has ended" : "is pending");
}

/* ---- with a send pending */

static void close__send_open(struct close__bed* bed) {
  pair_open_narrow(&bed->pair);
  bed->port = port_new(0);
  bed->operation =
      operation_pending_send(bed->pair.near_end, bed->port, 'a', CLOSE__BIG);
}

static void close__send(void) {
  struct close__bed bed;
  close__send_open(&bed);
  closesocket(bed.pair.near_end);
  const struct stream* stream =
      loopback_drain(bed.pair.far_end, LOOPBACK_LONG_MS);
  answer("%s, then %s",
         stream->bytes == CLOSE__BIG ? "all" : "a part",
         ending_name(stream->ending));
}

static void close__send_status(void) {
  struct close__bed bed;
  close__send_open(&bed);
  closesocket(bed.pair.near_end);
  bool has_ended = port_has_ended(bed.port, bed.operation, CLOSE__QUIET_MS);
  if (!has_ended) {
    loopback_drain(bed.pair.far_end, CLOSE__QUIET_MS);
    NEED_END(bed.port, bed.operation);
    answer_detail("only after the peer has read everything");
  }
  answer("%s", number_status(operation_status(bed.operation)));
}

static void close__linger_time(void) {
  struct close__bed bed;
  close__send_open(&bed);
  NEED(loopback_set_blocking(bed.pair.near_end, false) == 0);
  NEED(loopback_linger(bed.pair.near_end, true, 1) == 0);
  ULONGLONG start_ms = GetTickCount64();
  int result = closesocket(bed.pair.near_end);
  DWORD error = result == 0 ? 0 : (DWORD)WSAGetLastError();
  bool has_blocked = GetTickCount64() - start_ms >= 500;
  answer("%s", has_blocked ? "it blocks" : number_error(error));
}

/* ---- after the close */

static void close__write_after(void) {
  struct pair pair;
  pair_open(&pair);
  closesocket(pair.near_end);
  NEED(send(pair.far_end, "x", 1, 0) == 1);
  Sleep(LOOPBACK_QUIET_MS);
  answer("%s",
         number_error(send(pair.far_end, "x", 1, 0) == 1
                          ? 0
                          : (DWORD)WSAGetLastError()));
}

static void close__reused(void) {
  SOCKET first = loopback_new();
  closesocket(first);
  answer(loopback_new() == first ? "the same" : "another");
}

static void close__stale(void) {
  SOCKET socket = loopback_new();
  closesocket(socket);
  answer("%s",
         number_error(closesocket(socket) == 0 ? 0 : (DWORD)WSAGetLastError()));
}

const struct experiment theme_close[] = {
    {"close-plain",
     "A close with nothing to receive or send",
     "FIN",
     "FIN",
     "closesocket(), remarks",
     close__plain},
    {"close-unread",
     "A close with unread bytes",
     "RST",
     NULL,
     "RFC 2525, 2.17",
     close__unread},
    {"close-linger-0",
     "A close with linger 0",
     "RST",
     "RST",
     "closesocket(), remarks",
     close__linger_0},
    {"close-error",
     "The error of the peer's recv() after a close with linger 0",
     "WSAECONNRESET or WSAECONNABORTED",
     "WSAECONNRESET",
     "closesocket(), remarks",
     close__error},
    {"close-receive",
     "A close with a receive pending",
     "RST",
     NULL,
     "libuv #3034",
     close__receive},
    {"close-shut",
     "A close after shutdown(), with a receive pending",
     "RST",
     NULL,
     "libuv #3034",
     close__shut},
    {"close-canceled",
     "A close after shutdown(), after the receive was canceled and dequeued",
     "FIN",
     NULL,
     "libuv #3036",
     close__canceled},
    {"close-receive-status",
     "The status of a receive that is pending at a close",
     "STATUS_HANDLES_CLOSED or STATUS_CANCELLED or STATUS_FILE_CLOSED or "
     "STATUS_LOCAL_DISCONNECT or STATUS_CONNECTION_ABORTED or "
     "STATUS_CONNECTION_RESET",
     "STATUS_CANCELLED",
     "closesocket(), WSA_OPERATION_ABORTED",
     close__receive_status},
    {"close-copied",
     "A connection whose handle is closed and was duplicated before",
     "it is open",
     NULL,
     "boostorg/asio #190",
     close__copied},
    {"close-send",
     "What the peer gets after a close with a send pending",
     "a part, then FIN or a part, then RST",
     NULL,
     "closesocket(): it is canceled",
     close__send},
    {"close-send-status",
     "The status of a send that is pending at a close",
     "STATUS_HANDLES_CLOSED or STATUS_CANCELLED or STATUS_FILE_CLOSED or "
     "STATUS_LOCAL_DISCONNECT or STATUS_CONNECTION_ABORTED or "
     "STATUS_CONNECTION_RESET",
     "STATUS_CANCELLED",
     "closesocket(), WSA_OPERATION_ABORTED",
     close__send_status},
    {"close-linger-time",
     "The close of a non-blocking socket with bytes to send and a linger of "
     "1 s",
     "it blocks or WSAEWOULDBLOCK",
     "WSAEWOULDBLOCK",
     "closesocket(), WSAEWOULDBLOCK",
     close__linger_time},
    {"close-write-after",
     "A send of the peer after a close",
     "WSAECONNRESET or WSAECONNABORTED",
     "WSAECONNRESET or WSAECONNABORTED",
     "RFC 9293, 3.10.7.1",
     close__write_after},
    {"close-reused",
     "The handle of the next socket after a close",
     "the same or another",
     "the same or another",
     "closesocket(), remarks",
     close__reused},
    {"close-stale",
     "closesocket() for a closed handle",
     "WSAENOTSOCK",
     "WSAENOTSOCK",
     "closesocket(), WSAENOTSOCK",
     close__stale},
    {NULL, NULL, NULL, NULL, NULL, NULL},
};
