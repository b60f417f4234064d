/* SPDX-License-Identifier: MIT */
/* Modules that the engine loads. */
#ifndef MODEL_MODULE_H
#define MODEL_MODULE_H

void module_open(void);

/* A violation if one is still loaded. */
void module_check(void);

#endif /* MODEL_MODULE_H */
