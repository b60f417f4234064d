/* SPDX-License-Identifier: MIT */
/* Completion ports. */
#ifndef MODEL_PORT_H
#define MODEL_PORT_H

#include <stdbool.h>
#include <stdint.h>
#include <windows.h>

struct object;
struct op;
struct port;

void port_open_all(void);
void port_close_all(void);

/* Queues the packet of an operation. */
void port_queue_op(struct port* port, struct op* op);

/* The port behind a handle, or NULL. */
struct port* port_find(HANDLE handle, const char* call);

/* Closes a port at the end of the process, whatever is in its queue. False if
 * the object is none. */
bool port_sweep(struct object* object);

/* A port of another program, which takes no packets. */
struct port* port_new_foreign(void);

#endif /* MODEL_PORT_H */
