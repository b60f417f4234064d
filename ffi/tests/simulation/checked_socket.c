/* SPDX-License-Identifier: MIT */
/* What all sockets have: their close, addresses, options and counters. */
#define CHECKED_NONE
#include <stddef.h>

#include "../shared/option_row.h"
#include "checked.h"
#include "checked_address.h"
#include "contract.h"
#include "ledger.h"
#include "report.h"
#include "world.h"

int32_t checked_close(int32_t port,
                      int32_t socket,
                      uint32_t mode,
                      uint32_t timeout_ms) {
  struct contract_call call;
  contract_begin(&call, "iocp_close", port);
  struct contract_socket* of = contract_find(&call, socket);
  contract_refuse_if(&call, mode > IOCP_DETACH, IOCP_EINVAL);
  if (of != NULL && mode == IOCP_DETACH) {
    contract_refuse_if(&call, of->is_closing, IOCP_EBADF);
    bool is_open = of->kind == CONTRACT_STREAM && !of->is_failed;
    if (of->kind == CONTRACT_CONNECTING || of->is_closing || is_open)
      contract_may(&call, IOCP_ENOTCONN);
    else
      contract_refuse(&call, IOCP_ENOTCONN);
    if (of->may_expire) contract_may(&call, IOCP_ETIMEDOUT);
    if (of->is_part) contract_may(&call, IOCP_EBADF);
    call.may_be_broken = true;
  }
  if (!contract_goes(&call)) return 0;
  int32_t result =
      contract_end_zero(&call, iocp_close(port, socket, mode, timeout_ms));
  if (result == 0) of->is_closing = true;
  return result;
}

int32_t checked_get_address(int32_t port,
                            int32_t socket,
                            uint32_t end,
                            void* address,
                            uint32_t capacity) {
  struct contract_call call;
  contract_begin(&call, "iocp_get_address", port);
  struct contract_socket* of = contract_find_open(&call, socket);
  contract_refuse_if(&call, end > IOCP_PEER, IOCP_EINVAL);
  contract_refuse_if(&call, address == NULL, IOCP_EFAULT);
  bool is_ip = of != NULL && of->local == 0;
  contract_refuse_if(
      &call,
      of != NULL && capacity < (is_ip ? sizeof(struct iocp_address)
                                      : offsetof(struct iocp_path, bytes)),
      IOCP_EINVAL);
  contract_refuse_if(
      &call, of != NULL && of->is_part && end == IOCP_PEER, IOCP_ENOTCONN);
  /* A name may need more room. */
  if (!is_ip && capacity < sizeof(struct iocp_path))
    contract_may(&call, IOCP_EINVAL);
  contract_may(&call, IOCP_ENOTCONN);
  contract_output(&call, address, address == NULL ? 0 : capacity);
  /* Which of the two the system says first. */
  if (contract_is_refused(&call)) call.may_be_broken = true;
  if (!contract_goes(&call)) return 0;
  uint64_t calls = world_calls();
  int32_t result = contract_end(
      &call, iocp_get_address(port, socket, end, address, capacity));
  RULE("an address has its size",
       result < 0 || !is_ip || result == (int32_t)sizeof(struct iocp_address));
  if (is_ip && !contract_is_refused(&call))
    RULE("an address that is known needs no system call",
         world_calls() == calls ||
             !(end == IOCP_PEER ? of->knows_peer : of->knows_local));
  return result;
}

int32_t checked_get_peer(int32_t port, int32_t socket, void* peer) {
  struct contract_call call;
  contract_begin(&call, "iocp_get_peer", port);
  struct contract_socket* of = contract_find_stream(&call, socket);
  contract_refuse_if(&call, peer == NULL, IOCP_EFAULT);
  contract_refuse_if(&call, of != NULL && of->local == 0, IOCP_ENOTSUP);
  if (of != NULL && of->local == CONTRACT_UNKNOWN)
    contract_may(&call, IOCP_ENOTSUP);
  contract_output(&call, peer, sizeof(struct iocp_peer));
  if (!contract_goes(&call)) return 0;
  return contract_end_zero(&call, iocp_get_peer(port, socket, peer));
}

int32_t checked_socket_stats(int32_t port, int32_t socket, void* stats) {
  struct contract_call call;
  contract_begin(&call, "iocp_socket_stats", port);
  contract_find_open(&call, socket);
  contract_refuse_if(&call, stats == NULL, IOCP_EFAULT);
  contract_output(&call, stats, sizeof(struct iocp_socket_stats));
  if (!contract_goes(&call)) return 0;
  return contract_end_zero(&call, iocp_socket_stats(port, socket, stats));
}

int32_t checked_tcp_info(int32_t port, int32_t socket, void* info) {
  struct contract_call call;
  contract_begin(&call, "iocp_tcp_info", port);
  struct contract_socket* of = contract_find_stream(&call, socket);
  contract_refuse_if(&call, info == NULL, IOCP_EFAULT);
  contract_refuse_if(
      &call,
      of != NULL && (of->local == IOCP_UNIX || of->local == IOCP_PIPE),
      IOCP_ENOTSUP);
  contract_may(&call, IOCP_ENOTSUP);
  contract_output(&call, info, sizeof(struct iocp_tcp_info));
  if (!contract_goes(&call)) return 0;
  return contract_end_zero(&call, iocp_tcp_info(port, socket, info));
}

/* ---- options */

static bool checked__fits(const struct contract_socket* socket,
                          enum option_scope scope) {
  switch (scope) {
    case SCOPE_SOCKET:
      return socket->kind != CONTRACT_DATAGRAM;
    case SCOPE_LISTENER:
      return socket->kind == CONTRACT_LISTENER;
    case SCOPE_DATAGRAM:
      return socket->kind == CONTRACT_DATAGRAM;
    case SCOPE_ALL:
      return true;
  }
  return false;
}

/* NULL: the socket has no such option. */
static const struct option_row* checked__row(
    const struct contract_socket* socket, uint32_t option) {
  if (option == 0 || option >= OPTION_ROWS) return NULL;
  const struct option_row* row = &option_rows[option];
  return checked__fits(socket, row->scope) ? row : NULL;
}

static bool checked__is_buffer(uint32_t option) {
  return option == IOCP_SYSTEM_RECEIVE_BUFFER ||
         option == IOCP_SYSTEM_SEND_BUFFER;
}

/* "Local sockets have no options of the system", and a part has no socket of
 * it. */
static void checked__refuse_system(struct contract_call* call,
                                   const struct option_row* row,
                                   uint32_t option,
                                   bool sets) {
  const struct contract_socket* socket = call->socket;
  if (row->owner != OWNER_SYSTEM) return;
  call->may_be_broken = socket->kind == CONTRACT_STREAM;
  if (socket->is_part ||
      ((socket->local == IOCP_UNIX || socket->local == IOCP_PIPE) &&
       !checked__is_buffer(option)))
    contract_refuse(call, IOCP_ENOTSUP);
  if (world_posts_operations() &&
      (option == IOCP_DSCP || (sets && option == IOCP_OFFLOAD)))
    contract_refuse(call, IOCP_ENOTSUP);
  /* Some versions lack it, and some kinds of sockets. */
  contract_may(call, IOCP_ENOTSUP);
  contract_may(call, IOCP_EINVAL);
}

static bool checked__is_of_parts(uint32_t option) {
  return option == IOCP_DEFER_ACCEPT || option == IOCP_FIRST_BYTE_TIMEOUT;
}

/* The options that the library implements, and the socket has. */
static void checked__refuse_library(struct contract_call* call,
                                    uint32_t option,
                                    int32_t value) {
  const struct contract_socket* socket = call->socket;
  bool is_group = option == IOCP_GROUP && value != 0;
  for (uint32_t i = 0; is_group && i < CONTRACT_GROUPS; i++)
    if (call->port->groups[i] == value) is_group = false;
  if (is_group && call->port->has_more_groups)
    contract_may(call, IOCP_EINVAL);
  else
    contract_refuse_if(call, is_group, IOCP_EINVAL);
  contract_refuse_if(call,
                     (socket->hands_out && checked__is_of_parts(option)) ||
                         (socket->is_part && option == IOCP_BACKLOG),
                     IOCP_ENOTSUP);
  if (option == IOCP_BACKLOG) contract_may(call, IOCP_ENOTSUP);
}

static void checked__has_set(struct contract_socket* socket,
                             uint32_t option,
                             int32_t value) {
  switch (option) {
    case IOCP_SEND_CONCURRENCY:
      socket->concurrency = (uint32_t)value;
      return;
    case IOCP_DEFER_ACCEPT:
      socket->defers = value != 0;
      return;
    case IOCP_FIRST_BYTE_TIMEOUT:
      socket->has_first_byte = value != 0;
      if (value != 0) socket->had_first_byte = true;
      return;
    default:
      return;
  }
}

int32_t checked_set_option(int32_t port,
                           int32_t socket,
                           uint32_t option,
                           int32_t value) {
  struct contract_call call;
  contract_begin(&call, "iocp_set_option", port);
  struct contract_socket* of = contract_find_open(&call, socket);
  const struct option_row* row = of == NULL ? NULL : checked__row(of, option);
  if (of != NULL && (row == NULL || value < row->min || value > row->max))
    contract_refuse(&call, IOCP_EINVAL);
  if (row != NULL) {
    checked__refuse_system(&call, row, option, true);
    if (row->owner == OWNER_LIBRARY)
      checked__refuse_library(&call, option, value);
  }
  if (!contract_goes(&call)) return 0;
  bool is_kept = row != NULL && row->owner == OWNER_LIBRARY &&
                 contract_is_refused(&call) && !of->is_closing;
  int32_t before = is_kept ? iocp_get_option(port, socket, option) : 0;
  int32_t result =
      contract_end_zero(&call, iocp_set_option(port, socket, option, value));
  RULE("an option that is refused keeps its value",
       !is_kept || result == 0 ||
           iocp_get_option(port, socket, option) == before);
  if (result != 0) return result;
  checked__has_set(of, option, value);
  RULE("an option of the library has the value that was set",
       row->owner != OWNER_LIBRARY || option == IOCP_BACKLOG ||
           iocp_get_option(port, socket, option) == value);
  return result;
}

int32_t checked_get_option(int32_t port, int32_t socket, uint32_t option) {
  struct contract_call call;
  contract_begin(&call, "iocp_get_option", port);
  /* A socket that is closing is still in its group. */
  struct contract_socket* of = option == IOCP_GROUP
                                   ? contract_find(&call, socket)
                                   : contract_find_open(&call, socket);
  const struct option_row* row = of == NULL ? NULL : checked__row(of, option);
  if (of != NULL && row == NULL) contract_refuse(&call, IOCP_EINVAL);
  if (row != NULL) checked__refuse_system(&call, row, option, false);
  if (!contract_goes(&call)) return 0;
  int32_t result = contract_end(&call, iocp_get_option(port, socket, option));
  if (result < 0 || row == NULL) return result;
  RULE("what Windows does not have is off",
       option != IOCP_OFFLOAD || !world_posts_operations() || result == 0);
  RULE("a switch is 0 or 1", row->max != 1 || result <= 1);
  RULE("an option of the library is within its bounds",
       row->owner != OWNER_LIBRARY || option == IOCP_BACKLOG ||
           (result >= row->min && result <= row->max));
  return result;
}
