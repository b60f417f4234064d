/* SPDX-License-Identifier: MIT */
/* Pending sends: their packets, and what the peer gets. */
#include <string.h>

#include "answer.h"
#include "experiment.h"
#include "number.h"
#include "operation.h"

/* More than the system buffers without a reader. */
#define SEND__BIG (16u << 20)
#define SEND__SMALL 65536u
#define SEND__QUIET_MS 1000

struct send__bed {
  struct pair pair;
  HANDLE port;
  struct operation* operation;
};

static void send__open(struct send__bed* bed) {
  pair_open_narrow(&bed->pair);
  bed->port = port_new(0);
  bed->operation =
      operation_pending_send(bed->pair.near_end, bed->port, 'a', SEND__BIG);
}

static const char* send__share(uint64_t bytes) {
  return bytes == SEND__BIG ? "all" : bytes == 0 ? "none" : "a part";
}

static void send__whole(void) {
  struct send__bed bed;
  send__open(&bed);
  const struct stream* stream =
      loopback_drain(bed.pair.far_end, SEND__QUIET_MS);
  NEED_END(bed.port, bed.operation);
  NEED(stream->bytes == operation_bytes(bed.operation));
  answer("%s", send__share(operation_bytes(bed.operation)));
}

/* The peer reads a little, so the system can send more. */
static void send__progress(void) {
  struct send__bed bed;
  static char bytes[SEND__SMALL];
  uint32_t count = 0;
  send__open(&bed);
  while (count < SEND__BIG / 2) {
    int read = recv(bed.pair.far_end, bytes, sizeof bytes, 0);
    NEED(read > 0);
    count += (uint32_t)read;
  }
  bool has_packet = port_has_ended(bed.port, bed.operation, LOOPBACK_QUIET_MS);
  answer(has_packet ? "a packet" : "nothing");
}

/* In mstcpip.h since Windows 10 1703; missing in that of MinGW. */
#define SEND__TCP_INFO _WSAIORW(IOC_VENDOR, 39)

static void send__info(void) {
  struct send__bed bed;
  ULONG64 info[32];
  DWORD version = 0;
  DWORD length = 0;
  send__open(&bed);
  memset(info, 0, sizeof info);
  bool is_done = WSAIoctl(bed.pair.near_end,
                          SEND__TCP_INFO,
                          &version,
                          sizeof version,
                          info,
                          sizeof info,
                          &length,
                          NULL,
                          NULL) == 0;
  answer("%s", number_error(is_done ? 0 : (DWORD)WSAGetLastError()));
  answer_detail("%lu bytes of it", length);
}

/* ---- a send that fails, with another behind it */

static void send__hole(void) {
  struct send__bed bed;
  send__open(&bed);
  struct operation* second = operation_new(SEND__SMALL);
  memset(second->bytes, 'b', SEND__SMALL);
  DWORD error = operation_send(bed.pair.near_end, second);
  NEED(error == WSA_IO_PENDING);
  NEED(CancelIoEx((HANDLE)bed.pair.near_end, &bed.operation->overlapped));
  const struct stream* stream =
      loopback_drain(bed.pair.far_end, SEND__QUIET_MS);
  if (stream->counts['a'] == SEND__BIG)
    answer("all bytes");
  else if (stream->counts['b'] != 0)
    answer("a hole");
  else
    answer("nothing after the first");
  answer_detail("%s, %s; then %s",
                number_status(operation_status(bed.operation)),
                number_status(operation_status(second)),
                ending_name(stream->ending));
}

static void send__shutdown(void) {
  struct send__bed bed;
  send__open(&bed);
  DWORD error =
      shutdown(bed.pair.near_end, SD_SEND) == 0 ? 0 : (DWORD)WSAGetLastError();
  const struct stream* stream =
      loopback_drain(bed.pair.far_end, LOOPBACK_LONG_MS);
  answer(
      "%s, then %s", send__share(stream->bytes), ending_name(stream->ending));
  answer_detail("%s", number_error(error));
}

/* ---- the memory of a send */

static void send__changed(void) {
  struct send__bed bed;
  send__open(&bed);
  memset(bed.operation->bytes, 'c', SEND__BIG);
  const struct stream* stream =
      loopback_drain(bed.pair.far_end, SEND__QUIET_MS);
  answer(stream->counts['c'] != 0 ? "sent" : "not sent");
}

/* ---- sends that are refused */

static DWORD send__error(SOCKET socket) {
  return send(socket, "x", 1, 0) == 1 ? 0 : (DWORD)WSAGetLastError();
}

static void send__after_shutdown(void) {
  struct pair pair;
  pair_open(&pair);
  NEED(shutdown(pair.near_end, SD_SEND) == 0);
  answer("%s", number_error(send__error(pair.near_end)));
}

static void send__shutdown_twice(void) {
  struct pair pair;
  pair_open(&pair);
  NEED(shutdown(pair.near_end, SD_SEND) == 0);
  answer("%s",
         number_error(shutdown(pair.near_end, SD_SEND) == 0
                          ? 0
                          : (DWORD)WSAGetLastError()));
}

static void send__reset(struct pair* pair) {
  pair_open(pair);
  NEED(loopback_linger(pair->far_end, true, 0) == 0);
  closesocket(pair->far_end);
  Sleep(LOOPBACK_QUIET_MS);
}

static void send__after_reset(void) {
  struct pair pair;
  send__reset(&pair);
  answer("%s", number_error(send__error(pair.near_end)));
}

static void send__shutdown_reset(void) {
  struct pair pair;
  send__reset(&pair);
  answer("%s",
         number_error(shutdown(pair.near_end, SD_SEND) == 0
                          ? 0
                          : (DWORD)WSAGetLastError()));
}

static void send__full(void) {
  struct pair pair;
  static char bytes[SEND__SMALL];
  pair_open(&pair);
  NEED(loopback_set_blocking(pair.near_end, false) == 0);
  for (unsigned i = 0; i < SEND__BIG / SEND__SMALL; i++) {
    if (send(pair.near_end, bytes, sizeof bytes, 0) > 0) continue;
    answer("%s", number_error((DWORD)WSAGetLastError()));
    return;
  }
  answer("success");
}

const struct experiment theme_send[] = {
    {"send-whole",
     "How much of a successful send was sent",
     "all or a part",
     NULL,
     "WSASend(): its result has a count",
     send__whole},
    {"send-progress",
     "The completion of a send of which half was sent",
     "nothing",
     NULL,
     "WSASend(): it completes as a whole",
     send__progress},
    {"send-info",
     "SIO_TCP_INFO of a connection",
     "success or WSAEOPNOTSUPP",
     "success",
     "SIO_TCP_INFO, since Windows 10 1703",
     send__info},
    {"send-hole",
     "What the peer gets when a pending send is canceled and another one "
     "follows",
     "a hole",
     NULL,
     "the model: the socket stays usable; not documented",
     send__hole},
    {"send-shutdown",
     "What the peer gets after shutdown() with a send pending",
     "all, then FIN or a part, then FIN or a part, then RST",
     "all, then FIN",
     "shutdown(), remarks",
     send__shutdown},
    {"send-changed",
     "Whether a change to the bytes of a pending send is sent",
     "sent or not sent",
     NULL,
     "WSASend(): they must not change",
     send__changed},
    {"send-full",
     "send() on a non-blocking socket when there is no room",
     "WSAEWOULDBLOCK",
     "WSAEWOULDBLOCK",
     "send(), WSAEWOULDBLOCK",
     send__full},
    {"send-after-shutdown",
     "send() after shutdown()",
     "WSAESHUTDOWN",
     "WSAESHUTDOWN",
     "send(), WSAESHUTDOWN",
     send__after_shutdown},
    {"send-shutdown-twice",
     "A second shutdown()",
     "success",
     NULL,
     "shutdown() documents no error for it",
     send__shutdown_twice},
    {"send-after-reset",
     "send() after an RST has arrived",
     "WSAECONNRESET or WSAECONNABORTED",
     "WSAECONNRESET or WSAECONNABORTED",
     "send()",
     send__after_reset},
    {"send-shutdown-reset",
     "shutdown() after an RST has arrived",
     "WSAECONNRESET or WSAECONNABORTED",
     "WSAECONNRESET or WSAECONNABORTED",
     "shutdown()",
     send__shutdown_reset},
    {NULL, NULL, NULL, NULL, NULL, NULL},
};
