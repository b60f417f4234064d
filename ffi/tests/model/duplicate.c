/* SPDX-License-Identifier: MIT */
#include "duplicate.h"

#include <stdlib.h>
#include <string.h>

#include "habits.h"
#include "kernel.h"
#include "list.h"
#include "object.h"
#include "report.h"
#include "sock.h"
#include "world.h"

/* The ids of processes are multiples of four, like handles. */
#define DUPLICATE__ID 1000
#define DUPLICATE__ID_STEP 4

/* A handle of a socket besides its first one. The handle in the other process
 * exists from WSADuplicateSocketW() on (ReactOS, WSPDuplicateSocket()), but no
 * call there can use it before WSASocketW() has returned it. */
struct duplicate {
  struct object object;
  struct list_node node; /* in one of the lists below */
  struct sock* sock;
  DWORD number; /* in the WSAPROTOCOL_INFOW */
};

static struct {
  struct list_node passed;
  struct list_node taken;
  uint32_t process; /* that makes the calls */
  bool has_ended[WORLD_PROCESSES];
  DWORD count;
} duplicates;

void duplicate_open_all(void) {
  memset(&duplicates, 0, sizeof duplicates);
  list_open(&duplicates.passed);
  list_open(&duplicates.taken);
}

static void duplicate__free_all(struct list_node* list) {
  while (!list_is_empty(list))
    free(LIST_ENTRY(list_shift(list), struct duplicate, node));
}

void duplicate_close_all(void) {
  duplicate__free_all(&duplicates.passed);
  duplicate__free_all(&duplicates.taken);
}

/* ---- processes */

uint32_t duplicate_process(void) { return duplicates.process; }

void world_process(uint32_t process) { duplicates.process = process; }

DWORD WINAPI GetCurrentProcessId(void) {
  return DUPLICATE__ID + duplicates.process * DUPLICATE__ID_STEP;
}

void world_process_ended(uint32_t process) {
  struct list_node* next;
  TRACE("process %u ends", process);
  duplicates.has_ended[process] = true;
  for (struct list_node* node = duplicates.passed.next;
       node != &duplicates.passed;
       node = next) {
    struct duplicate* duplicate = LIST_ENTRY(node, struct duplicate, node);
    next = node->next;
    if (duplicate->object.process != process) continue;
    list_remove(node);
    sock_drop_handle(duplicate->sock, 0);
    free(duplicate);
  }
}

static bool duplicate__is_process(DWORD id) {
  uint32_t process = (id - DUPLICATE__ID) / DUPLICATE__ID_STEP;
  return id >= DUPLICATE__ID && process < WORLD_PROCESSES &&
         !duplicates.has_ended[process];
}

/* ---- passing and taking */

/* "WSADuplicateSocketW function": WSAENOTSOCK, WSAEINVAL for a wrong parameter,
 * WSAEMFILE, WSAENOBUFS. The handle and its modes stay as they are. */
int WSADuplicateSocketW(SOCKET handle, DWORD process, WSAPROTOCOL_INFOW* info) {
  kernel_enter();
  struct sock* sock = sock_find(handle, "WSADuplicateSocketW");
  if (sock == NULL) return SOCKET_ERROR;
  if (!duplicate__is_process(process))
    return kernel_fail(WSAEINVAL), SOCKET_ERROR;
  if (habits_fault(habits.handle_faults))
    return kernel_fail(WSAEMFILE), SOCKET_ERROR;
  if (habits_fault(habits.kernel_faults))
    return kernel_fail(WSAENOBUFS), SOCKET_ERROR;
  struct duplicate* duplicate = calloc(1, sizeof *duplicate);
  if (duplicate == NULL) abort();
  duplicate->sock = sock;
  duplicate->object.process = (process - DUPLICATE__ID) / DUPLICATE__ID_STEP;
  duplicate->number = ++duplicates.count;
  list_push(&duplicates.passed, &duplicate->node);
  sock->handles++;
  sock->was_passed = true;
  *info = (WSAPROTOCOL_INFOW){
      .dwServiceFlags1 = habits.is_layered ? 0 : XP1_IFS_HANDLES,
      .dwProviderReserved = duplicate->number};
  kernel_succeed();
  return 0;
}

/* "The special WSAPROTOCOL_INFO structure can only be used once by the target
 * process." */
static struct duplicate* duplicate__find(DWORD number) {
  for (struct list_node* node = duplicates.passed.next;
       node != &duplicates.passed;
       node = node->next) {
    struct duplicate* duplicate = LIST_ENTRY(node, struct duplicate, node);
    if (duplicate->number == number &&
        duplicate->object.process == duplicates.process)
      return duplicate;
  }
  return NULL;
}

SOCKET duplicate_take(const WSAPROTOCOL_INFOW* info, DWORD flags) {
  RULE("a socket that is taken is not inherited by children",
       (flags & WSA_FLAG_NO_HANDLE_INHERIT) != 0);
  /* "Both the source process and the destination process should pass the same
   * flags." */
  RULE("a socket that is taken is overlapped, as it was when it was made",
       (flags & WSA_FLAG_OVERLAPPED) != 0);
  struct duplicate* duplicate = duplicate__find(info->dwProviderReserved);
  if (duplicate == NULL) return kernel_fail(WSAEINVAL), INVALID_SOCKET;
  if (habits_fault(habits.handle_faults))
    return kernel_fail(WSAEMFILE), INVALID_SOCKET;
  if (habits_fault(habits.kernel_faults))
    return kernel_fail(WSAENOBUFS), INVALID_SOCKET;
  if (object_enter(&duplicate->object, OBJECT_DUPLICATE) == 0)
    return kernel_fail(WSAEMFILE), INVALID_SOCKET;
  list_remove(&duplicate->node);
  list_push(&duplicates.taken, &duplicate->node);
  kernel_succeed();
  return (SOCKET)duplicate->object.handle;
}

struct sock* duplicate_sock(struct object* object) {
  return LIST_ENTRY(object, struct duplicate, object)->sock;
}

void duplicate_free(struct object* object) {
  struct duplicate* duplicate = LIST_ENTRY(object, struct duplicate, object);
  object_release(object);
  list_remove(&duplicate->node);
  free(duplicate);
}
