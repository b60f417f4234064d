/* SPDX-License-Identifier: MIT */
#include "file.h"

#include "engine.h"
#include "memory.h"

static struct list_node* file__list(struct file_table* table, int32_t id) {
  return &table->lists[(uint32_t)id % FILE_LISTS];
}

void file_table_open(struct file_table* table) {
  for (uint32_t i = 0; i < FILE_LISTS; i++) list_open(&table->lists[i]);
}

void file_table_close(struct file_table* table) {
  for (uint32_t i = 0; i < FILE_LISTS; i++)
    while (!list_is_empty(&table->lists[i]))
      file_release(LIST_ENTRY(list_shift(&table->lists[i]), struct file, node));
}

static struct file* file__find(struct file_table* table, int32_t id) {
  struct list_node* list = file__list(table, id);
  for (struct list_node* node = list->next; node != list; node = node->next) {
    struct file* file = LIST_ENTRY(node, struct file, node);
    if (file->id == id) return file;
  }
  return NULL;
}

/* An id is used again only after 2^31 others, and never while it is in use. */
static int32_t file__new_id(struct file_table* table) {
  do {
    table->last_id = table->last_id == INT32_MAX ? 0 : table->last_id + 1;
  } while (file__find(table, table->last_id) != NULL);
  return table->last_id;
}

int32_t file_open(struct port* port,
                  const void* path,
                  uint32_t length,
                  double* size_out) {
  struct file* file = memory_alloc(sizeof *file);
  if (file == NULL) return port_fail(port, -IOCP_ENOMEM, 0);
  memory_zero(file, sizeof *file);
  uint64_t size;
  int32_t result = engine_open_file(port, path, length, &file->engine, &size);
  if (result < 0) {
    memory_free(file);
    return result;
  }
  *size_out = (double)size;
  file->references = 1;
  file->id = file__new_id(&port->files);
  list_push(file__list(&port->files, file->id), &file->node);
  return file->id;
}

struct file* file_find(struct port* port, int32_t id) {
  return file__find(&port->files, id);
}

int32_t file_close(struct port* port, int32_t id) {
  struct file* file = file_find(port, id);
  if (file == NULL) return port_fail(port, -IOCP_EINVAL, 0);
  list_remove(&file->node);
  file_release(file);
  return 0;
}

void file_retain(struct file* file) { file->references++; }

void file_release(struct file* file) {
  if (--file->references != 0) return;
  engine_close_file(&file->engine);
  memory_free(file);
}
