/* SPDX-License-Identifier: MIT */
/* Completion ports: how many threads they let run, and which handles are on
 * them. */
#include <string.h>

#include "answer.h"
#include "experiment.h"
#include "number.h"
#include "operation.h"

#define PORT__LIMIT 2
#define PORT__NO_LIMIT 0xFFFFFFFFu

/* ---- threads that compute */

static HANDLE port__shared;
static volatile LONG port__busy;

static DWORD WINAPI port__compute(void* unused) {
  OVERLAPPED_ENTRY entry;
  (void)unused;
  port_dequeue(port__shared, INFINITE, &entry);
  InterlockedIncrement(&port__busy);
  /* It never blocks: a thread that blocks does not count. */
  for (;;) {
  }
}

static void port__ask_limit(DWORD limit) {
  OVERLAPPED_ENTRY entry;
  port__shared = port_new(limit);
  for (LONG i = 0; i < PORT__LIMIT; i++) {
    NEED(CreateThread(NULL, 0, port__compute, NULL, 0, NULL) != NULL);
    NEED(PostQueuedCompletionStatus(port__shared, 0, 1, NULL));
    while (port__busy == i) Sleep(1);
  }
  NEED(PostQueuedCompletionStatus(port__shared, 0, 2, NULL));
  DWORD error = port_dequeue(port__shared, 0, &entry);
  answer(error == 0 ? "a packet" : "nothing");
  answer_detail("%s", number_error(error));
}

static void port__limit(void) { port__ask_limit(PORT__LIMIT); }
static void port__no_limit(void) { port__ask_limit(PORT__NO_LIMIT); }

/* ---- handles on a port */

/* Of ntifs.h: FILE_COMPLETION_INFORMATION, and its number since Windows 8.1. */
#define PORT__REPLACE 61
struct port__completion {
  HANDLE port;
  void* key;
};
struct port__io_status {
  ULONG_PTR status;
  ULONG_PTR information;
};
typedef LONG(NTAPI* port__set_information)(
    HANDLE, struct port__io_status*, void*, ULONG, int);

static DWORD port__error_of_tie(SOCKET socket, HANDLE port) {
  if (CreateIoCompletionPort((HANDLE)socket, port, 1, 0) != NULL) return 0;
  return GetLastError();
}

static void port__second(void) {
  SOCKET socket = loopback_new();
  port_tie(port_new(0), socket);
  answer("%s", number_error(port__error_of_tie(socket, port_new(0))));
}

static void port__same(void) {
  SOCKET socket = loopback_new();
  HANDLE port = port_new(0);
  port_tie(port, socket);
  answer("%s", number_error(port__error_of_tie(socket, port)));
}

static void port__copy(void) {
  SOCKET socket = loopback_new();
  HANDLE self = GetCurrentProcess();
  HANDLE copy;
  port_tie(port_new(0), socket);
  NEED(DuplicateHandle(
      self, (HANDLE)socket, self, &copy, 0, FALSE, DUPLICATE_SAME_ACCESS));
  answer("%s", number_error(port__error_of_tie((SOCKET)copy, port_new(0))));
}

static void port__not_overlapped(void) {
  SOCKET socket = WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, NULL, 0, 0);
  NEED(socket != INVALID_SOCKET);
  answer("%s", number_error(port__error_of_tie(socket, port_new(0))));
}

static void port__late(void) {
  struct pair pair;
  struct operation* operation = operation_new(8);
  HANDLE port = port_new(0);
  pair_open(&pair);
  NEED(operation_receive(pair.near_end, operation) == WSA_IO_PENDING);
  port_tie(port, pair.near_end);
  NEED(send(pair.far_end, "x", 1, 0) == 1);
  answer(port_has_ended(port, operation, LOOPBACK_QUIET_MS) ? "a packet"
                                                            : "no packet");
}

static SOCKET port__blocking;

static DWORD WINAPI port__receive_blocking(void* unused) {
  (void)unused;
  return operation_receive(port__blocking, operation_new(8));
}

/* On another thread, since it may block. */
static void port__receive_not_overlapped(void) {
  SOCKET listener = loopback_listener();
  struct sockaddr_in address = loopback_address(loopback_port(listener));
  DWORD error = 0;
  port__blocking = WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, NULL, 0, 0);
  NEED(port__blocking != INVALID_SOCKET);
  NEED(connect(port__blocking, (struct sockaddr*)&address, sizeof address) ==
       0);
  HANDLE thread = CreateThread(NULL, 0, port__receive_blocking, NULL, 0, NULL);
  NEED(thread != NULL);
  bool has_returned =
      WaitForSingleObject(thread, LOOPBACK_QUIET_MS) == WAIT_OBJECT_0;
  if (has_returned) GetExitCodeThread(thread, &error);
  answer("%s", has_returned ? number_error(error) : "it blocks");
}

/* FileModeInformation, and its bits for handles that are not overlapped:
 * FILE_SYNCHRONOUS_IO_ALERT and FILE_SYNCHRONOUS_IO_NONALERT (ntifs.h). */
#define PORT__MODE 16
#define PORT__SYNCHRONOUS 0x30u

static ULONG port__mode(SOCKET socket) {
  ULONG mode = 0;
  struct port__io_status io_status;
  port__set_information query; /* of the same type */
  FARPROC function =
      GetProcAddress(GetModuleHandleW(L"ntdll.dll"), "NtQueryInformationFile");
  NEED(function != NULL);
  memcpy(&query, &function, sizeof query);
  NEED(query((HANDLE)socket, &io_status, &mode, sizeof mode, PORT__MODE) >= 0);
  return mode;
}

static void port__shown_mode(void) {
  SOCKET socket = WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, NULL, 0, 0);
  NEED(socket != INVALID_SOCKET);
  ULONG mode = port__mode(socket);
  ULONG overlapped = port__mode(loopback_new());
  bool is_shown =
      (mode & PORT__SYNCHRONOUS) != 0 && (overlapped & PORT__SYNCHRONOUS) == 0;
  answer(is_shown ? "yes" : "no");
  answer_detail("0x%lX, 0x%lX", mode, overlapped);
}

static void port__accepted(void) {
  SOCKET listener = loopback_listener();
  port_tie(port_new(0), listener);
  loopback_call(loopback_port(listener));
  SOCKET accepted = accept(listener, NULL, NULL);
  NEED(accepted != INVALID_SOCKET);
  answer(port__error_of_tie(accepted, port_new(0)) == 0
             ? "none"
             : "that of the listener");
}

static void port__remove(void) {
  SOCKET socket = loopback_new();
  struct port__completion none = {NULL, NULL};
  struct port__io_status io_status;
  port__set_information set;
  FARPROC function =
      GetProcAddress(GetModuleHandleW(L"ntdll.dll"), "NtSetInformationFile");
  NEED(function != NULL);
  memcpy(&set, &function, sizeof set);
  port_tie(port_new(0), socket);
  LONG status =
      set((HANDLE)socket, &io_status, &none, sizeof none, PORT__REPLACE);
  DWORD error = port__error_of_tie(socket, port_new(0));
  answer(error == 0 ? "it is removed" : "it stays");
  answer_detail("%s, then %s", number_status(status), number_error(error));
}

/* ---- waits */

static void WINAPI port__apc(ULONG_PTR unused) { (void)unused; }

static void port__ask_alert(BOOL is_alertable) {
  OVERLAPPED_ENTRY entry;
  ULONG count;
  HANDLE port = port_new(0);
  NEED(QueueUserAPC(port__apc, GetCurrentThread(), 0));
  GetQueuedCompletionStatusEx(
      port, &entry, 1, &count, LOOPBACK_QUIET_MS, is_alertable);
  answer("%s", number_error(GetLastError()));
}

static void port__alertable(void) { port__ask_alert(TRUE); }
static void port__not_alertable(void) { port__ask_alert(FALSE); }

#define PORT__WAIT_MS 50
#define PORT__WAITS 5

static void port__early(void) {
  OVERLAPPED_ENTRY entry;
  LARGE_INTEGER frequency, start, end;
  HANDLE port = port_new(0);
  LONGLONG least_us = PORT__WAIT_MS * 1000000;
  QueryPerformanceFrequency(&frequency);
  for (int i = 0; i < PORT__WAITS; i++) {
    QueryPerformanceCounter(&start);
    NEED(port_dequeue(port, PORT__WAIT_MS, &entry) == WAIT_TIMEOUT);
    QueryPerformanceCounter(&end);
    LONGLONG took_us =
        (end.QuadPart - start.QuadPart) * 1000000 / frequency.QuadPart;
    if (took_us < least_us) least_us = took_us;
  }
  answer(least_us < PORT__WAIT_MS * 1000 ? "early" : "not early");
}

/* ---- the end of the thread that has started an operation */

static struct operation* port__operation;
static SOCKET port__socket;

static DWORD WINAPI port__receive_and_end(void* unused) {
  (void)unused;
  NEED(operation_receive(port__socket, port__operation) == WSA_IO_PENDING);
  return 0;
}

/* Whether its receive still completes with a byte. */
static void port__ask_end_of_thread(bool has_port) {
  struct pair pair;
  pair_open(&pair);
  port__socket = pair.near_end;
  port__operation = operation_new(8);
  if (has_port) port_tie(port_new(0), pair.near_end);
  HANDLE thread = CreateThread(NULL, 0, port__receive_and_end, NULL, 0, NULL);
  NEED(thread != NULL);
  WaitForSingleObject(thread, INFINITE);
  Sleep(LOOPBACK_QUIET_MS);
  LONG status = operation_status(port__operation);
  answer(HasOverlappedIoCompleted(&port__operation->overlapped) ? "it ends"
                                                                : "it stays");
  answer_detail("%s", number_status(status));
}

static void port__end_of_thread(void) { port__ask_end_of_thread(true); }
static void port__end_without_port(void) { port__ask_end_of_thread(false); }

const struct experiment theme_port[] = {
    {"port-limit",
     "A poll by a third thread, on a port for two threads, of which two "
     "that once waited on it compute",
     "nothing",
     "nothing",
     "I/O completion ports, 'Threads and Concurrency'",
     port__limit},
    {"port-no-limit",
     "A poll by a third thread, on a port for 0xFFFFFFFF threads, of which "
     "two compute",
     "a packet",
     "a packet",
     "CreateIoCompletionPort(), 'NumberOfConcurrentThreads'",
     port__no_limit},
    {"port-second",
     "A handle that is on a port is associated with another one",
     "ERROR_INVALID_PARAMETER",
     NULL,
     "CreateIoCompletionPort(), remarks; the error is not documented",
     port__second},
    {"port-same",
     "A handle that is on a port is associated with it again",
     "ERROR_INVALID_PARAMETER",
     NULL,
     "CreateIoCompletionPort(), remarks; the error is not documented",
     port__same},
    {"port-copy",
     "A duplicate of a handle that is on a port is associated with another "
     "one",
     "ERROR_INVALID_PARAMETER",
     NULL,
     "libuv #2016: the port belongs to the file object",
     port__copy},
    {"port-leave",
     "A handle is removed from its port by FileReplaceCompletionInformation",
     "it is removed or it stays",
     "it is removed",
     "ntifs.h, since Windows 8.1",
     port__remove},
    {"port-accepted",
     "The port of an accepted socket",
     "none",
     NULL,
     "the model: it has none",
     port__accepted},
    {"port-late",
     "A handle is associated with a port while a receive is pending",
     "no packet or a packet",
     NULL,
     "the model accepts both",
     port__late},
    {"port-not-overlapped",
     "A socket that is not overlapped is associated with a port",
     "ERROR_INVALID_PARAMETER",
     NULL,
     "CreateIoCompletionPort(), 'FileHandle'; the error is not documented",
     port__not_overlapped},
    {"port-mode",
     "FileModeInformation shows that a socket is not overlapped",
     "yes",
     "yes",
     "FILE_MODE_INFORMATION (16)",
     port__shown_mode},
    {"port-receive-not-overlapped",
     "WSARecv() with an OVERLAPPED on a socket that is not overlapped, with "
     "nothing to receive",
     "it blocks",
     "it blocks",
     "WSARecv(): 'lpOverlapped' is ignored for it",
     port__receive_not_overlapped},
    {"port-not-alertable",
     "An APC for a thread whose wait is not alertable",
     "WAIT_TIMEOUT",
     "WAIT_TIMEOUT",
     "GetQueuedCompletionStatusEx(), 'fAlertable'",
     port__not_alertable},
    {"port-alertable",
     "An APC for a thread whose wait is alertable",
     "WAIT_IO_COMPLETION",
     "WAIT_IO_COMPLETION",
     "GetQueuedCompletionStatusEx(), 'fAlertable'",
     port__alertable},
    {"port-early",
     "When a wait of 50 ms times out",
     "early or not early",
     "early or not early",
     "Wait functions, 'Wait Functions and Time-out Intervals'",
     port__early},
    {"port-thread-ends",
     "A receive on a handle with a port, when the thread that started it "
     "ends",
     "it stays",
     "it ends",
     "WSARecv(), its note on threads, which has no exception",
     port__end_of_thread},
    {"port-thread-ends-without",
     "A receive on a handle without a port, when the thread that started it "
     "ends",
     "it ends",
     "it ends",
     "WSARecv(), its note on threads, which has no exception",
     port__end_without_port},
    {NULL, NULL, NULL, NULL, NULL, NULL},
};
