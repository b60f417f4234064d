/* SPDX-License-Identifier: MIT */
#include "memory.h"

#include <windows.h>

void* memory_map(size_t size) {
  return VirtualAlloc(NULL, size, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
}

void memory_unmap(void* memory, size_t size) {
  (void)size;
  VirtualFree(memory, 0, MEM_RELEASE);
}

void* memory_alloc(size_t size) { return HeapAlloc(GetProcessHeap(), 0, size); }

void memory_free(void* memory) { HeapFree(GetProcessHeap(), 0, memory); }
