/* SPDX-License-Identifier: MIT */
/* Sockets with callbacks, which check the rules of every call. */
#ifndef EXPLORER_CALLS_H
#define EXPLORER_CALLS_H

#include <stdbool.h>
#include <stdint.h>

#include "iocp_callback.h"
#include "scenario.h"

#define CALLS_SOCKETS 4

/* A socket of the user, and the other end of its connection. */
struct calls_socket {
  double handle;
  struct peer* peer; /* NULL: a listener */
  struct iocp_address address;
  /* In each call, if it is not NULL. */
  void (*on_call)(struct calls_socket* socket, int event, const void* buffer);
  int32_t added; /* the result; -1: none yet */
  bool is_closed;
  bool is_called;
  struct scenario_flag received; /* bytes: 0, 1, 2 ... */
  struct scenario_flag last;     /* the last call */
};

extern struct calls {
  struct iocp_callbacks* callbacks;
  bool is_deleted;
  struct peer_listener* host;
  struct calls_socket sockets[CALLS_SOCKETS];
} calls;

/* Opens a scenario with so many sockets, which are connected. */
void calls_connect_all(uint32_t sockets);
void calls_connect(struct calls_socket* socket);

void calls_new(uint32_t threads);

/* Both; the threads run already when the scenario begins. */
void calls_begin(uint32_t threads, uint32_t sockets);

void calls_add(struct calls_socket* socket);

/* The peer sends two bytes: this one and the next. */
void calls_send(struct calls_socket* socket, char first);

/* The user closes it. */
void calls_close_handle(struct calls_socket* socket);

/* Ends the threads, and the scenario. */
void calls_delete(void);

#endif /* EXPLORER_CALLS_H */
