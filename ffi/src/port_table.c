/* SPDX-License-Identifier: MIT */
#include "port_table.h"

#include <stdatomic.h>

#include "iocp.h"
#include "system.h"

#define SLOT__OPEN 0x8000u
#define SLOT__REFERENCES 0x7fffu
#define SLOT__GENERATION_SHIFT 16
#define ID__INDEX_BITS 12
#define ID__INDEX_MASK (PORTS_MAX - 1)

struct slot {
  atomic_uint word;
  _Atomic(struct port*) port;
  /* Here rather than in the port, which another thread must not read. */
  _Atomic(thread_id) owner;
  atomic_uint realm;
};

static struct slot port_slots[PORTS_MAX];

static struct slot* slot__of(int32_t id) {
  return &port_slots[(uint32_t)id & ID__INDEX_MASK];
}

static bool slot__is(unsigned word, int32_t id) {
  uint32_t generation = (uint32_t)id >> ID__INDEX_BITS;
  return id >= 0 && (word & SLOT__OPEN) != 0 &&
         word >> SLOT__GENERATION_SHIFT == generation;
}

bool port_table_add(struct port* port, uint32_t realm, int32_t* id_out) {
  for (uint32_t i = 0; i < PORTS_MAX; i++) {
    unsigned word = atomic_load(&port_slots[i].word);
    if ((word & (SLOT__OPEN | SLOT__REFERENCES)) != 0) continue;
    /* A reference without the open bit reserves the slot while it is filled. */
    if (!atomic_compare_exchange_strong(&port_slots[i].word, &word, word + 1))
      continue;
    uint32_t generation = word >> SLOT__GENERATION_SHIFT;
    *id_out = (int32_t)(generation << ID__INDEX_BITS | i);
    atomic_store(&port_slots[i].port, port);
    atomic_store(&port_slots[i].owner, system_thread());
    atomic_store(&port_slots[i].realm, realm);
    atomic_fetch_or(&port_slots[i].word, SLOT__OPEN);
    return true;
  }
  return false;
}

struct port* port_table_find(int32_t id, int32_t* error) {
  struct slot* slot = slot__of(id);
  unsigned word = atomic_load_explicit(&slot->word, memory_order_acquire);
  *error = -IOCP_EBADF;
  if (!slot__is(word, id)) return NULL;
  *error = -IOCP_EXDEV;
  if (atomic_load_explicit(&slot->owner, memory_order_relaxed) !=
      system_thread())
    return NULL;
  return atomic_load_explicit(&slot->port, memory_order_relaxed);
}

bool port_table_is_open(int32_t id) {
  return slot__is(atomic_load(&slot__of(id)->word), id);
}

static bool slot__is_own(struct slot* slot) {
  return (atomic_load(&slot->word) & SLOT__OPEN) != 0 &&
         atomic_load(&slot->owner) == system_thread();
}

struct port* port_table_own(void) {
  for (uint32_t i = 0; i < PORTS_MAX; i++)
    if (slot__is_own(&port_slots[i])) return atomic_load(&port_slots[i].port);
  return NULL;
}

struct port* port_table_stale(uint32_t realm) {
  if (realm == 0) return NULL;
  for (uint32_t i = 0; i < PORTS_MAX; i++) {
    struct slot* slot = &port_slots[i];
    if (!slot__is_own(slot)) continue;
    uint32_t other = atomic_load(&slot->realm);
    if (other != 0 && other != realm) return atomic_load(&slot->port);
  }
  return NULL;
}

struct port* port_table_acquire(int32_t id) {
  struct slot* slot = slot__of(id);
  unsigned word = atomic_load(&slot->word);
  do {
    if (!slot__is(word, id)) return NULL;
    if ((word & SLOT__REFERENCES) == SLOT__REFERENCES) return NULL;
  } while (!atomic_compare_exchange_weak(&slot->word, &word, word + 1));
  return atomic_load(&slot->port);
}

void port_table_close(int32_t id) {
  atomic_fetch_and(&slot__of(id)->word, ~SLOT__OPEN);
}

void port_table_release(int32_t id, void (*destroy)(struct port* port)) {
  struct slot* slot = slot__of(id);
  unsigned word = atomic_load(&slot->word);
  for (;;) {
    bool is_last = (word & (SLOT__OPEN | SLOT__REFERENCES)) == 1;
    if (is_last) break;
    if (atomic_compare_exchange_weak(&slot->word, &word, word - 1)) return;
  }
  /* No reference can be acquired any more, so no other thread writes the word.
   */
  destroy(atomic_load(&slot->port));
  atomic_store(&slot->port, NULL);
  unsigned generation = (word >> SLOT__GENERATION_SHIFT) + 1;
  atomic_store(&slot->word, generation << SLOT__GENERATION_SHIFT);
}
