/* SPDX-License-Identifier: MIT */
#include "calls.h"

#include <string.h>

#include "report.h"
#include "world.h"

struct calls calls;

static void calls__called(iocp_os_socket handle,
                          int event,
                          void* buffer,
                          iocp_byte_count count,
                          void* state) {
  struct calls_socket* socket = state;
  RULE("nothing is called after a delete", !calls.is_deleted);
  RULE("calls of a socket do not overlap", !socket->is_called);
  RULE("nothing follows the last call", socket->last.count == 0);
  RULE("a call has the handle of its socket", (double)handle == socket->handle);
  socket->is_called = true;
  scenario_point();
  if (event == IOCP_CALLBACK_READ) {
    const char* bytes = buffer;
    for (uint32_t i = 0; i < count; i++) {
      RULE("bytes come in order", bytes[i] == (char)socket->received.count);
      socket->received.count++;
    }
  }
  if (socket->on_call != NULL) socket->on_call(socket, event, buffer);
  scenario_point();
  socket->is_called = false;
  if (event == IOCP_CALLBACK_END || event == IOCP_CALLBACK_ERROR)
    scenario_raise(&socket->last);
}

void calls_connect(struct calls_socket* socket) {
  socket->handle = world_handle_connect(calls.host);
  socket->peer = peer_accept(calls.host);
  socket->added = -1;
}

void calls_connect_all(uint32_t sockets) {
  scenario_open();
  memset(&calls, 0, sizeof calls);
  calls.host = peer_listen(PEER_ACCEPTS, 4);
  for (uint32_t i = 0; i < sockets; i++) calls_connect(&calls.sockets[i]);
}

void calls_new(uint32_t threads) {
  RULE("threads start", iocp_callbacks_new(threads, &calls.callbacks) == 0);
}

/* The threads run already when it begins. */
void calls_begin(uint32_t threads, uint32_t sockets) {
  calls_connect_all(sockets);
  calls_new(threads);
  scenario_begin();
}

void calls_add(struct calls_socket* socket) {
  iocp_os_socket handle = (iocp_os_socket)socket->handle;
  socket->added = socket->peer == NULL
                      ? iocp_callbacks_add_listener(
                            calls.callbacks, handle, socket, calls__called)
                      : iocp_callbacks_add_socket(
                            calls.callbacks, handle, socket, 16, calls__called);
}

void calls_send(struct calls_socket* socket, char first) {
  uint8_t bytes[] = {(uint8_t)first, (uint8_t)(first + 1)};
  scenario_point();
  peer_send(socket->peer, bytes, sizeof bytes);
  scenario_deliver();
}

void calls_close_handle(struct calls_socket* socket) {
  if (socket->is_closed) return;
  socket->is_closed = true;
  world_handle_given(socket->handle);
  world_handle_close(socket->handle);
}

void calls_delete(void) {
  RULE("a delete succeeds", iocp_callbacks_delete(calls.callbacks) == 0);
  calls.is_deleted = true;
  for (uint32_t i = 0; i < CALLS_SOCKETS; i++) {
    struct calls_socket* socket = &calls.sockets[i];
    if (socket->handle == 0) continue;
    RULE("a socket that was added has one last call, and no other has one",
         socket->last.count == (socket->added == 0));
    calls_close_handle(socket);
    if (socket->peer != NULL) peer_close(socket->peer);
  }
  scenario_close();
}
