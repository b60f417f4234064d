/* SPDX-License-Identifier: MIT */
/* The callback API: sockets come and go on several threads at once. */
#include <stddef.h>
#include <string.h>

#include "calls.h"
#include "report.h"
#include "scenario.h"
#include "world.h"

static void calls__add_thread(void* socket) { calls_add(socket); }

static void add_and_delete(void) {
  calls_connect_all(1);
  scenario_begin();
  calls_new(1);
  calls_send(&calls.sockets[0], 0);
  calls_add(&calls.sockets[0]);
  calls_send(&calls.sockets[0], 2);
  calls_delete();
}

/* The thread adopts the first while the second is added and all is deleted. */
static void add_twice_and_delete(void) {
  calls_begin(1, 2);
  calls_add(&calls.sockets[0]);
  calls_add(&calls.sockets[1]);
  calls_delete();
}

static void end_and_delete(void) {
  calls_begin(1, 1);
  calls_add(&calls.sockets[0]);
  calls_send(&calls.sockets[0], 0);
  peer_shutdown(calls.sockets[0].peer);
  scenario_deliver();
  calls_delete();
}

static void calls__two_adders(uint32_t threads) {
  calls_begin(threads, 2);
  struct world_thread* adder =
      world_thread_start(calls__add_thread, &calls.sockets[1]);
  calls_add(&calls.sockets[0]);
  for (uint32_t i = 0; i < 2; i++) calls_send(&calls.sockets[i], 0);
  for (uint32_t i = 0; i < 2; i++)
    scenario_await(&calls.sockets[i].received, 2);
  world_thread_join(adder);
  scenario_end();
  calls_delete();
}

static void two_adders_one_thread(void) { calls__two_adders(1); }

static void two_adders_two_threads(void) { calls__two_adders(2); }

static void calls__add_next(struct calls_socket* socket,
                            int event,
                            const void* buffer) {
  (void)event, (void)buffer;
  if (socket[1].added != -1) return;
  calls_add(socket + 1);
  RULE("a socket is added, or refused after a delete has begun",
       socket[1].added == 0 || socket[1].added == -IOCP_EBADF);
}

/* On another thread, which ends perhaps. */
static void add_in_call(void) {
  calls_begin(2, 2);
  calls.sockets[0].on_call = calls__add_next;
  calls_add(&calls.sockets[0]);
  calls_send(&calls.sockets[0], 0);
  calls_delete();
}

/* The last call may be made by the delete, or before it. */
static void add_in_last_call(void) {
  calls_begin(2, 2);
  calls.sockets[0].on_call = calls__add_next;
  calls_add(&calls.sockets[0]);
  peer_shutdown(calls.sockets[0].peer);
  scenario_deliver();
  calls_delete();
}

static void calls__replace(struct calls_socket* socket,
                           int event,
                           const void* buffer) {
  if (event != IOCP_CALLBACK_READ || socket->is_closed) return;
  calls_close_handle(socket);
  calls_connect(socket + 1);
  calls__add_next(socket, event, buffer);
}

/* A socket has its last call while another one is added. */
static void add_and_end(void) {
  calls_connect_all(2);
  calls_new(1);
  calls_add(&calls.sockets[0]);
  scenario_begin();
  peer_shutdown(calls.sockets[0].peer);
  scenario_deliver();
  calls_add(&calls.sockets[1]);
  scenario_await(&calls.sockets[0].last, 1);
  scenario_end();
  calls_delete();
}

/* A call closes its socket, and adds one that has the same number. */
static void close_in_call(void) {
  calls_begin(2, 1);
  calls.sockets[0].on_call = calls__replace;
  calls_add(&calls.sockets[0]);
  calls_send(&calls.sockets[0], 0);
  scenario_await(&calls.sockets[0].last, 1);
  calls_send(&calls.sockets[1], 0);
  scenario_await(&calls.sockets[1].received, 2);
  scenario_end();
  calls_delete();
}

static void calls__add_crosswise(struct calls_socket* socket,
                                 int event,
                                 const void* buffer) {
  (void)buffer;
  if (event == IOCP_CALLBACK_READ) calls_add(socket + 2);
}

/* Calls on two threads add sockets to each other. */
static void add_crosswise(void) {
  calls_begin(2, 4);
  for (uint32_t i = 0; i < 2; i++) {
    calls.sockets[i].on_call = calls__add_crosswise;
    calls_add(&calls.sockets[i]);
  }
  for (uint32_t i = 0; i < 2; i++) calls_send(&calls.sockets[i], 0);
  for (uint32_t i = 0; i < 4; i++) {
    if (i >= 2) calls_send(&calls.sockets[i], 0);
    scenario_await(&calls.sockets[i].received, 2);
  }
  scenario_end();
  calls_delete();
}

static void calls__close_other(void* socket) {
  scenario_point();
  calls_close_handle(socket);
}

/* The user closes a socket on any thread. The library notices that in time. */
static void close_outside(void) {
  calls_begin(1, 1);
  calls_add(&calls.sockets[0]);
  struct world_thread* closer =
      world_thread_start(calls__close_other, &calls.sockets[0]);
  calls_send(&calls.sockets[0], 0);
  scenario_may_last(2000);
  scenario_await(&calls.sockets[0].last, 1);
  world_thread_join(closer);
  scenario_end();
  calls_delete();
}

static struct scenario_flag calls__accepted_count;

static void calls__accepted(struct calls_socket* listener,
                            int event,
                            const void* buffer) {
  iocp_os_socket handle;
  struct calls_socket* socket = listener + 1;
  if (event != IOCP_CALLBACK_ACCEPT) return;
  memcpy(&handle, buffer, sizeof handle);
  world_handle_given((double)handle);
  socket->handle = (double)handle;
  calls_add(socket);
  scenario_raise(&calls__accepted_count);
}

static void calls__listen(void) {
  struct calls_socket* listener = &calls.sockets[0];
  calls_connect_all(0);
  calls__accepted_count.count = 0;
  calls_new(2);
  listener->handle = world_handle_listen(4, &listener->address);
  listener->on_call = calls__accepted;
  calls_add(listener);
  scenario_begin();
  calls.sockets[1].peer = peer_connect(&listener->address);
  scenario_deliver();
}

static void accept_and_add(void) {
  calls__listen();
  scenario_await(&calls__accepted_count, 1);
  calls_send(&calls.sockets[1], 0);
  scenario_await(&calls.sockets[1].received, 2);
  scenario_end();
  calls_delete();
}

static void accept_and_delete(void) {
  calls__listen();
  calls_delete();
}

static void calls__delete_inside(struct calls_socket* socket,
                                 int event,
                                 const void* buffer) {
  (void)socket, (void)event, (void)buffer;
  RULE("a call cannot end its own thread",
       iocp_callbacks_delete(calls.callbacks) == -IOCP_EBUSY);
}

static void delete_inside(void) {
  calls_begin(1, 1);
  calls.sockets[0].on_call = calls__delete_inside;
  calls_add(&calls.sockets[0]);
  calls_send(&calls.sockets[0], 0);
  scenario_await(&calls.sockets[0].received, 1);
  scenario_end();
  calls_delete();
}

static struct iocp_callbacks* calls__others;

static void calls__delete_others(struct calls_socket* socket,
                                 int event,
                                 const void* buffer) {
  (void)socket, (void)buffer;
  if (event == IOCP_CALLBACK_READ)
    RULE("a call can end other threads",
         iocp_callbacks_delete(calls__others) == 0);
}

/* A call ends threads that are of others, and have just begun. */
static void delete_others(void) {
  calls_connect_all(1);
  calls_new(1);
  calls.sockets[0].on_call = calls__delete_others;
  RULE("threads start", iocp_callbacks_new(2, &calls__others) == 0);
  scenario_begin();
  calls_add(&calls.sockets[0]);
  calls_send(&calls.sockets[0], 0);
  scenario_await(&calls.sockets[0].received, 1);
  scenario_end();
  calls_delete();
}

const struct scenario scenarios_callbacks[] = {
    {"add_and_delete", add_and_delete, 3, 2},
    {"add_twice_and_delete", add_twice_and_delete, 3, 2},
    {"end_and_delete", end_and_delete, 3, 3},
    {"two_adders_one_thread", two_adders_one_thread, 2, 1},
    {"two_adders_two_threads", two_adders_two_threads, 1, 1},
    {"add_in_call", add_in_call, 2, 1},
    {"add_in_last_call", add_in_last_call, 2, 1},
    {"add_and_end", add_and_end, 3, 2},
    {"close_in_call", close_in_call, 2, 2},
    {"add_crosswise", add_crosswise, 1, 1},
    {"close_outside", close_outside, 3, 2},
    {"accept_and_add", accept_and_add, 2, 2},
    {"accept_and_delete", accept_and_delete, 1, 1},
    {"delete_inside", delete_inside, 3, 3},
    {"delete_others", delete_others, 1, 1},
    {NULL, NULL, 0, 0},
};
