/* SPDX-License-Identifier: MIT */
#include "object.h"

#include <string.h>

#include "fiber.h"
#include "habits.h"
#include "report.h"
#include "tape.h"

/* Values are multiples of four ("Kernel objects", Windows Internals). */
#define OBJECT__FIRST 16
#define OBJECT__STEP 4
#define OBJECT__MAX 4096

/* The caller's handle may be closed just before a thread of the library uses
 * it: nothing can guard the time between the last check and the call
 * (docs/c_callback_api.md). So a new handle does not get its value within that
 * time. */
#define OBJECT__INSTANT_MS 20

static struct {
  struct object* objects[OBJECT__MAX];
  /* The last kind of each free value, and whether it ever belonged to the
   * caller. A handle that the caller may have closed is checked before it is
   * used. */
  enum object_kind past[OBJECT__MAX];
  bool was_users[OBJECT__MAX];
  uint32_t count;             /* values that have ever been used */
  uint32_t late[OBJECT__MAX]; /* of the caller, closed just now */
  uint64_t late_until_ms;     /* of the last one of these */
  uint32_t late_count;
  uint32_t free[OBJECT__MAX];
  uint32_t free_first;
  uint32_t free_count;
} objects;

void object_open_all(void) {
  memset(objects.objects, 0, objects.count * sizeof objects.objects[0]);
  memset(objects.past, 0, objects.count * sizeof objects.past[0]);
  memset(objects.was_users, 0, objects.count * sizeof objects.was_users[0]);
  objects.count = 0;
  objects.free_first = 0;
  objects.free_count = 0;
  objects.late_count = 0;
}

static void object__free(uint32_t index) {
  objects.free[(objects.free_first + objects.free_count) % OBJECT__MAX] = index;
  objects.free_count++;
}

static uint32_t object__index(void) {
  if (fiber_now_ms() >= objects.late_until_ms)
    while (objects.late_count != 0)
      object__free(objects.late[--objects.late_count]);
  /* A relayed socket has two handles for each operation, so they may run
   * out. */
  if (objects.free_count == 0 ||
      (habits.reuse == REUSE_NEVER && objects.count != OBJECT__MAX))
    return objects.count == OBJECT__MAX ? OBJECT__MAX : objects.count++;
  objects.free_count--;
  if (habits.reuse == REUSE_LAST_CLOSED)
    return objects
        .free[(objects.free_first + objects.free_count) % OBJECT__MAX];
  uint32_t index = objects.free[objects.free_first % OBJECT__MAX];
  objects.free_first++;
  return index;
}

uintptr_t object_enter(struct object* object, enum object_kind kind) {
  uint32_t index = object__index();
  if (index == OBJECT__MAX) return 0;
  object->kind = kind;
  object->handle = (uintptr_t)(OBJECT__FIRST + index) * OBJECT__STEP;
  objects.objects[index] = object;
  return object->handle;
}

static uint32_t object__index_of(uintptr_t handle) {
  if (handle % OBJECT__STEP != 0) return OBJECT__MAX;
  uintptr_t number = handle / OBJECT__STEP;
  if (number < OBJECT__FIRST || number >= OBJECT__FIRST + objects.count)
    return OBJECT__MAX;
  return (uint32_t)(number - OBJECT__FIRST);
}

struct object* object_find(uintptr_t handle,
                           enum object_kind kind,
                           const char* call) {
  uint32_t index = object__index_of(handle);
  if (index == OBJECT__MAX) return NULL;
  struct object* object = objects.objects[index];
  if (object != NULL) return object->kind == kind ? object : NULL;
  if (objects.past[index] != OBJECT_NONE && !objects.was_users[index])
    report_violation("no call uses a handle that is closed",
                     "%s(%#zx)",
                     call,
                     (size_t)handle);
  return NULL;
}

void object_release(struct object* object) {
  uint32_t index = object__index_of(object->handle);
  objects.objects[index] = NULL;
  objects.past[index] = object->kind;
  objects.was_users[index] |= object->is_users;
  if (object->is_users) {
    objects.late[objects.late_count++] = index;
    objects.late_until_ms = fiber_now_ms() + OBJECT__INSTANT_MS;
  } else {
    object__free(index);
  }
  object->handle = 0;
}

struct object* object_left(void) {
  for (uint32_t i = 0; i < objects.count; i++)
    if (objects.objects[i] != NULL && !objects.objects[i]->is_users)
      return objects.objects[i];
  return NULL;
}

uint32_t object_count(void) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < objects.count; i++)
    if (objects.objects[i] != NULL && !objects.objects[i]->is_users) count++;
  return count;
}

void object_trace_all(void) {
  static const char* const kinds[] = {"nothing",
                                      "socket",
                                      "port",
                                      "event",
                                      "thread",
                                      "wait",
                                      "token",
                                      "file",
                                      "duplicate"};
  for (uint32_t i = 0; i < objects.count; i++) {
    const struct object* object = objects.objects[i];
    if (object == NULL || object->is_users) continue;
    TRACE("  open: %s %#zx", kinds[object->kind], (size_t)object->handle);
  }
}
