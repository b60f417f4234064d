/* SPDX-License-Identifier: MIT */
/* Handles: small numbers that are used again as soon as they are closed. */
#ifndef MODEL_OBJECT_H
#define MODEL_OBJECT_H

#include <stdbool.h>
#include <stdint.h>

enum object_kind {
  OBJECT_NONE,
  OBJECT_SOCKET,
  OBJECT_PORT,
  OBJECT_EVENT,
  OBJECT_THREAD,
  OBJECT_WAIT
};

struct object {
  enum object_kind kind;
  uintptr_t handle; /* 0 once it is closed */
  uint32_t holds;   /* what else keeps it: operations, child processes */
  bool is_users;    /* the user's own, who may close it at any time */
};

void object_open_all(void);

/* Gives it a handle; 0 when there are none left. */
uintptr_t object_enter(struct object* object, enum object_kind kind);

/* The object that a call names. A handle of the library's that is closed by now
 * is a violation, since the value may be another one's; one that never was, or
 * was the user's, gives NULL. */
struct object* object_find(uintptr_t handle,
                           enum object_kind kind,
                           const char* call);

/* The value is free from here on. */
void object_leave(struct object* object);

/* Handles of the library's that are open. */
uint32_t object_count(void);

/* Tells what they are. */
void object_trace_all(void);

#endif /* MODEL_OBJECT_H */
