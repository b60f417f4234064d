/* SPDX-License-Identifier: MIT */
/*
 * What the caller knows of its ports and sockets, from results and records
 * alone; each call and each record is held against it.
 */
#ifndef FUZZ_MODEL_H
#define FUZZ_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "iocp.h"

#define MODEL_PORTS 4
#define MODEL_SOCKETS 256
#define MODEL_STALE 16
/* Handles of the caller's own: what raw peers are, and what was detached. */
#define MODEL_HANDLES 16

struct model_port {
  int32_t name;   /* -1: it is not there */
  bool is_others; /* the other thread has made it */
  bool may_defer; /* there may be connections that were not told yet */
  uint32_t realm;
  uint32_t groups; /* a bit for each number that is open */
  uint32_t socket_count;
  uint32_t polls;
  uint32_t records;
};

struct model_socket {
  struct model_port* port; /* NULL: it is not there */
  int32_t name;
  bool is_listener;
  bool has_failed; /* it never was connected */
  bool connect_pending;
  bool read_pending;
  bool shut_pending;
  bool is_shut;
  bool has_ended; /* its terminal receive was told, or its end was read */
  bool is_closing;
  bool is_detaching;
  bool was_reset;     /* after it had begun to close */
  bool may_be_silent; /* and be closed by the library for it */
  uint32_t sends;
  uint64_t credit;
  struct iocp_address address; /* of a listener */
};

void model_begin(void);

/* ---- names; a hostile one may be anything, also right by chance */

int32_t model_draw_port(uint8_t choice);
int32_t model_draw_socket(int32_t port, uint8_t choice);

/* NULL when it was never given, or is void. */
struct model_port* model_port(int32_t name);
struct model_socket* model_socket(int32_t port, int32_t name);

/* The error that the names alone make of a call, or 0. */
int32_t model_refuses_port(int32_t port);
int32_t model_refuses(int32_t port, int32_t socket);

/* Set while the other thread makes the calls. */
void model_set_other(bool is_other);

/* ---- what happened; each checks that it could */

/* Returns NULL when there is no room for one more. */
struct model_port* model_add_port(int32_t name);
void model_void_port(struct model_port* port);
/* A port of this realm is made: those of others that the thread has are void.
 */
void model_begin_realm(uint32_t realm);
/* The sockets of a group that is open still; they are about to be void. */
uint32_t model_count_group(const struct model_port* port, uint32_t group);
void model_void_group(struct model_port* port, uint32_t group);
bool model_has_room(void);
struct model_socket* model_add_socket(struct model_port* port, int32_t name);
void model_void_socket(struct model_socket* socket);

/* The state of a socket in a few bits; of none, NULL, too. */
uint32_t model_state(const struct model_socket* socket);

/* Takes in all that a poll has delivered. `offset` and `length` are its own. */
void model_take(struct model_port* port,
                const void* events,
                int32_t count,
                uint32_t offset,
                uint32_t length);

/* The address of one of the listeners; false when there is none. */
bool model_draw_listener(uint8_t choice, struct iocp_address* address_out);

/* ---- handles of the caller's own */

/* Keeps it, or closes it when there are too many. */
void model_keep_handle(int fd);
/* -1 when there is none. It stays kept. */
int model_draw_handle(uint8_t choice);
/* It is somebody else's now, or closed. */
void model_drop_handle(int fd);
void model_close_handles(void);

/* ---- results */

/* Holds a result against the only one that may be (`forced` < 0) or else
 * against those that any call may have whose names are right. */
void model_check(int32_t result, int32_t forced);

/* True for an error that the network may give a connection at any time. */
bool model_is_broken(int32_t result);

#endif /* FUZZ_MODEL_H */
