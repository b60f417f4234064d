/* SPDX-License-Identifier: MIT */
#include "wake.h"

/* How long to wait for memory of the kernel. */
#define WAKE__PAUSE_MS 10

static void wake__post(struct port* port) {
  struct engine_port* engine = &port->engine;
  /* One packet is enough, and the queue is memory that cannot be paged. */
  if (atomic_exchange(&engine->wake_posted, true)) return;
  /* A packet needs such memory. Without the packet a thread might wait forever,
   * so this retries until there is memory. */
  while (!PostQueuedCompletionStatus(engine->handle, 0, (ULONG_PTR)port, NULL))
    Sleep(WAKE__PAUSE_MS);
}

int32_t engine_wake(struct port* port) {
  atomic_store(&port->engine.wake_wanted, true);
  wake__post(port);
  return 0;
}

void wake_dequeued(struct port* port) {
  struct engine_port* engine = &port->engine;
  atomic_store(&engine->wake_posted, false);
  /* The packet was for the wait, which may be blocked now that this thread has
   * dequeued the packet. A wait that begins later sees wake_wanted, because it
   * sets its state before it checks. */
  if (atomic_load(&engine->wake_wanted) &&
      atomic_load(&engine->handover_state) == ENGINE_HANDOVER_FILLING)
    wake__post(port);
}
