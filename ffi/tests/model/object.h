/* SPDX-License-Identifier: MIT */
/* Handles: small numbers that are reused as soon as they are closed. */
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
  OBJECT_WAIT,
  OBJECT_TOKEN,
  OBJECT_FILE,
  OBJECT_DUPLICATE /* another handle of a socket; see duplicate.h */
};

struct object {
  enum object_kind kind;
  uintptr_t handle; /* 0 after the close */
  uint32_t holds;   /* references of operations and child processes */
  bool is_users;    /* a handle of the caller, who may close it at any time */
  uint32_t process; /* the process whose handle it is; see duplicate.h */
};

void object_open_all(void);

/* Gives it a handle; 0 if there are none left. */
uintptr_t object_enter(struct object* object, enum object_kind kind);

/* The object behind a handle. A closed handle of the library is a violation,
 * since the value may have been reused. One that was never open, or was the
 * caller's, gives NULL. */
struct object* object_find(uintptr_t handle,
                           enum object_kind kind,
                           const char* call);

/* The value can be reused from here on. */
void object_release(struct object* object);

/* How many handles of the library are open. */
uint32_t object_count(void);

/* One of them, or NULL. */
struct object* object_left(void);

/* Writes them to the trace. */
void object_trace_all(void);

#endif /* MODEL_OBJECT_H */
