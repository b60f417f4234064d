/* SPDX-License-Identifier: MIT */
#include "reasons.h"

#include <stddef.h>

#include "report.h"

/* No system gives up earlier: the first SYN is repeated after a second
 * (RFC 6298, 2.1). */
#define REASONS__PATIENCE_MS 1000

void reasons_check_wait(const struct entry* entry) {
  RULE("a connect times out only after it has waited",
       world_now_ms() - entry->since_ms >= REASONS__PATIENCE_MS);
}

/* Where no machine answers, or there is no route. */
static void reasons__no_answer(const struct entry* entry, int32_t error) {
  bool is_nowhere = entry->end->server_port == REASONS_NOWHERE;
  if (error == -IOCP_ETIMEDOUT) {
    reasons_check_wait(entry);
    return;
  }
  RULE("a connect that no one answers times out", is_nowhere);
  RULE("a host that cannot be reached is reported as such",
       error == -IOCP_EHOSTUNREACH || error == -IOCP_ENETUNREACH);
}

void reasons_check_connect(const struct entry* entry, int32_t error) {
  if (!entry->is_to_guest || world_has_broken()) return;
  switch (entry->manner) {
    case PEER_ACCEPTS:
      /* The listener may have closed meanwhile. */
      RULE("a guest that accepts refuses no connection",
           error == -IOCP_ECONNRESET);
      return;
    case PEER_REFUSES:
      RULE("a connect that was refused is reported as refused",
           error == -IOCP_ECONNREFUSED);
      return;
    case PEER_NEVER_ANSWERS:
      reasons__no_answer(entry, error);
      return;
  }
}

/* Windows has several numbers for a broken connection; the library reports one,
 * as Linux does. On Linux a time limit may be set (IOCP_USER_TIMEOUT), within
 * which the peer acknowledges nothing. */
void reasons_check_stream(const struct end* end, int32_t error) {
  if (!world_posts_operations() || end->local != 0 || world_has_broken())
    return;
  RULE("a connection that was reset is reported as reset",
       error == -IOCP_ECONNRESET);
}

/* ---- numbers of the system */

/* What an error number of Windows means ("Windows Sockets Error Codes", "System
 * Error Codes", [MS-ERREF]); `other` where it depends on the call: a datagram
 * that was refused is reported as a reset. Those that say nothing by themselves
 * are not here. */
struct reasons__row {
  uint32_t number;
  int32_t error;
  int32_t other;
};

static const struct reasons__row reasons__rows[] = {
    {2, IOCP_ENOENT, 0},                      /* ERROR_FILE_NOT_FOUND */
    {4, IOCP_EMFILE, 0},                      /* ERROR_TOO_MANY_OPEN_FILES */
    {5, IOCP_EACCES, IOCP_EADDRINUSE},        /* ERROR_ACCESS_DENIED */
    {8, IOCP_ENOMEM, 0},                      /* ERROR_NOT_ENOUGH_MEMORY */
    {38, IOCP_ENODATA, 0},                    /* ERROR_HANDLE_EOF */
    {1450, IOCP_ENOBUFS, 0},                  /* ERROR_NO_SYSTEM_RESOURCES */
    {10013, IOCP_EACCES, IOCP_EADDRINUSE},    /* WSAEACCES */
    {10024, IOCP_EMFILE, 0},                  /* WSAEMFILE */
    {10038, IOCP_ENOTSOCK, 0},                /* WSAENOTSOCK */
    {10040, IOCP_EMSGSIZE, 0},                /* WSAEMSGSIZE */
    {10047, IOCP_EAFNOSUPPORT, IOCP_ENOTSUP}, /* WSAEAFNOSUPPORT */
    {10048, IOCP_EADDRINUSE, IOCP_EADDRNOTAVAIL}, /* WSAEADDRINUSE */
    {10049, IOCP_EADDRNOTAVAIL, 0},               /* WSAEADDRNOTAVAIL */
    {10050, IOCP_ENETDOWN, 0},                    /* WSAENETDOWN */
    {10051, IOCP_ENETUNREACH, 0},                 /* WSAENETUNREACH */
    {10053, IOCP_ECONNRESET, IOCP_ECONNABORTED},  /* WSAECONNABORTED */
    {10054, IOCP_ECONNRESET, IOCP_ECONNREFUSED},  /* WSAECONNRESET */
    {10055, IOCP_ENOBUFS, 0},                     /* WSAENOBUFS */
    {10061, IOCP_ECONNREFUSED, 0},                /* WSAECONNREFUSED */
    {10065, IOCP_EHOSTUNREACH, 0},                /* WSAEHOSTUNREACH */
    {0x80000005, IOCP_EMSGSIZE, 0},               /* BUFFER_OVERFLOW */
    {0xC000009A, IOCP_ENOBUFS, 0},                /* INSUFFICIENT_RESOURCES */
    {0xC00000B5, IOCP_ETIMEDOUT, 0},              /* IO_TIMEOUT */
    {0xC00000D0, IOCP_ECONNREFUSED, 0},           /* REQUEST_NOT_ACCEPTED */
    {0xC000013B, IOCP_ECONNRESET, IOCP_ECONNABORTED}, /* LOCAL_DISCONNECT */
    {0xC000020B, IOCP_ECONNRESET, IOCP_ECONNABORTED}, /* ADDRESS_CLOSED */
    {0xC000020D, IOCP_ECONNRESET, IOCP_ECONNREFUSED}, /* CONNECTION_RESET */
    {0xC0000236, IOCP_ECONNREFUSED, 0},               /* CONNECTION_REFUSED */
    {0xC000023D, IOCP_EHOSTUNREACH, 0},               /* HOST_UNREACHABLE */
    {0xC000023F, IOCP_ECONNREFUSED, 0},               /* PORT_UNREACHABLE */
    {0xC0000241, IOCP_ECONNRESET, IOCP_ECONNABORTED}, /* CONNECTION_ABORTED */
    {0xC0000246, IOCP_ECONNREFUSED, 0}, /* CONNECTION_COUNT_LIMIT */
    {0xC0000350, IOCP_EHOSTUNREACH, 0}, /* HOST_DOWN */
    {0xC0070040, IOCP_ECONNRESET, 0},   /* ERROR_NETNAME_DELETED */
};

void reasons_check_number(int32_t result, int32_t number) {
  size_t count = sizeof reasons__rows / sizeof reasons__rows[0];
  if (!world_posts_operations()) return;
  for (size_t i = 0; i < count; i++) {
    const struct reasons__row* row = &reasons__rows[i];
    if (row->number != (uint32_t)number) continue;
    if (result != -row->error && (row->other == 0 || result != -row->other))
      report_violation("an error is what the number of the system means",
                       "%d for %d",
                       result,
                       number);
  }
}

bool reasons_refuses(int32_t port_id, int32_t result, int32_t error) {
  return result == -error && iocp_native_error(port_id) == 0;
}

void reasons_check_call(uint32_t port, int32_t result) {
  if (result >= 0) return;
  int32_t number = iocp_native_error(ledger.ports[port].id);
  reasons_check_number(result, number);
  /* The library knows by itself that a socket is closed or has ended. On Linux
   * an inbox may be full, which is busy too. */
  if (result == -IOCP_ESHUTDOWN || result == -IOCP_EBADF ||
      (result == -IOCP_EBUSY && world_posts_operations()))
    RULE("a refusal of the library has no number of the system", number == 0);
}

void reasons_check_detail(const struct iocp_record* record) {
  static const int32_t errors[] = {IOCP_ECONNRESET,
                                   IOCP_EHOSTUNREACH,
                                   IOCP_ENETUNREACH,
                                   IOCP_EADDRNOTAVAIL,
                                   IOCP_EMFILE,
                                   IOCP_ENOBUFS,
                                   0};
  if (record->result < 0) reasons_check_number(record->result, record->detail);
  if (record->result >= 0 || world_has_broken()) return;
  for (const int32_t* error = errors; *error != 0; error++)
    RULE("an error of the system comes with its number",
         record->result != -*error || record->detail != 0);
}
