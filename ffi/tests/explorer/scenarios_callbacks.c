/* SPDX-License-Identifier: MIT */
/* The callback API: sockets come and go on several threads at once. */
#include <stddef.h>
#include <string.h>

#include "fiber.h"
#include "iocp_callback.h"
#include "report.h"
#include "scenario.h"
#include "world.h"

#define CALLS__SOCKETS 4

/* A socket of the user, and the other end of its connection. */
struct calls__socket {
  double handle;
  struct peer* peer; /* NULL: a listener */
  struct iocp_address address;
  void (*on_call)(struct calls__socket* socket, int event, const void* buffer);
  int32_t added; /* the result */
  bool is_closed;
  bool is_called;
  struct scenario_flag received, last;
};

static struct {
  struct iocp_callbacks* callbacks;
  struct iocp_callbacks* others;
  bool is_deleted;
  struct scenario_flag accepted;
  struct peer_listener* host;
  struct calls__socket sockets[CALLS__SOCKETS];
} calls;

static void calls__called(iocp_os_socket handle,
                          int event,
                          void* buffer,
                          iocp_byte_count count,
                          void* state) {
  struct calls__socket* socket = state;
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

static void calls__connect(struct calls__socket* socket) {
  socket->handle = world_handle_connect(calls.host);
  socket->peer = peer_accept(calls.host);
  socket->added = -1;
}

static void calls__connect_all(uint32_t sockets) {
  scenario_open();
  memset(&calls, 0, sizeof calls);
  calls.host = peer_listen(PEER_ACCEPTS, 4);
  for (uint32_t i = 0; i < sockets; i++) calls__connect(&calls.sockets[i]);
}

static void calls__new(uint32_t threads) {
  RULE("threads start", iocp_callbacks_new(threads, &calls.callbacks) == 0);
}

/* The threads run already when it begins. */
static void calls__begin(uint32_t threads, uint32_t sockets) {
  calls__connect_all(sockets);
  calls__new(threads);
  scenario_begin();
}

static void calls__add(struct calls__socket* socket) {
  iocp_os_socket handle = (iocp_os_socket)socket->handle;
  socket->added = socket->peer == NULL
                      ? iocp_callbacks_add_listener(
                            calls.callbacks, handle, socket, calls__called)
                      : iocp_callbacks_add_socket(
                            calls.callbacks, handle, socket, 16, calls__called);
}

static void calls__send(struct calls__socket* socket, char first) {
  uint8_t bytes[] = {(uint8_t)first, (uint8_t)(first + 1)};
  scenario_point();
  peer_send(socket->peer, bytes, sizeof bytes);
}

static void calls__close_handle(struct calls__socket* socket) {
  if (socket->is_closed) return;
  socket->is_closed = true;
  world_handle_given(socket->handle);
  world_handle_close(socket->handle);
}

static void calls__delete(void) {
  RULE("a delete succeeds", iocp_callbacks_delete(calls.callbacks) == 0);
  calls.is_deleted = true;
  for (uint32_t i = 0; i < CALLS__SOCKETS; i++) {
    struct calls__socket* socket = &calls.sockets[i];
    if (socket->handle == 0) continue;
    RULE("a socket that was added has one last call, and no other has one",
         socket->last.count == (socket->added == 0));
    calls__close_handle(socket);
    if (socket->peer != NULL) peer_close(socket->peer);
  }
  scenario_close();
}

static void calls__add_thread(void* socket) { calls__add(socket); }

/* ---- scenarios */

static void add_and_delete(void) {
  calls__connect_all(1);
  scenario_begin();
  calls__new(1);
  calls__send(&calls.sockets[0], 0);
  calls__add(&calls.sockets[0]);
  calls__send(&calls.sockets[0], 2);
  calls__delete();
}

/* The thread adopts the first while the second is added and all is deleted. */
static void add_twice_and_delete(void) {
  calls__begin(1, 2);
  calls__add(&calls.sockets[0]);
  calls__add(&calls.sockets[1]);
  calls__delete();
}

static void end_and_delete(void) {
  calls__begin(1, 1);
  calls__add(&calls.sockets[0]);
  calls__send(&calls.sockets[0], 0);
  peer_shutdown(calls.sockets[0].peer);
  calls__delete();
}

static void calls__two_adders(uint32_t threads) {
  calls__begin(threads, 2);
  struct world_thread* adder =
      world_thread_start(calls__add_thread, &calls.sockets[1]);
  calls__add(&calls.sockets[0]);
  for (uint32_t i = 0; i < 2; i++) calls__send(&calls.sockets[i], 0);
  for (uint32_t i = 0; i < 2; i++)
    scenario_await(&calls.sockets[i].received, 2);
  world_thread_join(adder);
  scenario_end();
  calls__delete();
}

static void two_adders_one_thread(void) { calls__two_adders(1); }

static void two_adders_two_threads(void) { calls__two_adders(2); }

static void calls__add_next(struct calls__socket* socket,
                            int event,
                            const void* buffer) {
  (void)event, (void)buffer;
  calls__add(socket + 1);
  RULE("a socket is added, or refused after a delete has begun",
       socket[1].added == 0 || socket[1].added == -IOCP_EBADF);
}

/* The last call may be made by the delete, or before it. */
static void add_in_last_call(void) {
  calls__begin(2, 2);
  calls.sockets[0].on_call = calls__add_next;
  calls__add(&calls.sockets[0]);
  peer_shutdown(calls.sockets[0].peer);
  calls__delete();
}

static void calls__replace(struct calls__socket* socket,
                           int event,
                           const void* buffer) {
  if (event != IOCP_CALLBACK_READ || socket->is_closed) return;
  calls__close_handle(socket);
  calls__connect(socket + 1);
  calls__add_next(socket, event, buffer);
}

/* A call closes its socket, and adds one that has the same number. */
static void close_in_call(void) {
  calls__begin(2, 1);
  calls.sockets[0].on_call = calls__replace;
  calls__add(&calls.sockets[0]);
  calls__send(&calls.sockets[0], 0);
  scenario_await(&calls.sockets[0].last, 1);
  calls__send(&calls.sockets[1], 0);
  scenario_await(&calls.sockets[1].received, 2);
  scenario_end();
  calls__delete();
}

static void calls__add_crosswise(struct calls__socket* socket,
                                 int event,
                                 const void* buffer) {
  (void)buffer;
  if (event == IOCP_CALLBACK_READ) calls__add(socket + 2);
}

/* Calls on two threads add sockets to each other. */
static void add_crosswise(void) {
  calls__begin(2, 4);
  for (uint32_t i = 0; i < 2; i++) {
    calls.sockets[i].on_call = calls__add_crosswise;
    calls__add(&calls.sockets[i]);
  }
  for (uint32_t i = 0; i < 2; i++) calls__send(&calls.sockets[i], 0);
  for (uint32_t i = 0; i < 4; i++) {
    if (i >= 2) calls__send(&calls.sockets[i], 0);
    scenario_await(&calls.sockets[i].received, 2);
  }
  scenario_end();
  calls__delete();
}

static void calls__close_other(void* socket) {
  scenario_point();
  calls__close_handle(socket);
}

/* The user closes a socket on any thread. The library notices that in time. */
static void close_outside(void) {
  calls__begin(1, 1);
  calls__add(&calls.sockets[0]);
  struct world_thread* closer =
      world_thread_start(calls__close_other, &calls.sockets[0]);
  calls__send(&calls.sockets[0], 0);
  scenario_may_last(2000);
  scenario_await(&calls.sockets[0].last, 1);
  world_thread_join(closer);
  scenario_end();
  calls__delete();
}

static void calls__accepted(struct calls__socket* listener,
                            int event,
                            const void* buffer) {
  iocp_os_socket handle;
  struct calls__socket* socket = listener + 1;
  if (event != IOCP_CALLBACK_ACCEPT) return;
  memcpy(&handle, buffer, sizeof handle);
  world_handle_given((double)handle);
  socket->handle = (double)handle;
  calls__add(socket);
  scenario_raise(&calls.accepted);
}

static void calls__listen(void) {
  struct calls__socket* listener = &calls.sockets[0];
  calls__connect_all(0);
  calls__new(2);
  listener->handle = world_handle_listen(4, &listener->address);
  listener->on_call = calls__accepted;
  calls__add(listener);
  scenario_begin();
  calls.sockets[1].peer = peer_connect(&listener->address);
  scenario_point();
}

static void accept_and_add(void) {
  calls__listen();
  scenario_await(&calls.accepted, 1);
  calls__send(&calls.sockets[1], 0);
  scenario_await(&calls.sockets[1].received, 2);
  scenario_end();
  calls__delete();
}

static void accept_and_delete(void) {
  calls__listen();
  calls__delete();
}

static void calls__delete_inside(struct calls__socket* socket,
                                 int event,
                                 const void* buffer) {
  (void)socket, (void)event, (void)buffer;
  RULE("a call cannot end its own thread",
       iocp_callbacks_delete(calls.callbacks) == -IOCP_EBUSY);
}

static void delete_inside(void) {
  calls__begin(1, 1);
  calls.sockets[0].on_call = calls__delete_inside;
  calls__add(&calls.sockets[0]);
  calls__send(&calls.sockets[0], 0);
  scenario_await(&calls.sockets[0].received, 1);
  scenario_end();
  calls__delete();
}

static void calls__delete_others(struct calls__socket* socket,
                                 int event,
                                 const void* buffer) {
  (void)socket, (void)buffer;
  if (event == IOCP_CALLBACK_READ)
    RULE("a call can end other threads",
         iocp_callbacks_delete(calls.others) == 0);
}

/* A call ends threads that are of others, and have just begun. */
static void delete_others(void) {
  calls__connect_all(1);
  calls__new(1);
  calls.sockets[0].on_call = calls__delete_others;
  RULE("threads start", iocp_callbacks_new(2, &calls.others) == 0);
  scenario_begin();
  calls__add(&calls.sockets[0]);
  calls__send(&calls.sockets[0], 0);
  scenario_await(&calls.sockets[0].received, 1);
  scenario_end();
  calls__delete();
}

const struct scenario scenarios_callbacks[] = {
    {"add_and_delete", add_and_delete, 3},
    {"add_twice_and_delete", add_twice_and_delete, 3},
    {"end_and_delete", end_and_delete, 3},
    {"two_adders_one_thread", two_adders_one_thread, 3},
    {"two_adders_two_threads", two_adders_two_threads, 3},
    {"add_in_last_call", add_in_last_call, 3},
    {"close_in_call", close_in_call, 3},
    {"add_crosswise", add_crosswise, 3},
    {"close_outside", close_outside, 3},
    {"accept_and_add", accept_and_add, 3},
    {"accept_and_delete", accept_and_delete, 3},
    {"delete_inside", delete_inside, 3},
    {"delete_others", delete_others, 3},
    {NULL, NULL, 0},
};
