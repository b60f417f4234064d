/* SPDX-License-Identifier: MIT */
/* Memory that the library has allocated from the system. */
#ifndef MODEL_BLOCK_H
#define MODEL_BLOCK_H

#include <stdbool.h>
#include <stddef.h>

void block_open_all(void);

/* Frees what is left, without a check. */
void block_close_all(void);

/* Whether all of it is memory that is allocated from the system. The stack of a
 * function, for one, is not. */
bool block_has(const void* memory, size_t size);

/* How many blocks are left, and their bytes. */
size_t block_count(size_t* bytes_out);

#endif /* MODEL_BLOCK_H */
