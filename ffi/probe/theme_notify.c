/* SPDX-License-Identifier: MIT */
/* Which operations queue a packet, and the modes that decide it. */
#include <string.h>

#include "answer.h"
#include "experiment.h"
#include "number.h"
#include "operation.h"

#define NOTIFY__MODES \
  (FILE_SKIP_COMPLETION_PORT_ON_SUCCESS | FILE_SKIP_SET_EVENT_ON_HANDLE)

/* A connection on a port, with a byte to receive. */
struct notify__bed {
  struct pair pair;
  HANDLE port;
  struct operation* operation;
};

static void notify__open(struct notify__bed* bed, BYTE modes) {
  pair_open(&bed->pair);
  bed->port = port_new(0);
  bed->operation = operation_new(8);
  port_tie(bed->port, bed->pair.near_end);
  if (modes == 0) return;
  NEED(SetFileCompletionNotificationModes((HANDLE)bed->pair.near_end, modes));
}

/* Sends a byte, and waits until it can be received. */
static void notify__send(struct notify__bed* bed) {
  u_long readable = 0;
  NEED(send(bed->pair.far_end, "abc", 3, 0) == 3);
  while (readable < 3)
    NEED(ioctlsocket(bed->pair.near_end, FIONREAD, &readable) == 0);
}

/* Receives the byte, and answers whether there is a packet. */
static void notify__ask(struct notify__bed* bed) {
  notify__send(bed);
  DWORD error = operation_receive(bed->pair.near_end, bed->operation);
  NEED(error == 0 || error == WSA_IO_PENDING);
  bool has_packet =
      port_has_ended(bed->port, bed->operation, LOOPBACK_QUIET_MS);
  if (error != 0)
    answer("it does not complete at once");
  else
    answer(has_packet ? "a packet" : "no packet");
}

static void notify__plain(void) {
  struct notify__bed bed;
  notify__open(&bed, 0);
  notify__ask(&bed);
}

static void notify__skip(void) {
  struct notify__bed bed;
  notify__open(&bed, NOTIFY__MODES);
  notify__ask(&bed);
}

static void notify__skip_pending(void) {
  struct notify__bed bed;
  notify__open(&bed, NOTIFY__MODES);
  NEED(operation_receive(bed.pair.near_end, bed.operation) == WSA_IO_PENDING);
  NEED(send(bed.pair.far_end, "abc", 3, 0) == 3);
  answer(port_has_ended(bed.port, bed.operation, LOOPBACK_LONG_MS)
             ? "a packet"
             : "no packet");
}

static void notify__written(void) {
  struct notify__bed bed;
  notify__open(&bed, NOTIFY__MODES);
  notify__send(&bed);
  memset(&bed.operation->overlapped, 0xEE, sizeof bed.operation->overlapped);
  bed.operation->overlapped.hEvent = NULL;
  NEED(operation_receive(bed.pair.near_end, bed.operation) == 0);
  bool is_written = operation_status(bed.operation) == 0 &&
                    operation_bytes(bed.operation) == 3;
  answer(is_written ? "yes" : "no");
}

static void notify__failed(void) {
  HANDLE port = port_new(0);
  SOCKET socket = loopback_new();
  struct operation* operation = operation_new(8);
  port_tie(port, socket);
  DWORD error = operation_receive(socket, operation);
  NEED(error != 0 && error != WSA_IO_PENDING);
  bool has_packet = port_has_ended(port, operation, LOOPBACK_QUIET_MS);
  answer(has_packet ? "a packet" : "no packet");
  answer_detail("%s", number_error(error));
}

static void notify__removed(void) {
  struct notify__bed bed;
  notify__open(&bed, NOTIFY__MODES);
  BOOL is_set =
      SetFileCompletionNotificationModes((HANDLE)bed.pair.near_end, 0);
  DWORD error = is_set ? 0 : GetLastError();
  notify__ask(&bed);
  answer_detail("%s", number_error(error));
}

static void notify__low_bit(void) {
  struct notify__bed bed;
  notify__open(&bed, 0);
  HANDLE event = CreateEventW(NULL, TRUE, FALSE, NULL);
  NEED(event != NULL);
  bed.operation->overlapped.hEvent = (HANDLE)((ULONG_PTR)event | 1);
  NEED(operation_receive(bed.pair.near_end, bed.operation) == WSA_IO_PENDING);
  NEED(send(bed.pair.far_end, "abc", 3, 0) == 3);
  NEED(WaitForSingleObject(event, LOOPBACK_LONG_MS) == WAIT_OBJECT_0);
  answer(port_has_ended(bed.port, bed.operation, LOOPBACK_QUIET_MS)
             ? "the event and a packet"
             : "the event alone");
}

static void notify__event_at_once(void) {
  struct notify__bed bed;
  notify__open(&bed, NOTIFY__MODES);
  HANDLE event = CreateEventW(NULL, TRUE, FALSE, NULL);
  NEED(event != NULL);
  bed.operation->overlapped.hEvent = (HANDLE)((ULONG_PTR)event | 1);
  notify__send(&bed);
  NEED(operation_receive(bed.pair.near_end, bed.operation) == 0);
  answer(WaitForSingleObject(event, LOOPBACK_QUIET_MS) == WAIT_OBJECT_0
             ? "the event"
             : "nothing");
}

/* ---- the modes of a handle */

/* Of ntifs.h: FILE_IO_COMPLETION_NOTIFICATION_INFORMATION. */
#define NOTIFY__INFORMATION 41
struct notify__io_status {
  ULONG_PTR status;
  ULONG_PTR information;
};
typedef LONG(NTAPI* notify__query_information)(
    HANDLE, struct notify__io_status*, void*, ULONG, int);

static LONG notify__query(SOCKET socket, ULONG* modes_out) {
  struct notify__io_status io_status;
  notify__query_information query;
  FARPROC function =
      GetProcAddress(GetModuleHandleW(L"ntdll.dll"), "NtQueryInformationFile");
  NEED(function != NULL);
  memcpy(&query, &function, sizeof query);
  return query((HANDLE)socket,
               &io_status,
               modes_out,
               sizeof *modes_out,
               NOTIFY__INFORMATION);
}

static void notify__answer_modes(SOCKET socket, ULONG wanted) {
  ULONG modes = 0xEEEEEEEEu;
  LONG status = notify__query(socket, &modes);
  if (status < 0)
    answer("%s", number_status(status));
  else
    answer((modes & NOTIFY__MODES) == wanted ? "the modes" : "others");
  answer_detail("0x%lx", modes);
}

static void notify__queried(void) {
  struct notify__bed bed;
  notify__open(&bed, NOTIFY__MODES);
  notify__answer_modes(bed.pair.near_end, NOTIFY__MODES);
}

static void notify__queried_none(void) {
  struct notify__bed bed;
  notify__open(&bed, 0);
  notify__answer_modes(bed.pair.near_end, 0);
}

/* Of ntifs.h: FILE_COMPLETION_INFORMATION, and its number since Windows 8.1. */
#define NOTIFY__REPLACE_COMPLETION 61
typedef LONG(NTAPI* notify__set_information)(
    HANDLE, struct notify__io_status*, void*, ULONG, int);

static void notify__left(void) {
  struct notify__bed bed;
  void* none[2] = {NULL, NULL};
  struct notify__io_status io_status;
  notify__set_information set;
  FARPROC function =
      GetProcAddress(GetModuleHandleW(L"ntdll.dll"), "NtSetInformationFile");
  NEED(function != NULL);
  memcpy(&set, &function, sizeof set);
  notify__open(&bed, NOTIFY__MODES);
  LONG status = set((HANDLE)bed.pair.near_end,
                    &io_status,
                    none,
                    sizeof none,
                    NOTIFY__REPLACE_COMPLETION);
  notify__answer_modes(bed.pair.near_end, NOTIFY__MODES);
  answer_detail("removed: %s", number_status(status));
}

static void notify__provider(void) {
  WSAPROTOCOL_INFOW info;
  int length = sizeof info;
  memset(&info, 0, sizeof info);
  NEED(getsockopt(loopback_new(),
                  SOL_SOCKET,
                  SO_PROTOCOL_INFOW,
                  (char*)&info,
                  &length) == 0);
  answer((info.dwServiceFlags1 & XP1_IFS_HANDLES) != 0 ? "yes" : "no");
  answer_detail("%d providers in the chain", info.ProtocolChain.ChainLen);
}

const struct experiment theme_notify[] = {
    {"notify-plain",
     "A receive that completes at once",
     "a packet",
     "a packet",
     "SetFileCompletionNotificationModes()",
     notify__plain},
    {"notify-skip",
     "A receive that completes at once, on a handle that skips packets on "
     "success",
     "no packet or a packet",
     "no packet",
     "SetFileCompletionNotificationModes(); a layered provider queues "
     "one (KB 2568167)",
     notify__skip},
    {"notify-skip-pending",
     "A receive that pends and then succeeds, on a handle that skips "
     "packets on success",
     "a packet",
     "a packet",
     "SetFileCompletionNotificationModes()",
     notify__skip_pending},
    {"notify-failed",
     "A receive that fails at once",
     "no packet",
     "no packet",
     "WSARecv(), return value",
     notify__failed},
    {"notify-removed",
     "A receive that completes at once, after the modes of its handle were "
     "set to none again",
     "no packet",
     "no packet",
     "SetFileCompletionNotificationModes(), 'Flags'",
     notify__removed},
    {"notify-queried",
     "NtQueryInformationFile() for modes that were set",
     "the modes or STATUS_NOT_IMPLEMENTED",
     "the modes",
     "FileIoCompletionNotificationInformation (41)",
     notify__queried},
    {"notify-queried-none",
     "NtQueryInformationFile() for modes when none were set",
     "the modes or STATUS_NOT_IMPLEMENTED",
     "the modes",
     "FileIoCompletionNotificationInformation (41)",
     notify__queried_none},
    {"notify-left",
     "NtQueryInformationFile() for modes after the handle was removed from "
     "its port",
     "the modes or STATUS_NOT_IMPLEMENTED",
     "the modes",
     "SetFileCompletionNotificationModes(): a mode cannot be removed",
     notify__left},
    {"notify-written",
     "The OVERLAPPED has the result of a success without a packet",
     "yes",
     NULL,
     "compio and libuv depend on it",
     notify__written},
    {"notify-low-bit",
     "A receive whose event has its low bit set",
     "the event alone",
     "the event alone",
     "GetQueuedCompletionStatus(), 'lpOverlapped'",
     notify__low_bit},
    {"notify-event-at-once",
     "What an immediate success signals on a handle that skips packets and "
     "its own event",
     "the event",
     "the event",
     "FILE_SKIP_SET_EVENT_ON_HANDLE: an explicit event is signaled",
     notify__event_at_once},
    {"notify-provider",
     "TCP sockets are handles of an installable file system",
     "yes or no",
     NULL,
     "XP1_IFS_HANDLES; no with a layered provider",
     notify__provider},
    {NULL, NULL, NULL, NULL, NULL, NULL},
};
