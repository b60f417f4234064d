/* SPDX-License-Identifier: MIT */
/* CancelIoEx(): its result, and the status of the operation. */
#include <string.h>

#include "answer.h"
#include "experiment.h"
#include "number.h"
#include "operation.h"

#define CANCEL__QUIET_MS 500

struct cancel__bed {
  struct pair pair;
  HANDLE port;
  struct operation* operation;
};

static void cancel__open(struct cancel__bed* bed) {
  pair_open(&bed->pair);
  bed->port = port_new(0);
  bed->operation = operation_pending_receive(bed->pair.near_end, bed->port);
}

static DWORD cancel__call(SOCKET socket, struct operation* operation) {
  OVERLAPPED* overlapped = operation == NULL ? NULL : &operation->overlapped;
  return CancelIoEx((HANDLE)socket, overlapped) ? 0 : GetLastError();
}

static void cancel__receive(void) {
  struct cancel__bed bed;
  cancel__open(&bed);
  DWORD error = cancel__call(bed.pair.near_end, bed.operation);
  NEED_END(bed.port, bed.operation);
  answer("%s", number_status(operation_status(bed.operation)));
  answer_detail("%s", number_error(error));
}

static void cancel__all(void) {
  struct cancel__bed bed;
  cancel__open(&bed);
  answer("%s", number_error(cancel__call(bed.pair.near_end, NULL)));
  NEED_END(bed.port, bed.operation);
}

static void cancel__none(void) {
  struct pair pair;
  pair_open(&pair);
  answer("%s", number_error(cancel__call(pair.near_end, NULL)));
}

static void cancel__ended(void) {
  struct cancel__bed bed;
  cancel__open(&bed);
  NEED(send(bed.pair.far_end, "x", 1, 0) == 1);
  NEED_END(bed.port, bed.operation);
  answer("%s", number_error(cancel__call(bed.pair.near_end, bed.operation)));
}

/* Completed, with the packet in the queue. */
static void cancel__queued(void) {
  struct cancel__bed bed;
  cancel__open(&bed);
  NEED(send(bed.pair.far_end, "x", 1, 0) == 1);
  while (!HasOverlappedIoCompleted(&bed.operation->overlapped)) Sleep(1);
  DWORD error = cancel__call(bed.pair.near_end, bed.operation);
  NEED_END(bed.port, bed.operation);
  answer(operation_status(bed.operation) == 0 &&
                 operation_bytes(bed.operation) == 1
             ? "the byte is received"
             : "it is lost");
  answer_detail("%s", number_error(error));
}

static void cancel__next(void) {
  struct cancel__bed bed;
  cancel__open(&bed);
  NEED(cancel__call(bed.pair.near_end, bed.operation) == 0);
  NEED_END(bed.port, bed.operation);
  struct operation* next = operation_new(8);
  NEED(send(bed.pair.far_end, "x", 1, 0) == 1);
  DWORD error = operation_receive(bed.pair.near_end, next);
  NEED(error == 0 || error == WSA_IO_PENDING);
  NEED_END(bed.port, next);
  answer(operation_status(next) == 0 && operation_bytes(next) == 1
             ? "it works"
             : "it fails");
  answer_detail("%s", number_status(operation_status(next)));
}

static struct cancel__bed cancel__shared;

static DWORD WINAPI cancel__on_thread(void* unused) {
  (void)unused;
  return cancel__call(cancel__shared.pair.near_end, cancel__shared.operation);
}

static void cancel__thread(void) {
  DWORD error = 0;
  cancel__open(&cancel__shared);
  HANDLE thread = CreateThread(NULL, 0, cancel__on_thread, NULL, 0, NULL);
  NEED(thread != NULL);
  WaitForSingleObject(thread, INFINITE);
  GetExitCodeThread(thread, &error);
  NEED_END(cancel__shared.port, cancel__shared.operation);
  answer("%s", number_status(operation_status(cancel__shared.operation)));
  answer_detail("%s", number_error(error));
}

static void cancel__accept(void) {
  SOCKET listener = loopback_listener();
  HANDLE port = port_new(0);
  struct operation* operation = operation_new_accept(0);
  port_tie(port, listener);
  SOCKET target = loopback_new();
  NEED(operation_accept(listener, target, operation) == WSA_IO_PENDING);
  NEED(cancel__call(listener, operation) == 0);
  NEED_END(port, operation);
  answer("%s", number_status(operation_status(operation)));
}

/* Another accept with the target of one that was canceled. */
static void cancel__accept_again(void) {
  SOCKET listener = loopback_listener();
  HANDLE port = port_new(0);
  struct operation* first = operation_new_accept(0);
  struct operation* second = operation_new_accept(0);
  SOCKET target = loopback_new();
  port_tie(port, listener);
  NEED(operation_accept(listener, target, first) == WSA_IO_PENDING);
  NEED(cancel__call(listener, first) == 0);
  NEED_END(port, first);
  DWORD error = operation_accept(listener, target, second);
  if (error != WSA_IO_PENDING) {
    answer("%s", number_error(error));
    return;
  }
  loopback_call(loopback_port(listener));
  NEED_END(port, second);
  answer("%s", number_status(operation_status(second)));
}

/* The accept has a connection, and waits for data. */
static void cancel__accept_data(void) {
  SOCKET listener = loopback_listener();
  HANDLE port = port_new(0);
  struct operation* operation = operation_new_accept(64);
  port_tie(port, listener);
  SOCKET target = loopback_new();
  NEED(operation_accept(listener, target, operation) == WSA_IO_PENDING);
  SOCKET caller = loopback_call(loopback_port(listener));
  Sleep(LOOPBACK_QUIET_MS);
  NEED(cancel__call(listener, operation) == 0);
  NEED_END(port, operation);
  answer("%s", ending_name(loopback_drain(caller, CANCEL__QUIET_MS)->ending));
  answer_detail("%s", number_status(operation_status(operation)));
}

static void cancel__send(void) {
  struct pair pair;
  HANDLE port = port_new(0);
  pair_open_narrow(&pair);
  struct operation* operation =
      operation_pending_send(pair.near_end, port, 'a', 16u << 20);
  NEED(cancel__call(pair.near_end, operation) == 0);
  NEED_END(port, operation);
  answer("%s", number_status(operation_status(operation)));
  answer_detail(
      "then the peer sees %s",
      ending_name(loopback_drain(pair.far_end, CANCEL__QUIET_MS)->ending));
}

const struct experiment theme_cancel[] = {
    {"cancel-receive",
     "The status of a receive that is canceled",
     "STATUS_CANCELLED",
     "STATUS_CANCELLED",
     "CancelIoEx(), ERROR_OPERATION_ABORTED",
     cancel__receive},
    {"cancel-all",
     "CancelIoEx() for all operations of a handle",
     "success",
     "success",
     "CancelIoEx(), remarks",
     cancel__all},
    {"cancel-none",
     "CancelIoEx() when nothing is pending",
     "ERROR_NOT_FOUND",
     "ERROR_NOT_FOUND",
     "CancelIoEx(), return value",
     cancel__none},
    {"cancel-ended",
     "CancelIoEx() for an operation whose packet was dequeued",
     "ERROR_NOT_FOUND",
     "ERROR_NOT_FOUND",
     "CancelIoEx(), return value",
     cancel__ended},
    {"cancel-queued",
     "CancelIoEx() for a receive that has completed and whose packet is "
     "queued",
     "the byte is received",
     "the byte is received",
     "CancelIoEx(), remarks; CPython bpo-33694",
     cancel__queued},
    {"cancel-next",
     "A receive after one that was canceled",
     "it works",
     NULL,
     "the model: the socket stays usable; not documented",
     cancel__next},
    {"cancel-thread",
     "A receive that is canceled by another thread",
     "STATUS_CANCELLED",
     "STATUS_CANCELLED",
     "CancelIoEx(), remarks",
     cancel__thread},
    {"cancel-accept",
     "The status of an accept that is canceled",
     "STATUS_CANCELLED",
     "STATUS_CANCELLED",
     "CancelIoEx(), remarks",
     cancel__accept},
    {"cancel-accept-again",
     "Another accept with the socket of one that was canceled",
     "success",
     NULL,
     "the model: it is like a new one",
     cancel__accept_again},
    {"cancel-accept-data",
     "What the peer sees when an accept that waits for its data is canceled",
     "RST or nothing",
     NULL,
     "the model: a guess",
     cancel__accept_data},
    {"cancel-send",
     "The status of a send that is canceled",
     "STATUS_CANCELLED",
     "STATUS_CANCELLED",
     "CancelIoEx(), remarks",
     cancel__send},
    {NULL, NULL, NULL, NULL, NULL, NULL},
};
