/* SPDX-License-Identifier: MIT */
#include "reasons.h"

#include <stddef.h>

#include "error_rows.h"
#include "report.h"

/* No system gives up earlier: the first SYN is repeated after a second
 * (RFC 6298, 2.1). */
#define REASONS__PATIENCE_MS 1000

void reasons_check_wait(const struct entry* entry) {
  RULE("a connect times out only after it has waited",
       world_now_ms() - entry->since_ms >= REASONS__PATIENCE_MS ||
           world_is_strange());
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

static bool reasons__is_of(const struct error_row* row, int32_t result) {
  if (result == -row->error) return true;
  for (uint32_t i = 0; i < 3; i++)
    if (row->others[i] != 0 && result == -row->others[i]) return true;
  return false;
}

void reasons_check_number(int32_t result, int32_t number) {
  if (!world_posts_operations()) return;
  for (size_t i = 0; i < ERROR_ROWS; i++) {
    const struct error_row* row = &error_rows[i];
    if (row->number != (uint32_t)number) continue;
    if (!reasons__is_of(row, result))
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
  if (world_is_strange()) return;
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
  /* Received data has a place in the slab, and a detach returns the handle. */
  if (record->result >= 0 && record->kind != IOCP_RECEIVED &&
      record->kind != IOCP_DATAGRAMS && record->kind != IOCP_CLOSED)
    RULE("a success has no number of the system", record->detail == 0);
  if (record->result < 0) reasons_check_number(record->result, record->detail);
  if (record->result >= 0 || world_has_broken()) return;
  for (const int32_t* error = errors; *error != 0; error++)
    RULE("an error of the system comes with its number",
         record->result != -*error || record->detail != 0);
}
