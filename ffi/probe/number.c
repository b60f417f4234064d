/* SPDX-License-Identifier: MIT */
#include "number.h"

#include "print.h"

struct number__row {
  DWORD number;
  const char* name;
};

#define ROW(name) {(DWORD)(name), #name}

static const struct number__row number__errors[] = {
    {0, "success"},
    ROW(ERROR_ACCESS_DENIED),
    ROW(ERROR_INVALID_HANDLE),
    ROW(ERROR_INVALID_PARAMETER),
    ROW(ERROR_NOT_SUPPORTED),
    ROW(ERROR_INVALID_FUNCTION),
    ROW(ERROR_NETNAME_DELETED),
    ROW(ERROR_OPERATION_ABORTED),
    ROW(ERROR_NOT_FOUND),
    ROW(ERROR_ABANDONED_WAIT_0),
    ROW(WAIT_TIMEOUT),
    ROW(WAIT_IO_COMPLETION),
    {WSA_IO_PENDING, "pending"},
    ROW(WSAEACCES),
    ROW(WSAEFAULT),
    ROW(WSAEINVAL),
    ROW(WSAEMFILE),
    ROW(WSAEWOULDBLOCK),
    ROW(WSAEINPROGRESS),
    ROW(WSAEALREADY),
    ROW(WSAENOTSOCK),
    ROW(WSAEMSGSIZE),
    ROW(WSAENOPROTOOPT),
    ROW(WSAEOPNOTSUPP),
    ROW(WSAEAFNOSUPPORT),
    ROW(WSAEADDRINUSE),
    ROW(WSAEADDRNOTAVAIL),
    ROW(WSAENETDOWN),
    ROW(WSAENETUNREACH),
    ROW(WSAENETRESET),
    ROW(WSAECONNABORTED),
    ROW(WSAECONNRESET),
    ROW(WSAENOBUFS),
    ROW(WSAEISCONN),
    ROW(WSAENOTCONN),
    ROW(WSAESHUTDOWN),
    ROW(WSAETIMEDOUT),
    ROW(WSAECONNREFUSED),
    ROW(WSAEHOSTUNREACH),
    ROW(WSAEDISCON),
};

/* Statuses, which headers for programs do not have (ntstatus.h). */
static const struct number__row number__statuses[] = {
    {0x00000000u, "success"},
    {0x00000103u, "STATUS_PENDING"},
    {0x80000005u, "STATUS_BUFFER_OVERFLOW"},
    {0x8000000Au, "STATUS_HANDLES_CLOSED"},
    {0xC0000002u, "STATUS_NOT_IMPLEMENTED"},
    {0xC0000003u, "STATUS_INVALID_INFO_CLASS"},
    {0xC0000008u, "STATUS_INVALID_HANDLE"},
    {0xC000000Du, "STATUS_INVALID_PARAMETER"},
    {0xC000009Au, "STATUS_INSUFFICIENT_RESOURCES"},
    {0xC00000B5u, "STATUS_IO_TIMEOUT"},
    {0xC00000BBu, "STATUS_NOT_SUPPORTED"},
    {0xC00000D0u, "STATUS_REQUEST_NOT_ACCEPTED"},
    {0xC0000120u, "STATUS_CANCELLED"},
    {0xC0000128u, "STATUS_FILE_CLOSED"},
    {0xC000013Bu, "STATUS_LOCAL_DISCONNECT"},
    {0xC000013Cu, "STATUS_REMOTE_DISCONNECT"},
    {0xC0000140u, "STATUS_INVALID_CONNECTION"},
    {0xC000020Bu, "STATUS_ADDRESS_CLOSED"},
    {0xC000020Cu, "STATUS_CONNECTION_DISCONNECTED"},
    {0xC000020Du, "STATUS_CONNECTION_RESET"},
    {0xC0000236u, "STATUS_CONNECTION_REFUSED"},
    {0xC0000237u, "STATUS_GRACEFUL_DISCONNECT"},
    {0xC000023Au, "STATUS_CONNECTION_INVALID"},
    {0xC000023Cu, "STATUS_NETWORK_UNREACHABLE"},
    {0xC000023Du, "STATUS_HOST_UNREACHABLE"},
    {0xC0000240u, "STATUS_REQUEST_ABORTED"},
    {0xC0000241u, "STATUS_CONNECTION_ABORTED"},
    {0xC0000246u, "STATUS_CONNECTION_COUNT_LIMIT"},
    {0xC0000350u, "STATUS_HOST_DOWN"},
    {0xC0070040u, "0xC0070040"}, /* ERROR_NETNAME_DELETED */
};

/* Several are in use at a time, within one answer. */
#define NUMBER__TEXTS 4

static const char* number__find(const struct number__row* rows,
                                size_t count,
                                DWORD number,
                                const char* format) {
  static char texts[NUMBER__TEXTS][32];
  static unsigned next;
  for (size_t i = 0; i < count; i++)
    if (rows[i].number == number) return rows[i].name;
  char* text = texts[next++ % NUMBER__TEXTS];
  if (format[0] == 'e')
    print_into(text, sizeof texts[0], "error %lu", number);
  else
    print_into(text, sizeof texts[0], "0x%08lX", number);
  return text;
}

const char* number_error(DWORD error) {
  return number__find(number__errors,
                      sizeof number__errors / sizeof number__errors[0],
                      error,
                      "error");
}

const char* number_status(LONG status) {
  return number__find(number__statuses,
                      sizeof number__statuses / sizeof number__statuses[0],
                      (DWORD)status,
                      "status");
}
