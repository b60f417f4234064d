/* SPDX-License-Identifier: MIT */
/* Listeners, shares, and sockets that are passed. */
#define CHECKED_NONE
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "checked.h"
#include "checked_address.h"
#include "contract.h"
#include "report.h"
#include "world.h"

#define CHECKED__IP_FLAGS (IOCP_IPV6_ONLY | IOCP_REUSE_PORT | IOCP_ALL_NO_DELAY)
#define CHECKED__PATH_FLAGS (IOCP_REPLACE_STALE | IOCP_EVERYONE)
#define CHECKED__ADD_FLAGS (IOCP_ALL_NO_DELAY | IOCP_DETACHED)

static int32_t checked__made(struct contract_call* call,
                             int32_t result,
                             enum contract_kind kind,
                             uint16_t local) {
  contract_end(call, result);
  if (result >= 0) contract_add(call->port_id, result, kind, local);
  return result;
}

int32_t checked_listen(int32_t port,
                       const void* address,
                       uint32_t backlog,
                       uint32_t flags) {
  struct contract_call call;
  contract_begin(&call, "iocp_listen", port);
  contract_refuse_if(
      &call, (flags & ~(uint32_t)CHECKED__IP_FLAGS) != 0, IOCP_EINVAL);
  contract_refuse_if(&call,
                     (flags & IOCP_REUSE_PORT) != 0 && world_posts_operations(),
                     IOCP_ENOTSUP);
  checked_refuse_ip(&call, address);
  if (!contract_goes(&call)) return 0;
  return checked__made(
      &call, iocp_listen(port, address, backlog, flags), CONTRACT_LISTENER, 0);
}

/* Each kind of local socket has its own way to say who may connect. */
static void checked__refuse_access(struct contract_call* call,
                                   const struct iocp_path* path,
                                   uint32_t flags,
                                   uint32_t mode,
                                   const void* access) {
  bool has_mode = mode != IOCP_MODE_DEFAULT;
  bool is_abstract =
      path->family == IOCP_UNIX && path->length != 0 && path->bytes[0] == 0;
  if (path->family == IOCP_PIPE) {
    contract_refuse_if(
        call, has_mode || (flags & IOCP_REPLACE_STALE) != 0, IOCP_EINVAL);
    return;
  }
  contract_refuse_if(call,
                     (has_mode && (mode > 0777 || is_abstract)) ||
                         access != NULL || (flags & IOCP_EVERYONE) != 0,
                     IOCP_EINVAL);
  contract_refuse_if(call, has_mode && world_posts_operations(), IOCP_ENOTSUP);
}

int32_t checked_listen_path(int32_t port,
                            const void* path,
                            uint32_t backlog,
                            uint32_t flags,
                            uint32_t mode,
                            const void* access,
                            uint32_t access_length) {
  struct contract_call call;
  struct iocp_path name;
  contract_begin(&call, "iocp_listen_path", port);
  contract_refuse_if(
      &call, (flags & ~(uint32_t)CHECKED__PATH_FLAGS) != 0, IOCP_EINVAL);
  contract_refuse_if(&call, access == NULL && access_length != 0, IOCP_EFAULT);
  checked_refuse_path(&call, path, &name);
  if (path != NULL) checked__refuse_access(&call, &name, flags, mode, access);
  /* A security descriptor that is none. */
  if (access != NULL) contract_may(&call, IOCP_EINVAL);
  if (!contract_goes(&call)) return 0;
  return checked__made(
      &call,
      iocp_listen_path(port, path, backlog, flags, mode, access, access_length),
      CONTRACT_LISTENER,
      name.family);
}

/* A handle is a whole number that the system may have. */
void checked_refuse_handle(struct contract_call* call, double handle) {
  bool is_whole = handle >= 0 && handle < 9007199254740992.0 &&
                  handle == (double)(int64_t)handle;
  contract_refuse_if(call, !is_whole, IOCP_EINVAL);
}

int32_t checked_add_listener(int32_t port, double os_socket, uint32_t flags) {
  struct contract_call call;
  contract_begin(&call, "iocp_add_listener", port);
  contract_refuse_if(
      &call, (flags & ~(uint32_t)CHECKED__ADD_FLAGS) != 0, IOCP_EINVAL);
  checked_refuse_handle(&call, os_socket);
  contract_may(&call, IOCP_EINVAL);
  contract_may(&call, IOCP_ENOTSOCK);
  contract_may(&call, IOCP_EAFNOSUPPORT);
  contract_may(&call, IOCP_EEXIST);
  contract_may(&call, IOCP_ENOTSUP);
  if (!contract_goes(&call)) return 0;
  return checked__made(&call,
                       iocp_add_listener(port, os_socket, flags),
                       CONTRACT_LISTENER,
                       CONTRACT_UNKNOWN);
}

int32_t checked_accept(int32_t port, int32_t listener, uint32_t count) {
  struct contract_call call;
  contract_begin(&call, "iocp_accept", port);
  struct contract_socket* socket = contract_find_listener(&call, listener);
  contract_refuse_if(&call, count > IOCP_ACCEPT_MAX, IOCP_EINVAL);
  contract_refuse_if(
      &call, socket != NULL && socket->is_stopped, IOCP_ESHUTDOWN);
  if (!contract_goes(&call)) return 0;
  return contract_end_zero(&call, iocp_accept(port, listener, count));
}

int32_t checked_stop(int32_t port, int32_t listener) {
  struct contract_call call;
  contract_begin(&call, "iocp_stop", port);
  struct contract_socket* socket = contract_find_listener(&call, listener);
  contract_refuse_if(
      &call, socket != NULL && socket->local == IOCP_PIPE, IOCP_ENOTSUP);
  if (socket != NULL && socket->is_part) contract_may(&call, IOCP_ENOTSUP);
  if (!contract_goes(&call)) return 0;
  int32_t result = contract_end_zero(&call, iocp_stop(port, listener));
  if (result == 0) socket->is_stopped = true;
  return result;
}

int32_t checked_share(int32_t port, int32_t listener, int32_t share) {
  struct contract_call call;
  contract_begin(&call, "iocp_share", port);
  struct contract_socket* socket = contract_find_listener(&call, listener);
  contract_refuse_if(
      &call,
      socket != NULL && (socket->hands_out || socket->is_part ||
                         socket->defers || socket->has_first_byte),
      IOCP_EINVAL);
  contract_refuse_if(
      &call, socket != NULL && socket->local == IOCP_PIPE, IOCP_ENOTSUP);
  contract_refuse_if(
      &call, share >= 0 && !contract_had_share(share), IOCP_ENOENT);
  if (share >= 0) contract_may(&call, IOCP_ENOENT);
  if (!contract_goes(&call)) return 0;
  int32_t result = contract_end(&call, iocp_share(port, listener, share));
  if (result >= 0) {
    RULE("a listener joins the share that was named",
         share < 0 || result == share);
    socket->hands_out = true;
    contract_add_share(result);
  }
  return result;
}

int32_t checked_take_part(int32_t port, int32_t share) {
  struct contract_call call;
  contract_begin(&call, "iocp_take_part", port);
  contract_refuse_if(&call, !contract_had_share(share), IOCP_ENOENT);
  contract_may(&call, IOCP_ENOENT);
  if (!contract_goes(&call)) return 0;
  int32_t result = contract_end(&call, iocp_take_part(port, share));
  if (result >= 0)
    contract_add(port, result, CONTRACT_LISTENER, CONTRACT_UNKNOWN)->is_part =
        true;
  return result;
}

/* ---- passing */

int32_t checked_inbox(int32_t port, void* address, uint32_t capacity) {
  struct contract_call call;
  contract_begin(&call, "iocp_inbox", port);
  contract_refuse_if(&call, address == NULL, IOCP_EFAULT);
  contract_refuse_if(&call, capacity < IOCP_INBOX_MAX, IOCP_EINVAL);
  contract_output(&call, address, address == NULL ? 0 : capacity);
  if (!contract_goes(&call)) return 0;
  int32_t result = contract_end(&call, iocp_inbox(port, address, capacity));
  RULE("the address of an inbox has a length",
       result < 0 || (result > 0 && result <= IOCP_INBOX_MAX));
  return result;
}

int32_t checked_pass(int32_t port,
                     int32_t socket,
                     double os_socket,
                     const void* address,
                     uint32_t length,
                     void* ticket,
                     uint32_t capacity) {
  struct contract_call call;
  contract_begin(&call, "iocp_pass", port);
  contract_refuse_if(&call, address == NULL || ticket == NULL, IOCP_EFAULT);
  contract_refuse_if(
      &call,
      length == 0 || length > IOCP_INBOX_MAX || capacity < IOCP_TICKET_MAX,
      IOCP_EINVAL);
  struct contract_socket* listener = NULL;
  if (socket == -1)
    checked_refuse_handle(&call, os_socket);
  else
    listener = contract_find_listener(&call, socket);
  contract_refuse_if(
      &call,
      listener != NULL && (listener->is_part || listener->local == IOCP_PIPE),
      IOCP_ENOTSUP);
  contract_may(&call, IOCP_EINVAL);
  contract_may(&call, IOCP_ENOTSUP);
  contract_may(&call, IOCP_ENOTSOCK);
  contract_may(&call, IOCP_ECONNREFUSED);
  contract_may(&call, IOCP_EBUSY);
  contract_output(&call, ticket, ticket == NULL ? 0 : capacity);
  if (!contract_goes(&call)) return 0;
  int32_t result = contract_end(
      &call,
      iocp_pass(port, socket, os_socket, address, length, ticket, capacity));
  RULE("a ticket has a length",
       result < 0 || (result > 0 && result <= IOCP_TICKET_MAX));
  return result;
}

int32_t checked_take(int32_t port, const void* ticket, uint32_t length) {
  struct contract_call call;
  contract_begin(&call, "iocp_take", port);
  contract_refuse_if(&call, ticket == NULL, IOCP_EFAULT);
  contract_may(&call, IOCP_EINVAL);
  contract_may(&call, IOCP_ENOENT);
  if (!contract_goes(&call)) return 0;
  return contract_end(&call, iocp_take(port, ticket, length));
}

int32_t checked_drop(int32_t port, double os_socket) {
  struct contract_call call;
  contract_begin(&call, "iocp_drop", port);
  checked_refuse_handle(&call, os_socket);
  contract_may(&call, IOCP_ENOTSOCK);
  if (!contract_goes(&call)) return 0;
  return contract_end_zero(&call, iocp_drop(port, os_socket));
}
