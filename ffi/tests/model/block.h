/* SPDX-License-Identifier: MIT */
/* Memory that the library has from the system, and what the kernel holds. */
#ifndef MODEL_BLOCK_H
#define MODEL_BLOCK_H

#include <stdbool.h>
#include <stddef.h>

void block_open_all(void);

/* Frees what is left without a word. */
void block_close_all(void);

/* Whether all of it is memory that was given out and not taken back. The stack
 * of a function, for one, is not. */
bool block_has(const void* memory, size_t size);

/* How many are left, and of how many bytes. */
size_t block_count(size_t* bytes_out);

#endif /* MODEL_BLOCK_H */
