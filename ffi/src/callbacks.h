/* SPDX-License-Identifier: MIT */
/*
 * The callback API: completion threads, each with a port of its own, and the
 * sockets dealt out among them.
 *
 *   any thread           inbox            completion thread
 *   add_socket() --> [ a | b | c ] --> adopt; wait, poll, call back, again
 *
 * What is added is checked and claimed by the thread that adds it, so that its
 * mistakes are told at once, and adopted by the thread that will serve it. No
 * thread ever waits for another one, so callbacks of two threads may add to
 * each other. The monitor is entered to add a socket and when one leaves, never
 * for data.
 */
#ifndef IOCP_CALLBACKS_H
#define IOCP_CALLBACKS_H

#include <stdatomic.h>

#include "iocp_callback.h"
#include "port.h"
#include "thread.h"

#define CALLBACKS_BUCKETS 1024
/* Records and bytes of one poll. */
#define CALLBACKS_RECORDS 256
#define CALLBACKS_SLAB IOCP_RECEIVE_MAX

/* A socket from the call that adds it to its last call. */
struct callback_socket {
  struct list_node node; /* in the inbox, or in `sockets` of the thread */
  struct list_node bucket_node; /* in a bucket of iocp_callbacks */
  struct callback_thread* thread;
  iocp_callback* callback;
  void* user_state;
  int32_t name; /* in the port of the thread; -1: not adopted yet */
  uint32_t credit;
  bool is_listener;
  struct borrow borrow; /* as it was claimed */
};

struct callback_thread {
  struct iocp_callbacks* callbacks;
  struct thread thread;
  int32_t name; /* of its port, or the error that kept it from being made */
  struct port* port;
  struct list_node inbox; /* in the monitor */
  uint32_t socket_count;  /* in the monitor; the inbox counts */
  bool is_started;        /* in the monitor */
  atomic_bool inbox_hint; /* the inbox may not be empty, or the end is near */
  struct list_node sockets;
  uint64_t sweep_at_ms;
  _Atomic(thread_id) id;
  struct {
    struct iocp_header header;
    struct iocp_record records[CALLBACKS_RECORDS];
  } events;
  _Alignas(8) uint8_t slab[CALLBACKS_SLAB];
};

struct iocp_callbacks {
  struct monitor monitor;
  uint32_t thread_count;
  bool is_ending; /* in the monitor */
  /* Sockets by handle, in the monitor: each leaves before its last call. Those
   * with the same handle, of which only the newest is not closed, are all of
   * one thread, so that the last call of an older one comes first. */
  struct list_node buckets[CALLBACKS_BUCKETS];
  struct callback_thread* threads[IOCP_CALLBACKS_THREADS_MAX];
};

/* Runs a completion thread; `argument` is a struct callback_thread. */
thread_main callback_thread_main;

/* The oldest socket with that handle, or NULL. In the monitor. */
struct callback_socket* callbacks_find(struct iocp_callbacks* callbacks,
                                       iocp_os_socket handle);

/* Takes it out of everything; its owner frees it. Outside the monitor. */
void callbacks_remove(struct callback_socket* socket);

#endif /* IOCP_CALLBACKS_H */
