/* SPDX-License-Identifier: MIT */
#include "memory.h"

#include <stdlib.h>
#include <sys/mman.h>

void* memory_map(size_t size) {
  void* memory = mmap(
      NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return memory == MAP_FAILED ? NULL : memory;
}

void memory_unmap(void* memory, size_t size) { munmap(memory, size); }

void* memory_alloc(size_t size) { return malloc(size); }

void memory_free(void* memory) { free(memory); }
