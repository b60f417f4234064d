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
/* Regions that are cached for the next schedule: allocating them takes longer
 * than the schedule itself. */
#define BLOCK__CACHED 32
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
  struct block cached[BLOCK__CACHED];
  size_t cached_count;
} blocks;

void block_open_all(void) { blocks.count = 0; }

static void block__enter(void* bytes, size_t size, bool is_region) {
  RULE("no write goes beyond a block of memory", blocks.count < BLOCK__MAX);
  blocks.all[blocks.count++] =
      (struct block){.bytes = bytes, .size = size, .is_region = is_region};
}

static void block__release(struct block* block) {
  if (!block->is_region || blocks.cached_count == BLOCK__CACHED) {
    free(block->bytes);
    return;
  }
  sanitizer_release(block->bytes);
  sanitizer_forbid(block->bytes, block->size);
  blocks.cached[blocks.cached_count++] = *block;
}

/* Removes the block that begins at `memory` from the list. */
static struct block block__remove(const void* memory, bool is_region) {
  size_t i = 0;
  while (i < blocks.count && blocks.all[i].bytes != memory) i++;
  if (i == blocks.count || blocks.all[i].is_region != is_region)
    report_violation("memory is freed once",
                     "%p is not the start of a block in use",
                     memory);
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
  /* "HeapAlloc() does not zero", so the memory is filled with something
   * else. */
  memset(bytes, BLOCK__FRESH, size < 4096 ? size : 4096);
  block__enter(bytes, size, false);
  return bytes;
}

BOOL WINAPI HeapFree(HANDLE heap, DWORD flags, void* memory) {
  (void)heap;
  (void)flags;
  struct block block = block__remove(memory, false);
  memset(block.bytes, BLOCK__FREED, block.size < 4096 ? block.size : 4096);
  block__release(&block);
  return TRUE;
}

/* ---- regions */

static unsigned char* block__cached(size_t size) {
  for (size_t i = 0; i < blocks.cached_count; i++) {
    if (blocks.cached[i].size != size) continue;
    unsigned char* bytes = blocks.cached[i].bytes;
    blocks.cached[i] = blocks.cached[--blocks.cached_count];
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
  void* bytes = block__cached(size);
  if (bytes == NULL) bytes = calloc(1, size);
  if (bytes == NULL) abort();
  block__enter(bytes, size, true);
  return bytes;
}

BOOL WINAPI VirtualFree(void* memory, size_t size, DWORD type) {
  /* "If the dwFreeType parameter is MEM_RELEASE, this parameter must be 0." */
  RULE("VirtualFree() releases all of a region",
       size == 0 && type == MEM_RELEASE);
  struct block block = block__remove(memory, true);
  block__release(&block);
  return TRUE;
}
