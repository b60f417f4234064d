/* SPDX-License-Identifier: MIT */
#include "group.h"

#include "memory.h"
#include "port.h"

struct group* group_at(const struct group_table* table, uint32_t number) {
  return &table->chunks[number / GROUP_CHUNK][number % GROUP_CHUNK];
}

bool group_is_open(const struct group_table* table, uint32_t number) {
  return number != 0 && number < table->slot_count &&
         group_at(table, number)->is_open;
}

void group_count(struct group* group, const struct socket* socket) {
  group->bytes_received += socket->stats.bytes_received;
  group->bytes_sent += socket->stats.bytes_sent;
  group->accepted += socket->stats.accepted;
  group->accept_failures += socket->stats.accept_failures;
}

void group_retire(const struct socket* socket) {
  const struct group_table* table = &socket->port->groups;
  if (group_is_open(table, socket->group))
    group_count(group_at(table, socket->group), socket);
}

void group_table_close(struct group_table* table) {
  for (uint32_t i = 0; i < table->slot_count; i += GROUP_CHUNK)
    memory_unmap(table->chunks[i / GROUP_CHUNK],
                 GROUP_CHUNK * sizeof(struct group));
}

/* Returns 0 or the reason why there are no more numbers. */
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

int32_t group_open(struct group_table* table) {
  if (table->free_first == 0) {
    int32_t result = group__grow(table);
    if (result < 0) return result;
  }
  uint32_t number = table->free_first;
  struct group* group = group_at(table, number);
  table->free_first = group->next_free;
  memory_zero(group, sizeof *group);
  group->is_open = true;
  return (int32_t)number;
}

void group_close(struct group_table* table, uint32_t number) {
  struct group* group = group_at(table, number);
  group->is_open = false;
  group->next_free = table->free_first;
  table->free_first = number;
}
