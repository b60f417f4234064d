/* SPDX-License-Identifier: MIT */
/* AcceptEx(), and the connection that it accepts. */
#ifndef PROBE_ACCEPTING_H
#define PROBE_ACCEPTING_H

#include "operation.h"

struct accepting {
  SOCKET listener;
  SOCKET target;
  SOCKET caller;
  HANDLE port;
  struct operation* operation;
};

/* Opens the sockets; with a size, the accept will wait for data. */
void accepting_prepare(struct accepting* bed, uint32_t data_size);
void accepting_post(struct accepting* bed);
/* Posts the accept, and connects to it. */
void accepting_finish(struct accepting* bed);
/* All of that, without data. */
void accepting_open(struct accepting* bed);

/* SO_UPDATE_ACCEPT_CONTEXT. Returns 0 or its error. */
DWORD accepting_update(const struct accepting* bed);

#endif /* PROBE_ACCEPTING_H */
