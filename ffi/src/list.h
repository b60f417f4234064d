/* SPDX-License-Identifier: MIT */
/* A circular doubly linked list through nodes inside the listed objects. */
#ifndef IOCP_LIST_H
#define IOCP_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "debug.h"

struct list_node {
  struct list_node* next;
  struct list_node* prev;
};

#define LIST_ENTRY(node, type, member) \
  ((type*)(void*)((char*)(node) - offsetof(type, member)))

static inline void list_open(struct list_node* list) {
  list->next = list;
  list->prev = list;
}

static inline bool list_is_empty(const struct list_node* list) {
  return list->next == list;
}

/* True while the node is in a list; a zeroed node is in none. */
static inline bool list_has(const struct list_node* node) {
  return node->next != NULL;
}

static inline void list_push(struct list_node* list, struct list_node* node) {
  node->next = list;
  node->prev = list->prev;
  list->prev->next = node;
  list->prev = node;
}

static inline void list_remove(struct list_node* node) {
  node->prev->next = node->next;
  node->next->prev = node->prev;
  node->next = NULL;
  node->prev = NULL;
}

static inline struct list_node* list_shift(struct list_node* list) {
  struct list_node* node = list->next;
  debug_check(node != list);
  list_remove(node);
  return node;
}

/* Moves all of `from` to the end of `list` and leaves `from` empty. */
static inline void list_move(struct list_node* list, struct list_node* from) {
  if (list_is_empty(from)) return;
  from->next->prev = list->prev;
  list->prev->next = from->next;
  from->prev->next = list;
  list->prev = from->prev;
  list_open(from);
}

#endif /* IOCP_LIST_H */
