/* SPDX-License-Identifier: MIT */
/* Ports, groups and host names. */
#define CHECKED_NONE
#include <stddef.h>

#include "checked.h"
#include "contract.h"
#include "report.h"

#define CHECKED__CAPACITY_MAX 4096
#define CHECKED__NAME_MAX 255

/* Ports of another realm are deleted first, even if the call then fails. */
static void checked__end_realms(uint32_t realm) {
  if (realm == 0) return;
  for (uint32_t i = contract_port_count(); i-- != 0;) {
    const struct contract_port* port = contract_port_at(i);
    if (port->realm != 0 && port->realm != realm)
      contract_remove_port(port->id);
  }
}

int32_t checked_new(uint32_t realm) {
  checked__end_realms(realm);
  int32_t result = iocp_new(realm);
  if (result >= 0) contract_add_port(result, realm);
  return result;
}

int32_t checked_delete(int32_t port) {
  struct contract_call call;
  contract_begin(&call, "iocp_delete", port);
  if (!contract_goes(&call)) return 0;
  int32_t result = contract_end_zero(&call, iocp_delete(port));
  contract_remove_port(port);
  return result;
}

int32_t checked_poll(int32_t port,
                     void* events,
                     uint32_t capacity,
                     void* slab,
                     uint32_t offset,
                     uint32_t length) {
  struct contract_call call;
  contract_begin(&call, "iocp_poll", port);
  contract_refuse_if(&call, events == NULL, IOCP_EFAULT);
  contract_refuse_if(&call, slab == NULL && length != 0, IOCP_EFAULT);
  contract_refuse_if(&call,
                     capacity == 0 || capacity > CHECKED__CAPACITY_MAX ||
                         offset > length || length > INT32_MAX ||
                         (uintptr_t)events % 4 != 0,
                     IOCP_EINVAL);
  contract_output(&call, events, sizeof(struct iocp_header));
  if (!contract_goes(&call)) return 0;
  struct iocp_stats before, after;
  bool is_right = !contract_is_refused(&call);
  if (is_right) iocp_stats(port, &before);
  int32_t count = contract_end(
      &call, iocp_poll(port, events, capacity, slab, offset, length));
  const struct iocp_header* header = events;
  for (int32_t i = 0; i < count; i++)
    contract_record(port, (const struct iocp_record*)(header + 1) + i);
  if (!is_right) return count;
  iocp_stats(port, &after);
  RULE("a poll counts itself and its records",
       after.polls == before.polls + 1 &&
           after.records == before.records + (double)count);
  return count;
}

int32_t checked_wait(int32_t port, int32_t timeout_ms) {
  struct contract_call call;
  contract_begin(&call, "iocp_wait", port);
  if (!contract_goes(&call)) return 0;
  int32_t result = iocp_wait(port, timeout_ms);
  /* It has an error of the system without its number, since any thread may
   * call it. */
  if (!contract_is_refused(&call)) return result;
  return contract_end(&call, result);
}

int32_t checked_wait_here(int32_t port, uint32_t timeout_us) {
  struct contract_call call;
  contract_begin(&call, "iocp_wait_here", port);
  contract_refuse_if(&call, timeout_us > IOCP_WAIT_HERE_MAX, IOCP_EINVAL);
  if (!contract_goes(&call)) return 0;
  return contract_end(&call, iocp_wait_here(port, timeout_us));
}

int32_t checked_wake(int32_t port) {
  struct contract_call call;
  contract_begin(&call, "iocp_wake", port);
  if (!contract_goes(&call)) return 0;
  int32_t result = iocp_wake(port);
  if (!contract_is_refused(&call)) return result;
  return contract_end_zero(&call, result);
}

int32_t checked_stats(int32_t port, void* stats) {
  struct contract_call call;
  contract_begin(&call, "iocp_stats", port);
  contract_refuse_if(&call, stats == NULL, IOCP_EFAULT);
  contract_output(&call, stats, sizeof(struct iocp_stats));
  if (!contract_goes(&call)) return 0;
  return contract_end_zero(&call, iocp_stats(port, stats));
}

/* ---- groups */

static int32_t* checked__group(struct contract_port* port, uint32_t group) {
  for (uint32_t i = 0; port != NULL && i < CONTRACT_GROUPS; i++)
    if (port->groups[i] == (int32_t)group) return &port->groups[i];
  return NULL;
}

static void checked__refuse_group(struct contract_call* call, uint32_t group) {
  bool exists = group != 0 && checked__group(call->port, group) != NULL;
  if (exists || call->port == NULL) return;
  if (call->port->has_more_groups)
    contract_may(call, IOCP_EINVAL);
  else
    contract_refuse(call, IOCP_EINVAL);
}

int32_t checked_group_new(int32_t port) {
  struct contract_call call;
  contract_begin(&call, "iocp_group_new", port);
  if (!contract_goes(&call)) return 0;
  int32_t result = contract_end(&call, iocp_group_new(port));
  if (result < 0) return result;
  RULE("a group has a number that no other one has",
       result > 0 && result <= IOCP_GROUP_MAX &&
           checked__group(call.port, (uint32_t)result) == NULL);
  int32_t* slot = checked__group(call.port, 0);
  if (slot != NULL)
    *slot = result;
  else
    call.port->has_more_groups = true;
  return result;
}

/* Its sockets are closed, without records. */
static void checked__lose_group(int32_t port, uint32_t group) {
  for (uint32_t i = contract_socket_count(); i-- != 0;) {
    struct contract_socket* socket = contract_socket_at(i);
    if (socket->port == port &&
        iocp_get_option(port, socket->id, IOCP_GROUP) == (int32_t)group)
      contract_remove(socket);
  }
}

int32_t checked_group_close(int32_t port, uint32_t group) {
  struct contract_call call;
  contract_begin(&call, "iocp_group_close", port);
  checked__refuse_group(&call, group);
  if (!contract_goes(&call)) return 0;
  if (!contract_is_refused(&call)) checked__lose_group(port, group);
  int32_t result = contract_end_zero(&call, iocp_group_close(port, group));
  int32_t* slot = group == 0 ? NULL : checked__group(call.port, group);
  if (result == 0 && slot != NULL) *slot = 0;
  return result;
}

/* The sum of its sockets, unless there are some whose counters cannot be asked
 * for. */
static void checked__check_group(int32_t port,
                                 uint32_t group,
                                 const struct iocp_stats* stats) {
  struct iocp_socket_stats its;
  double sockets = 0, operations = 0, posted = 0, unsent = 0;
  for (uint32_t i = 0; i < contract_socket_count(); i++) {
    const struct contract_socket* socket = contract_socket_at(i);
    if (socket->port != port ||
        iocp_get_option(port, socket->id, IOCP_GROUP) != (int32_t)group)
      continue;
    if (iocp_socket_stats(port, socket->id, &its) != 0) return;
    sockets++;
    operations += its.operations;
    posted += its.bytes_posted;
    unsent += its.bytes_unsent;
  }
  if (sockets == stats->sockets)
    RULE("a group has in flight what its sockets have",
         operations == stats->operations && posted == stats->bytes_posted &&
             unsent == stats->bytes_unsent);
}

int32_t checked_group_stats(int32_t port, uint32_t group, void* stats) {
  struct contract_call call;
  contract_begin(&call, "iocp_group_stats", port);
  checked__refuse_group(&call, group);
  contract_refuse_if(&call, stats == NULL, IOCP_EFAULT);
  contract_output(&call, stats, sizeof(struct iocp_stats));
  if (!contract_goes(&call)) return 0;
  int32_t result =
      contract_end_zero(&call, iocp_group_stats(port, group, stats));
  if (result == 0) checked__check_group(port, group, stats);
  return result;
}

/* ---- host names */

int32_t checked_resolve(const void* name,
                        uint32_t length,
                        void* addresses,
                        uint32_t capacity) {
  bool lacks_memory = name == NULL || addresses == NULL;
  bool is_wrong = length == 0 || length > CHECKED__NAME_MAX || capacity == 0;
  if (!lacks_memory && !is_wrong)
    for (uint32_t i = 0; i < length; i++)
      if (((const uint8_t*)name)[i] == 0) is_wrong = true;
  if (contract_only_refusals && !lacks_memory && !is_wrong) return 0;
  int32_t result = iocp_resolve(name, length, addresses, capacity);
  if (lacks_memory || is_wrong)
    RULE("a wrong name is refused with the error that is documented",
         (lacks_memory && result == -IOCP_EFAULT) ||
             (is_wrong && result == -IOCP_EINVAL));
  else
    RULE("a name that is right is not refused",
         result != -IOCP_EFAULT && result != -IOCP_EINVAL && result != 0);
  return result;
}
