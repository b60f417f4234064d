/* SPDX-License-Identifier: MIT */
/* Memory. The folders of the systems implement the first four. */
#ifndef IOCP_MEMORY_H
#define IOCP_MEMORY_H

#include <stddef.h>

/* Zeroed pages, or NULL. */
void* memory_map(size_t size);
void memory_unmap(void* memory, size_t size);

/* A block of the process heap, not zeroed, or NULL; a block, and not NULL. */
void* memory_alloc(size_t size);
void memory_free(void* memory);

/* The Windows library has no C runtime, so there these are in string.c. */
#define memory_copy(to, from, size) __builtin_memcpy(to, from, size)
#define memory_compare(a, b, size) __builtin_memcmp(a, b, size)
#define memory_zero(to, size) __builtin_memset(to, 0, size)

#endif /* IOCP_MEMORY_H */
