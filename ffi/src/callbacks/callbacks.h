/* SPDX-License-Identifier: MIT */
/*
 * The callback API: completion threads, each with a port of its own, and the
 * sockets distributed among them.
 *
 *   any thread           inbox            completion thread
 *   add_socket() --> [ a | b | c ] --> adopt; wait, poll, call back, again
 *
 * The thread that adds a socket checks and claims it, so that errors are
 * returned at once; the completion thread that will serve it adopts it. No
 * thread waits for another one, so callbacks on two threads may add sockets to
 * each other. The monitor is locked when a socket is added and removed, never
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

/* A socket from the call that adds it until its last callback. */
struct callback_socket {
  struct list_node node; /* in the inbox, or in `sockets` of the thread */
  struct list_node bucket_node; /* in a bucket of iocp_callbacks */
  struct callback_thread* thread;
  iocp_callback* callback;
  void* user_state;
  int32_t id; /* on the port of the thread; -1: not adopted yet */
  uint32_t credit;
  bool is_listener;
  struct borrow borrow; /* as it was claimed */
};

struct callback_thread {
  struct iocp_callbacks* callbacks;
  struct thread thread;
  int32_t port_id; /* or the error of iocp_new() */
  struct port* port;
  struct list_node inbox; /* in the monitor */
  uint32_t socket_count;  /* in the monitor; with those in the inbox */
  bool is_started;        /* in the monitor */
  atomic_bool inbox_hint; /* the inbox may not be empty, or a delete is due */
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
  bool is_ending;                              /* in the monitor */
  struct list_node buckets[CALLBACKS_BUCKETS]; /* see callback_table.h */
  struct callback_thread* threads[IOCP_CALLBACKS_THREADS_MAX];
};

#endif /* IOCP_CALLBACKS_H */
