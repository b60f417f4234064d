/* SPDX-License-Identifier: MIT */
/* Modules that the engine loads. */
#ifndef MODEL_MODULE_H
#define MODEL_MODULE_H

#include <stdbool.h>
#include <stdint.h>

void module_open(void);

/* The interface with an IPv4 address that is in use, or, as 0.x.x.x, with an
 * index; both are in network byte order. 0: none is named. */
#define MODULE_NO_INTERFACE UINT32_MAX
uint32_t module_interface(uint32_t name);

/* advapi32.dll is loaded. */
bool module_has_advapi32(void);

/* A violation if one is still loaded. */
void module_check(void);

#endif /* MODEL_MODULE_H */
