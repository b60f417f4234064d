/* SPDX-License-Identifier: MIT */
#include "block.h"

#include <stdlib.h>
#include <string.h>
#include <windows.h>

#include "habits.h"
#include "kernel.h"
#include "op.h"
#include "report.h"
#include "sanitizer.h"

#define BLOCK__MAX 8192
/* Regions that are kept for the next schedule: they are large, and asking the
 * machine for them takes longer than the schedule itself. */
#define BLOCK__KEPT 32
#define BLOCK__FRESH 0xCD
#define BLOCK__FREED 0xDD

struct block {
  unsigned char* bytes;
  size_t size;
  bool is_region;
};

static struct {
  struct block all[BLOCK__MAX];
  size_t count;
  struct block kept[BLOCK__KEPT];
  size_t kept_count;
} blocks;

void block_open_all(void) { blocks.count = 0; }

static void block__enter(void* bytes, size_t size, bool is_region) {
  RULE("memory stays in its bounds", blocks.count < BLOCK__MAX);
  blocks.all[blocks.count++] =
      (struct block){.bytes = bytes, .size = size, .is_region = is_region};
}

static void block__release(struct block* block) {
  if (!block->is_region || blocks.kept_count == BLOCK__KEPT) {
    free(block->bytes);
    return;
  }
  sanitizer_release(block->bytes);
  sanitizer_forbid(block->bytes, block->size);
  blocks.kept[blocks.kept_count++] = *block;
}

/* Takes the block out; the one that begins at `memory`. */
static struct block block__leave(const void* memory, bool is_region) {
  size_t i = 0;
  while (i < blocks.count && blocks.all[i].bytes != memory) i++;
  if (i == blocks.count || blocks.all[i].is_region != is_region)
    report_violation(
        "memory is given back once", "%p is no block that is in use", memory);
  struct block block = blocks.all[i];
  op_forbid_in(block.bytes, block.size);
  blocks.all[i] = blocks.all[--blocks.count];
  return block;
}

void block_close_all(void) {
  while (blocks.count != 0) block__release(&blocks.all[--blocks.count]);
}

bool block_has(const void* memory, size_t size) {
  const unsigned char* bytes = memory;
  for (size_t i = 0; i < blocks.count; i++) {
    const struct block* block = &blocks.all[i];
    if (bytes >= block->bytes && bytes + size <= block->bytes + block->size)
      return true;
  }
  return false;
}

size_t block_count(size_t* bytes_out) {
  *bytes_out = 0;
  for (size_t i = 0; i < blocks.count; i++) *bytes_out += blocks.all[i].size;
  return blocks.count;
}

/* ---- the heap */

HANDLE WINAPI GetProcessHeap(void) { return (HANDLE)&blocks; }

void* WINAPI HeapAlloc(HANDLE heap, DWORD flags, size_t size) {
  RULE("HeapAlloc() is given the heap of the process",
       heap == (HANDLE)&blocks && flags == 0);
  if (habits_break(habits.memory_faults)) return NULL;
  void* bytes = malloc(size == 0 ? 1 : size);
  if (bytes == NULL) abort();
  /* "HeapAlloc() does not zero": so nobody may count on it. */
  memset(bytes, BLOCK__FRESH, size < 4096 ? size : 4096);
  block__enter(bytes, size, false);
  return bytes;
}

BOOL WINAPI HeapFree(HANDLE heap, DWORD flags, void* memory) {
  (void)heap;
  (void)flags;
  struct block block = block__leave(memory, false);
  memset(block.bytes, BLOCK__FREED, block.size < 4096 ? block.size : 4096);
  block__release(&block);
  return TRUE;
}

/* ---- regions */

static unsigned char* block__kept(size_t size) {
  for (size_t i = 0; i < blocks.kept_count; i++) {
    if (blocks.kept[i].size != size) continue;
    unsigned char* bytes = blocks.kept[i].bytes;
    blocks.kept[i] = blocks.kept[--blocks.kept_count];
    sanitizer_allow(bytes, size);
    sanitizer_acquire(bytes);
    memset(bytes, 0, size);
    return bytes;
  }
  return NULL;
}

void* WINAPI VirtualAlloc(void* address,
                          size_t size,
                          DWORD type,
                          DWORD access) {
  RULE("VirtualAlloc() is asked for pages to read and write",
       address == NULL && type == (MEM_RESERVE | MEM_COMMIT) &&
           access == PAGE_READWRITE);
  if (habits_break(habits.memory_faults)) return NULL;
  void* bytes = block__kept(size);
  if (bytes == NULL) bytes = calloc(1, size);
  if (bytes == NULL) abort();
  block__enter(bytes, size, true);
  return bytes;
}

BOOL WINAPI VirtualFree(void* memory, size_t size, DWORD type) {
  /* "If the dwFreeType parameter is MEM_RELEASE, this parameter must be 0." */
  RULE("VirtualFree() releases all of a region",
       size == 0 && type == MEM_RELEASE);
  struct block block = block__leave(memory, true);
  block__release(&block);
  return TRUE;
}
