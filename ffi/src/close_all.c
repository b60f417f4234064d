/* SPDX-License-Identifier: MIT */
#include "close_all.h"

#include "close.h"
#include "engine.h"
#include "send_copy.h"
#include "share.h"
#include "system.h"

/* How long to wait for the kernel to complete what was canceled. */
#define CLOSE_ALL__REAP_MS 2000
#define CLOSE_ALL__WAIT_MS 10

static bool close_all__is_in(const struct socket* socket, uint32_t group) {
  return socket->state != SOCKET_FREE &&
         (group == GROUP_ANY || socket->group == group);
}

/* True if a FIN would make the peer mistake a part of the data for all of it. A
 * socket that was closed gracefully ends where its caller ended it. */
static bool close_all__must_reset(const struct socket* socket) {
  bool was_ended = socket->state == SOCKET_CLOSING && !socket->close_detach;
  return send_copy_first(socket) != NULL || close_has_failed_send(socket) ||
         (socket->send_was_partial && !was_ended);
}

static void close_all__begin(struct socket* socket) {
  bool must_reset = close_all__must_reset(socket);
  if (socket->close_phase >= CLOSE_REAPING) {
    /* A detach that is never reported ends as a close. */
    if (socket->close_detach && must_reset) socket->close_reset = true;
    return;
  }
  if (socket->state != SOCKET_CLOSING) close_begin(socket, must_reset);
  if (socket->close_phase >= CLOSE_REAPING) return;
  socket->close_reset = must_reset;
  close_reap(socket);
}

/* Closes the idle ones. Returns how many are not idle. */
static uint32_t close_all__idle(struct port* port, uint32_t group) {
  uint32_t busy_count = 0;
  struct socket* socket;
  for (uint32_t i = 0; (socket = socket_at(port, i)) != NULL; i++) {
    if (!close_all__is_in(socket, group)) continue;
    if (engine_is_idle(socket))
      close_now(socket);
    else
      busy_count++;
  }
  return busy_count;
}

/* Leaves the rest to later polls. */
static void close_all__abandon(struct port* port, uint32_t group) {
  struct socket* socket;
  for (uint32_t i = 0; (socket = socket_at(port, i)) != NULL; i++) {
    if (!close_all__is_in(socket, group)) continue;
    group_retire(socket);
    socket->group = 0;
    socket->is_unreported = true;
    socket->close_detach = false;
  }
}

void close_all(struct port* port, uint32_t group) {
  struct socket* socket;
  for (uint32_t i = 0; (socket = socket_at(port, i)) != NULL; i++)
    if (close_all__is_in(socket, group)) close_all__begin(socket);
  uint64_t until_ms = system_now_ms() + CLOSE_ALL__REAP_MS;
  while (close_all__idle(port, group) != 0 && system_now_ms() < until_ms) {
    engine_wait(port, CLOSE_ALL__WAIT_MS);
    engine_poll(port);
  }
  close_all__abandon(port, group);
}

void close_all_at_exit(struct port* port) {
  struct socket* socket;
  share_abandon_all();
  for (uint32_t i = 0; (socket = socket_at(port, i)) != NULL; i++)
    if (close_all__is_in(socket, GROUP_ANY)) close_all__begin(socket);
  engine_await_canceled(port);
  for (uint32_t i = 0; (socket = socket_at(port, i)) != NULL; i++)
    if (close_all__is_in(socket, GROUP_ANY))
      engine_close_handle(socket, socket->close_reset);
}
