/* SPDX-License-Identifier: MIT */
/* Receives: their order, the end of a stream, and a reset. */
#include <string.h>

#include "answer.h"
#include "experiment.h"
#include "number.h"
#include "operation.h"
#include "print.h"

#define RECEIVE__COUNT 8

struct receive__bed {
  struct pair pair;
  HANDLE port;
};

static void receive__open(struct receive__bed* bed) {
  pair_open(&bed->pair);
  bed->port = port_new(0);
  port_tie(bed->port, bed->pair.near_end);
}

static struct operation* receive__post(struct receive__bed* bed,
                                       uint32_t size) {
  struct operation* operation = operation_new(size);
  NEED(operation_receive(bed->pair.near_end, operation) == WSA_IO_PENDING);
  return operation;
}

static void receive__reset(struct receive__bed* bed) {
  NEED(loopback_linger(bed->pair.far_end, true, 0) == 0);
  closesocket(bed->pair.far_end);
}

static void receive__filled(void) {
  struct receive__bed bed;
  receive__open(&bed);
  struct operation* first = receive__post(&bed, 4);
  struct operation* second = receive__post(&bed, 4);
  NEED(send(bed.pair.far_end, "abcdefgh", 8, 0) == 8);
  NEED_END(bed.port, first);
  Sleep(LOOPBACK_QUIET_MS);
  bool is_ordered = memcmp(first->bytes, "abcd", 4) == 0 &&
                    memcmp(second->bytes, "efgh", 4) == 0;
  answer(is_ordered ? "yes" : "no");
}

static void receive__packets(void) {
  struct receive__bed bed;
  struct operation* operations[RECEIVE__COUNT];
  OVERLAPPED_ENTRY entry;
  bool is_ordered = true;
  receive__open(&bed);
  for (int i = 0; i < RECEIVE__COUNT; i++)
    operations[i] = receive__post(&bed, 1);
  NEED(send(bed.pair.far_end, "abcdefgh", RECEIVE__COUNT, 0) == RECEIVE__COUNT);
  for (int i = 0; i < RECEIVE__COUNT; i++) {
    NEED(port_dequeue(bed.port, LOOPBACK_LONG_MS, &entry) == 0);
    if (entry.lpOverlapped != &operations[i]->overlapped) is_ordered = false;
  }
  answer(is_ordered ? "as posted" : "in another order");
}

static void receive__zero(void) {
  struct receive__bed bed;
  char bytes[4];
  receive__open(&bed);
  struct operation* operation = receive__post(&bed, 0);
  NEED(send(bed.pair.far_end, "abc", 3, 0) == 3);
  NEED_END(bed.port, operation);
  bool keeps = operation_status(operation) == 0 &&
               operation_bytes(operation) == 0 &&
               recv(bed.pair.near_end, bytes, 4, 0) == 3;
  answer(keeps ? "it ends without bytes" : "bytes are lost");
}

static void receive__nothing(void) {
  struct pair pair;
  char byte;
  pair_open(&pair);
  NEED(loopback_set_blocking(pair.near_end, false) == 0);
  answer("%s",
         number_error(recv(pair.near_end, &byte, 1, 0) >= 0
                          ? 0
                          : (DWORD)WSAGetLastError()));
}

/* ---- the end */

static void receive__fin(void) {
  struct receive__bed bed;
  receive__open(&bed);
  struct operation* operation = receive__post(&bed, 8);
  NEED(shutdown(bed.pair.far_end, SD_SEND) == 0);
  NEED_END(bed.port, operation);
  answer("%s", number_status(operation_status(operation)));
  answer_detail("%u bytes", operation_bytes(operation));
}

static void receive__after_fin(void) {
  struct receive__bed bed;
  receive__open(&bed);
  struct operation* first = receive__post(&bed, 8);
  NEED(shutdown(bed.pair.far_end, SD_SEND) == 0);
  NEED_END(bed.port, first);
  struct operation* second = operation_new(8);
  DWORD error = operation_receive(bed.pair.near_end, second);
  NEED(error == 0 || error == WSA_IO_PENDING);
  NEED_END(bed.port, second);
  answer("%s", number_status(operation_status(second)));
}

/* Two receives are posted, and this side has shut down. Then the peer sends
 * more than the first one can hold, and ends. */
static void receive__both_ended(void) {
  struct receive__bed bed;
  receive__open(&bed);
  struct operation* first = receive__post(&bed, 4);
  struct operation* second = receive__post(&bed, 4);
  NEED(shutdown(bed.pair.near_end, SD_SEND) == 0);
  NEED(send(bed.pair.far_end, "abcdefgh", 8, 0) == 8);
  NEED(shutdown(bed.pair.far_end, SD_SEND) == 0);
  NEED_END(bed.port, first);
  Sleep(LOOPBACK_QUIET_MS);
  uint32_t bytes = operation_bytes(first) + operation_bytes(second);
  answer(bytes == 8 ? "all bytes" : "bytes are missing");
  answer_detail("%u of 8", bytes);
}

/* ---- a reset */

static void receive__reset_pending(void) {
  struct receive__bed bed;
  receive__open(&bed);
  struct operation* operation = receive__post(&bed, 8);
  receive__reset(&bed);
  NEED_END(bed.port, operation);
  answer("%s", number_status(operation_status(operation)));
}

static void receive__reset_before(void) {
  struct receive__bed bed;
  receive__open(&bed);
  receive__reset(&bed);
  Sleep(LOOPBACK_QUIET_MS);
  struct operation* operation = operation_new(8);
  DWORD error = operation_receive(bed.pair.near_end, operation);
  if (error != WSA_IO_PENDING) {
    answer("%s", number_error(error));
    return;
  }
  NEED_END(bed.port, operation);
  answer("%s", number_status(operation_status(operation)));
}

static void receive__reset_data(void) {
  struct receive__bed bed;
  char bytes[4];
  receive__open(&bed);
  NEED(send(bed.pair.far_end, "abc", 3, 0) == 3);
  Sleep(LOOPBACK_QUIET_MS);
  receive__reset(&bed);
  Sleep(LOOPBACK_QUIET_MS);
  int count = recv(bed.pair.near_end, bytes, 4, 0);
  DWORD error = count >= 0 ? 0 : (DWORD)WSAGetLastError();
  answer(count == 3 ? "they come" : "they are lost");
  answer_detail("%s", number_error(error));
}

static void receive__reset_peer(void) {
  struct receive__bed bed;
  struct sockaddr_in address;
  int length = sizeof address;
  receive__open(&bed);
  receive__reset(&bed);
  Sleep(LOOPBACK_QUIET_MS);
  bool is_done =
      getpeername(bed.pair.near_end, (struct sockaddr*)&address, &length) == 0;
  answer("%s", number_error(is_done ? 0 : (DWORD)WSAGetLastError()));
}

static void receive__reset_option(void) {
  struct receive__bed bed;
  receive__open(&bed);
  receive__reset(&bed);
  Sleep(LOOPBACK_QUIET_MS);
  answer("%s", number_error(loopback_linger(bed.pair.near_end, true, 0)));
}

/* ---- WSAPoll() */

static void receive__ask_poll(void (*end)(struct receive__bed*)) {
  struct receive__bed bed;
  receive__open(&bed);
  end(&bed);
  Sleep(LOOPBACK_QUIET_MS);
  WSAPOLLFD entry = {bed.pair.near_end, POLLRDNORM, 0};
  NEED(WSAPoll(&entry, 1, 0) >= 0);
  char names[64];
  print_into(names,
             sizeof names,
             "%s%s%s",
             (entry.revents & POLLRDNORM) != 0 ? " POLLRDNORM" : "",
             (entry.revents & POLLERR) != 0 ? " POLLERR" : "",
             (entry.revents & POLLHUP) != 0 ? " POLLHUP" : "");
  answer("%s", names[0] == ' ' ? names + 1 : "nothing");
}

static void receive__end(struct receive__bed* bed) {
  NEED(shutdown(bed->pair.far_end, SD_SEND) == 0);
}

static void receive__end_after_byte(struct receive__bed* bed) {
  NEED(send(bed->pair.far_end, "x", 1, 0) == 1);
  receive__end(bed);
}

static void receive__poll_fin(void) { receive__ask_poll(receive__end); }
static void receive__poll_data(void) {
  receive__ask_poll(receive__end_after_byte);
}
static void receive__poll_reset(void) { receive__ask_poll(receive__reset); }

const struct experiment theme_receive[] = {
    {"receive-filled",
     "Receives are filled in the order in which they were posted",
     "yes",
     "yes",
     "WSARecv(), remarks",
     receive__filled},
    {"receive-packets",
     "The order of the packets of several receives",
     "as posted or in another order",
     "as posted or in another order",
     "WSARecv(), remarks",
     receive__packets},
    {"receive-zero",
     "A receive of zero bytes when there are bytes",
     "it ends without bytes",
     NULL,
     "libuv and asio depend on it",
     receive__zero},
    {"receive-nothing",
     "recv() on a non-blocking socket when there is nothing",
     "WSAEWOULDBLOCK",
     "WSAEWOULDBLOCK",
     "recv(), WSAEWOULDBLOCK",
     receive__nothing},
    {"receive-fin",
     "A receive that is pending when a FIN arrives",
     "success",
     "success",
     "WSARecv(), remarks",
     receive__fin},
    {"receive-after-fin",
     "A receive that is posted after a FIN has arrived",
     "success",
     NULL,
     "TCP: the end is permanent",
     receive__after_fin},
    {"receive-both-ended",
     "Two receives that pend after shutdown(), when bytes and a FIN arrive",
     "all bytes",
     "all bytes",
     "shutdown(): it disables sends only",
     receive__both_ended},
    {"receive-reset-pending",
     "A receive that is pending when an RST arrives",
     "STATUS_CONNECTION_RESET or STATUS_CONNECTION_ABORTED or "
     "STATUS_LOCAL_DISCONNECT or 0xC0070040",
     NULL,
     "libuv's uv__ntstatus_to_winsock_error()",
     receive__reset_pending},
    {"receive-reset-before",
     "A receive that is posted after an RST has arrived",
     "WSAECONNRESET or WSAECONNABORTED or STATUS_CONNECTION_RESET or "
     "STATUS_CONNECTION_ABORTED or STATUS_LOCAL_DISCONNECT or 0xC0070040",
     "WSAECONNRESET",
     "WSARecv(), WSAECONNRESET",
     receive__reset_before},
    {"receive-reset-data",
     "Unread bytes when an RST arrives",
     "they are lost",
     "they are lost",
     "RFC 9293, 3.10.7.4",
     receive__reset_data},
    {"receive-reset-peer",
     "getpeername() after an RST",
     "WSAENOTCONN",
     NULL,
     "getpeername(), WSAENOTCONN",
     receive__reset_peer},
    {"receive-reset-option",
     "SO_LINGER after an RST",
     "success or WSAENOTCONN",
     "WSAENOTCONN",
     "setsockopt(), WSAENOTCONN",
     receive__reset_option},
    {"receive-poll-fin",
     "WSAPoll() for POLLRDNORM after a FIN",
     "POLLHUP",
     NULL,
     "WSAPoll(), POLLHUP",
     receive__poll_fin},
    {"receive-poll-data",
     "WSAPoll() for POLLRDNORM after a byte and a FIN",
     "POLLRDNORM POLLHUP",
     NULL,
     "WSAPoll(), POLLHUP",
     receive__poll_data},
    {"receive-poll-reset",
     "WSAPoll() for POLLRDNORM after an RST",
     "POLLERR POLLHUP",
     NULL,
     "WSAPoll(), POLLHUP",
     receive__poll_reset},
    {NULL, NULL, NULL, NULL, NULL, NULL},
};
