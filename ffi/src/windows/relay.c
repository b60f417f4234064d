/* SPDX-License-Identifier: MIT */
#include "relay.h"

/* How long to wait for memory of the kernel, which a packet needs. */
#define RELAY__PAUSE_MS 10
#define RELAY__NO_PACKET 1

/* On a thread of the system's pool. The port is valid: it is closed only when
 * all of its operations have completed. */
static void CALLBACK relay__post(void* context, BOOLEAN has_timed_out) {
  struct engine_op* op = context;
  (void)has_timed_out;
  while (!PostQueuedCompletionStatus(
      op->port->engine.handle, 0, (ULONG_PTR)op->port, &op->overlapped))
    Sleep(RELAY__PAUSE_MS);
}

bool relay_prepare(struct engine_op* op) {
  op->event = CreateEventW(NULL, TRUE, FALSE, NULL);
  if (op->event == NULL) return false;
  op->overlapped.hEvent = (HANDLE)((ULONG_PTR)op->event | RELAY__NO_PACKET);
  if (RegisterWaitForSingleObject(&op->wait,
                                  op->event,
                                  relay__post,
                                  op,
                                  INFINITE,
                                  WT_EXECUTEINWAITTHREAD | WT_EXECUTEONLYONCE))
    return true;
  op->wait = NULL;
  relay_end(op);
  return false;
}

void relay_end(struct engine_op* op) {
  if (op->event == NULL) return;
  /* Waits for a callback that is running; none starts any more. */
  if (op->wait != NULL) UnregisterWaitEx(op->wait, INVALID_HANDLE_VALUE);
  CloseHandle(op->event);
  op->wait = NULL;
  op->event = NULL;
}
