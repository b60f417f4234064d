/* SPDX-License-Identifier: MIT */
#include "group.h"

#include "close.h"
#include "engine.h"
#include "memory.h"
#include "port_table.h"

static struct group* group__at(const struct group_table* table,
                               uint32_t number) {
  return &table->chunks[number / GROUP_CHUNK][number % GROUP_CHUNK];
}

bool group_is_open(const struct group_table* table, uint32_t number) {
  return number != 0 && number < table->slot_count &&
         group__at(table, number)->is_open;
}

void group_retire(const struct socket* socket) {
  const struct group_table* table = &socket->port->groups;
  if (!group_is_open(table, socket->group)) return;
  struct group* group = group__at(table, socket->group);
  group->bytes_received += socket->stats.bytes_received;
  group->bytes_sent += socket->stats.bytes_sent;
  group->accepted += socket->stats.accepted;
  group->accept_failures += socket->stats.accept_failures;
}

void group_table_close(struct group_table* table) {
  for (uint32_t i = 0; i < table->slot_count; i += GROUP_CHUNK)
    memory_unmap(table->chunks[i / GROUP_CHUNK],
                 GROUP_CHUNK * sizeof(struct group));
}

/* Returns 0 or why there are no more numbers. */
static int32_t group__grow(struct group_table* table) {
  if (table->slot_count > IOCP_GROUP_MAX) return -IOCP_EMFILE;
  struct group* chunk = memory_map(GROUP_CHUNK * sizeof *chunk);
  if (chunk == NULL) return -IOCP_ENOMEM;
  uint32_t first = table->slot_count;
  table->chunks[first / GROUP_CHUNK] = chunk;
  table->slot_count += GROUP_CHUNK;
  /* The lowest number comes first; 0 is no group. */
  for (uint32_t i = GROUP_CHUNK; i-- != 0 && first + i != 0;) {
    chunk[i].next_free = table->free_first;
    table->free_first = first + i;
  }
  return 0;
}

int32_t iocp_group_new(int32_t port_name) {
  int32_t error;
  struct port* port = port_table_find(port_name, &error);
  if (port == NULL) return error;
  struct group_table* table = &port->groups;
  if (table->free_first == 0) {
    int32_t result = group__grow(table);
    if (result < 0) return port_fail(port, result, 0);
  }
  uint32_t number = table->free_first;
  struct group* group = group__at(table, number);
  table->free_first = group->next_free;
  memory_zero(group, sizeof *group);
  group->is_open = true;
  return (int32_t)number;
}

int32_t iocp_group_close(int32_t port_name, uint32_t number) {
  int32_t error;
  struct port* port = port_table_find(port_name, &error);
  if (port == NULL) return error;
  struct group_table* table = &port->groups;
  if (!group_is_open(table, number)) return port_fail(port, -IOCP_EINVAL, 0);
  close_all(port, number);
  struct group* group = group__at(table, number);
  group->is_open = false;
  group->next_free = table->free_first;
  table->free_first = number;
  return 0;
}

int32_t iocp_group_stats(int32_t port_name, uint32_t number, void* stats) {
  int32_t error;
  struct port* port = port_table_find(port_name, &error);
  if (port == NULL) return error;
  if (stats == NULL) return port_fail(port, -IOCP_EFAULT, 0);
  if (!group_is_open(&port->groups, number))
    return port_fail(port, -IOCP_EINVAL, 0);
  struct group sum = *group__at(&port->groups, number);
  struct iocp_stats now = {.polls = port->stats.polls,
                           .records = port->stats.records};
  struct socket* socket;
  for (uint32_t i = 0; (socket = socket_at(port, i)) != NULL; i++) {
    if (socket->state == SOCKET_FREE || socket->group != number) continue;
    now.sockets++;
    now.bytes_kept += socket->kept_bytes;
    engine_count_posted(socket, &now);
    sum.bytes_received += socket->stats.bytes_received;
    sum.bytes_sent += socket->stats.bytes_sent;
    sum.accepted += socket->stats.accepted;
    sum.accept_failures += socket->stats.accept_failures;
  }
  now.bytes_received = (double)sum.bytes_received;
  now.bytes_sent = (double)sum.bytes_sent;
  now.accepted = (double)sum.accepted;
  now.accept_failures = (double)sum.accept_failures;
  memory_copy(stats, &now, sizeof now);
  return 0;
}
