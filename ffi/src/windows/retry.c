/* SPDX-License-Identifier: MIT */
#include "retry.h"

#include "system.h"

void retry_later(struct socket* socket, enum engine_op_kind kind) {
  struct engine_port* engine = &socket->port->engine;
  if (kind == ENGINE_SEND)
    socket->engine.retries_send = true;
  else
    socket->engine.retries_receive = true;
  if (list_has(&socket->engine.retry_node)) return;
  if (list_is_empty(&engine->retries))
    engine->retry_at_ms = system_now_ms() + RETRY_MS;
  list_push(&engine->retries, &socket->engine.retry_node);
  atomic_store(&engine->has_retries, true);
  /* A wait that is running has a later timeout. */
  if (atomic_load(&engine->handover_state) == ENGINE_HANDOVER_FILLING)
    engine_wake(socket->port);
}

void retry_cancel(struct socket* socket) {
  struct engine_port* engine = &socket->port->engine;
  socket->engine.retries_send = false;
  socket->engine.retries_receive = false;
  if (!list_has(&socket->engine.retry_node)) return;
  list_remove(&socket->engine.retry_node);
  if (list_is_empty(&engine->retries))
    atomic_store(&engine->has_retries, false);
}

int32_t retry_next_ms(struct port* port) {
  struct engine_port* engine = &port->engine;
  if (list_is_empty(&engine->retries)) return -1;
  uint64_t now_ms = system_now_ms();
  return engine->retry_at_ms > now_ms ? (int32_t)(engine->retry_at_ms - now_ms)
                                      : 0;
}

void retry_collect(struct port* port, struct list_node* todo) {
  struct engine_port* engine = &port->engine;
  if (list_is_empty(&engine->retries) || system_now_ms() < engine->retry_at_ms)
    return;
  list_move(todo, &engine->retries);
  atomic_store(&engine->has_retries, false);
}
