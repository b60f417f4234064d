/* SPDX-License-Identifier: MIT */
#include "contract.h"

#include <stddef.h>
#include <string.h>

#include "ledger.h"
#include "reasons.h"
#include "report.h"
#include "world.h"

bool contract_only_refusals;
uint64_t contract_refused;

static struct {
  struct contract_port ports[CONTRACT_PORTS];
  struct contract_socket sockets[CONTRACT_SOCKETS];
  uint32_t port_count;
  uint32_t socket_count;
  int32_t stale_ports[CONTRACT_STALE];
  int32_t stale_sockets[CONTRACT_STALE];
  uint32_t stale_port_count;
  uint32_t stale_socket_count;
  int32_t shares[CONTRACT_SHARES];
  uint32_t share_count;
} contract;

void contract_open(void) {
  contract.port_count = 0;
  contract.socket_count = 0;
  contract.stale_port_count = 0;
  contract.stale_socket_count = 0;
  contract.share_count = 0;
  contract_only_refusals = false;
}

/* ---- ports and sockets */

struct contract_port* contract_port(int32_t id) {
  for (uint32_t i = 0; i < contract.port_count; i++)
    if (contract.ports[i].id == id) return &contract.ports[i];
  return NULL;
}

void contract_add_port(int32_t id, uint32_t realm) {
  RULE("the id of a port is not that of another one",
       contract_port(id) == NULL && contract.port_count < CONTRACT_PORTS);
  contract.ports[contract.port_count++] =
      (struct contract_port){.id = id, .realm = realm};
}

void contract_remove_port(int32_t id) {
  struct contract_port* port = contract_port(id);
  if (port == NULL) return;
  contract.stale_ports[contract.stale_port_count++ % CONTRACT_STALE] = id;
  *port = contract.ports[--contract.port_count];
  for (uint32_t i = contract.socket_count; i-- != 0;)
    if (contract.sockets[i].port == id) contract_remove(&contract.sockets[i]);
}

static struct contract_socket* contract__socket(int32_t port, int32_t id) {
  for (uint32_t i = 0; i < contract.socket_count; i++)
    if (contract.sockets[i].id == id && contract.sockets[i].port == port)
      return &contract.sockets[i];
  return NULL;
}

struct contract_socket* contract_add(int32_t port,
                                     int32_t id,
                                     enum contract_kind kind,
                                     uint16_t local) {
  RULE("the id of a socket is not that of another one",
       contract__socket(port, id) == NULL);
  RULE("there are not too many sockets",
       contract.socket_count < CONTRACT_SOCKETS);
  struct contract_socket* socket = &contract.sockets[contract.socket_count++];
  *socket = (struct contract_socket){
      .port = port, .id = id, .kind = kind, .local = local, .concurrency = 1};
  return socket;
}

void contract_remove(struct contract_socket* socket) {
  contract.stale_sockets[contract.stale_socket_count++ % CONTRACT_STALE] =
      socket->id;
  *socket = contract.sockets[--contract.socket_count];
}

bool contract_had_share(int32_t id) {
  for (uint32_t i = 0; i < contract.share_count; i++)
    if (contract.shares[i] == id) return true;
  return false;
}

void contract_add_share(int32_t id) {
  if (contract_had_share(id)) return;
  RULE("there are not too many shares", contract.share_count < CONTRACT_SHARES);
  contract.shares[contract.share_count++] = id;
}

uint32_t contract_port_count(void) { return contract.port_count; }
uint32_t contract_socket_count(void) { return contract.socket_count; }

const struct contract_port* contract_port_at(uint32_t number) {
  if (contract.port_count == 0) return NULL;
  return &contract.ports[number % contract.port_count];
}

struct contract_socket* contract_socket_at(uint32_t number) {
  if (contract.socket_count == 0) return NULL;
  return &contract.sockets[number % contract.socket_count];
}

static int32_t contract__stale(const int32_t* ids,
                               uint32_t count,
                               uint32_t number) {
  if (count > CONTRACT_STALE) count = CONTRACT_STALE;
  return count == 0 ? -1 : ids[number % count];
}

int32_t contract_stale_port(uint32_t number) {
  return contract__stale(
      contract.stale_ports, contract.stale_port_count, number);
}

int32_t contract_stale_socket(uint32_t number) {
  return contract__stale(
      contract.stale_sockets, contract.stale_socket_count, number);
}

/* ---- records */

static void contract__accepted(int32_t port,
                               const struct contract_socket* listener,
                               int32_t id) {
  if (id < 0) return;
  struct contract_socket* socket =
      contract_add(port,
                   id,
                   CONTRACT_STREAM,
                   listener->is_part ? CONTRACT_UNKNOWN : listener->local);
  socket->may_expire = listener->had_first_byte;
  socket->knows_peer = true;
  socket->concurrency =
      (uint32_t)iocp_get_option(port, id, IOCP_SEND_CONCURRENCY);
}

static void contract__received(struct contract_socket* socket, int32_t result) {
  if (socket->kind == CONTRACT_DATAGRAM) return;
  if (result <= 0) {
    socket->is_ended = true;
    socket->credit = 0;
  } else if (!socket->is_closing) {
    RULE("no more is received than there is credit for",
         (uint32_t)result <= socket->credit);
    socket->credit -= (uint32_t)result;
  }
}

void contract_record(int32_t port, const struct iocp_record* record) {
  struct contract_socket* socket = contract__socket(port, record->socket);
  if (socket == NULL) return;
  switch (record->kind) {
    case IOCP_ACCEPTED:
      contract__accepted(port, socket, record->result);
      return;
    case IOCP_CONNECTED:
      socket->kind = CONTRACT_STREAM;
      socket->is_failed = record->result < 0;
      /* Without faults the system has said so when it was connected. */
      socket->knows_local = !socket->is_failed && ledger.is_calm;
      socket->knows_peer = socket->knows_local;
      return;
    case IOCP_RECEIVED:
      contract__received(socket, record->result);
      return;
    case IOCP_READABLE:
      socket->is_read_armed = false;
      return;
    case IOCP_SENT:
      RULE("no more is sent than was pending", socket->sends != 0);
      socket->sends--;
      return;
    case IOCP_CLOSED:
      contract_remove(socket);
      return;
    default:
      return;
  }
}

/* ---- a call */

void contract_begin(struct contract_call* call,
                    const char* name,
                    int32_t port) {
  call->name = name;
  call->port_id = port;
  call->port = contract_port(port);
  call->socket = NULL;
  call->refusal_count = 0;
  call->other_count = 0;
  call->may_be_broken = false;
  call->may_have_number = false;
  call->has_stats = false;
  call->has_socket_stats = false;
  call->output = NULL;
  call->output_size = 0;
  if (call->port == NULL) contract_refuse(call, IOCP_EBADF);
}

static bool contract__has(const int32_t* errors,
                          uint32_t count,
                          int32_t result) {
  for (uint32_t i = 0; i < count; i++)
    if (result == -errors[i]) return true;
  return false;
}

static void contract__put(int32_t* errors, uint32_t* count, int32_t error) {
  if (contract__has(errors, *count, -error)) return;
  RULE("a call has few reasons to fail", *count < CONTRACT_ERRORS);
  errors[(*count)++] = error;
}

void contract_refuse(struct contract_call* call, int32_t error) {
  contract__put(call->refusals, &call->refusal_count, error);
}

void contract_refuse_if(struct contract_call* call, bool is_wrong, int error) {
  if (is_wrong) contract_refuse(call, error);
}

void contract_may(struct contract_call* call, int32_t error) {
  contract__put(call->others, &call->other_count, error);
}

struct contract_socket* contract_find(struct contract_call* call, int32_t id) {
  if (call->port == NULL) return NULL;
  call->socket = contract__socket(call->port_id, id);
  if (call->socket == NULL) contract_refuse(call, IOCP_EBADF);
  return call->socket;
}

struct contract_socket* contract_find_open(struct contract_call* call,
                                           int32_t id) {
  struct contract_socket* socket = contract_find(call, id);
  if (socket == NULL) return NULL;
  if (socket->is_closing) contract_refuse(call, IOCP_EBADF);
  /* They may have ended by themselves, which the next poll reports. */
  if (socket->may_expire) contract_may(call, IOCP_ETIMEDOUT);
  if (socket->is_part) contract_may(call, IOCP_EBADF);
  return socket;
}

struct contract_socket* contract_find_stream(struct contract_call* call,
                                             int32_t id) {
  struct contract_socket* socket = contract_find_open(call, id);
  if (socket == NULL) return NULL;
  /* The result of a connect is known before it is reported. */
  if (socket->kind == CONTRACT_CONNECTING)
    contract_may(call, IOCP_ENOTCONN);
  else if (socket->kind != CONTRACT_STREAM || socket->is_failed)
    contract_refuse(call, IOCP_ENOTCONN);
  return socket;
}

struct contract_socket* contract_find_listener(struct contract_call* call,
                                               int32_t id) {
  struct contract_socket* socket = contract_find_open(call, id);
  if (socket != NULL && socket->kind != CONTRACT_LISTENER)
    contract_refuse(call, IOCP_EINVAL);
  return socket;
}

struct contract_socket* contract_find_datagram(struct contract_call* call,
                                               int32_t id) {
  struct contract_socket* socket = contract_find_open(call, id);
  if (socket != NULL && socket->kind != CONTRACT_DATAGRAM)
    contract_refuse(call, IOCP_EINVAL);
  return socket;
}

void contract_output(struct contract_call* call,
                     const void* memory,
                     uint32_t size) {
  call->output = memory;
  call->output_size =
      size < CONTRACT_OUTPUT_MAX ? size : (uint32_t)CONTRACT_OUTPUT_MAX;
}

/* Counters that change only in calls of this port. What the system holds is not
 * among them, nor what other threads have handed out. */
static void contract__measure(const struct contract_call* call,
                              struct iocp_stats* stats,
                              struct iocp_socket_stats* socket_stats,
                              bool* has_stats,
                              bool* has_socket_stats) {
  const struct contract_socket* socket = call->socket;
  *has_stats = call->port != NULL && iocp_stats(call->port_id, stats) == 0;
  *has_socket_stats =
      *has_stats && socket != NULL && !socket->is_closing &&
      iocp_socket_stats(call->port_id, socket->id, socket_stats) == 0;
  if (!*has_socket_stats) return;
  socket_stats->bytes_readable = 0;
  socket_stats->accepts_ready = 0;
  socket_stats->datagrams_dropped = 0;
}

bool contract_goes(struct contract_call* call) {
  if (call->refusal_count == 0) return !contract_only_refusals;
  contract__measure(call,
                    &call->stats,
                    &call->socket_stats,
                    &call->has_stats,
                    &call->has_socket_stats);
  if (call->output != NULL)
    memcpy(call->output_copy, call->output, call->output_size);
  return true;
}

bool contract_is_refused(const struct contract_call* call) {
  return call->refusal_count != 0;
}

static void contract__check_unchanged(const struct contract_call* call) {
  struct iocp_stats stats;
  struct iocp_socket_stats socket_stats;
  bool has_stats, has_socket_stats;
  contract__measure(call, &stats, &socket_stats, &has_stats, &has_socket_stats);
  if (has_stats != call->has_stats ||
      (has_stats && memcmp(&stats, &call->stats, sizeof stats) != 0))
    report_violation(
        "a refused call changes nothing of its port", "%s()", call->name);
  if (has_socket_stats != call->has_socket_stats ||
      (has_socket_stats &&
       memcmp(&socket_stats, &call->socket_stats, sizeof socket_stats) != 0))
    report_violation(
        "a refused call changes nothing of its socket", "%s()", call->name);
  if (call->output != NULL &&
      memcmp(call->output, call->output_copy, call->output_size) != 0)
    report_violation("a refused call writes nothing", "%s()", call->name);
}

static int32_t contract__native(const struct contract_call* call) {
  return call->port == NULL ? 0 : iocp_native_error(call->port_id);
}

/* A connection that has failed: then the error has the number of the system, or
 * is one that the library notices itself. */
static bool contract__is_broken(const struct contract_call* call,
                                int32_t result) {
  static const int32_t own[] = {IOCP_ECONNRESET, IOCP_ENODATA, IOCP_ETIMEDOUT};
  return call->may_be_broken && result < 0 &&
         (contract__has(own, sizeof own / sizeof own[0], result) ||
          contract__native(call) != 0);
}

/* Only memory and places in tables are the library's own. */
static bool contract__is_own(int32_t result) {
  return result == -IOCP_ENOMEM || result == -IOCP_EMFILE;
}

/* What a call needs it may want before it looks at its arguments. */
static bool contract__lacks(const struct contract_call* call, int32_t result) {
  if (ledger.is_calm) return false;
  return contract__is_own(result) ||
         (contract__native(call) != 0 &&
          (result == -IOCP_ENFILE || result == -IOCP_ENOBUFS));
}

static void contract__refused(const struct contract_call* call,
                              int32_t result) {
  contract_refused++;
  bool is_refusal = contract__has(call->refusals, call->refusal_count, result);
  bool is_other = contract__has(call->others, call->other_count, result) ||
                  contract__is_broken(call, result) ||
                  contract__lacks(call, result);
  if (!is_refusal && !is_other)
    report_violation(
        "a wrong call is refused with the error that is documented",
        "%s() returns %d, and not %d (of %u)",
        call->name,
        result,
        -call->refusals[0],
        call->refusal_count);
  /* One of the library may also be the error of a socket that has failed. */
  if (is_refusal && !call->may_have_number &&
      !contract__is_broken(call, result) && contract__native(call) != 0)
    report_violation("a refusal of the library has no number of the system",
                     "%s() returns %d with %d",
                     call->name,
                     result,
                     contract__native(call));
  contract__check_unchanged(call);
}

int32_t contract_end(struct contract_call* call, int32_t result) {
  if (call->refusal_count != 0) {
    contract__refused(call, result);
    return result;
  }
  if (result >= 0) return result;
  int32_t native = contract__native(call);
  bool is_other = contract__has(call->others, call->other_count, result) ||
                  contract__is_broken(call, result);
  if (native == 0 && !is_other && !contract__is_own(result))
    report_violation("a call that is right is not refused",
                     "%s() returns %d",
                     call->name,
                     result);
  /* What the header says of a call comes before what the number says. */
  if (!is_other) reasons_check_number(result, native);
  return result;
}

int32_t contract_end_zero(struct contract_call* call, int32_t result) {
  if (result > 0)
    report_violation("a call without another result returns 0",
                     "%s(): %d",
                     call->name,
                     result);
  return contract_end(call, result);
}
