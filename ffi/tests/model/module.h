/* SPDX-License-Identifier: MIT */
/* Modules that the engine loads. */
#ifndef MODEL_MODULE_H
#define MODEL_MODULE_H

#include <stdbool.h>

void module_open(void);

/* advapi32.dll is loaded. */
bool module_has_advapi32(void);

/* A violation if one is still loaded. */
void module_check(void);

#endif /* MODEL_MODULE_H */
