/* SPDX-License-Identifier: MIT */
/*
 * What the caller knows of its ports and sockets from results and records
 * alone. Each call and each record is compared with it.
 */
#ifndef FUZZ_MODEL_H
#define FUZZ_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "iocp.h"

#define MODEL_PORTS 4
#define MODEL_SOCKETS 256
#define MODEL_STALE 16
/* Handles of the caller: raw peers, and detached sockets. */
#define MODEL_HANDLES 16

struct model_port {
  int32_t id;     /* -1: no port */
  bool is_others; /* made by the other thread */
  bool may_defer; /* there may be connections that were not reported yet */
  uint32_t realm;
  uint32_t groups; /* a bit for each open group */
  uint32_t socket_count;
  uint32_t polls;
  uint32_t records;
};

struct model_socket {
  struct model_port* port; /* NULL: no socket */
  int32_t id;
  bool is_listener;
  bool has_failed; /* its connect has failed */
  bool connect_pending;
  bool read_pending;
  bool shut_pending;
  bool is_shut;
  bool has_ended; /* its terminal receive was reported, or its end was read */
  bool is_closing;
  bool is_detaching;
  bool was_reset;    /* after its close had begun */
  bool may_time_out; /* and the library may close it on a timeout */
  uint32_t sends;
  uint64_t credit;
  bool is_local; /* a unix socket */
  bool is_stopped;
  bool is_part;   /* of a share: its end may not be reported yet */
  bool hands_out; /* a listener of a share */
  bool is_datagram;
  uint32_t name;               /* of a local listener, from 1 on */
  struct iocp_address address; /* of another listener, or of UDP */
};

void model_begin(void);

/* ---- ids; a wrong one may be anything, also right by chance */

int32_t model_draw_port(uint8_t choice);
int32_t model_draw_socket(int32_t port, uint8_t choice);

/* NULL for an id that never existed, or is invalid by now. */
struct model_port* model_port(int32_t id);
struct model_socket* model_socket(int32_t port, int32_t id);

/* The library may have ended a part, and no record has reported that yet. */
static inline bool model_is_ended_part(const struct model_socket* socket,
                                       int32_t result) {
  return socket != 0 && socket->is_part && result == -IOCP_EBADF;
}

/* The error of a call with these ids, or 0. */
int32_t model_refuses_port(int32_t port);
int32_t model_refuses(int32_t port, int32_t socket);

/* Set while the other thread makes the calls. */
void model_set_other(bool is_other);

/* ---- results of calls; each is checked against the state */

/* Returns NULL if there is no room for another one. */
struct model_port* model_add_port(int32_t id);
void model_void_port(struct model_port* port);
/* A port of this realm is made: ports of other realms on this thread are
 * deleted. */
void model_begin_realm(uint32_t realm);
/* The number of sockets in an open group, which is about to be closed. */
uint32_t model_count_group(const struct model_port* port, uint32_t group);
void model_void_group(struct model_port* port, uint32_t group);
bool model_has_room(void);
struct model_socket* model_add_socket(struct model_port* port, int32_t id);
void model_void_socket(struct model_socket* socket);

/* The state of a socket in a few bits; for NULL too. */
uint32_t model_state(const struct model_socket* socket);

/* Applies all records of a poll. `offset` and `length` are those of the
 * poll. */
void model_apply_records(struct model_port* port,
                         const void* events,
                         int32_t count,
                         const uint8_t* slab,
                         uint32_t offset,
                         uint32_t length);

/* The address of one of the listeners; false if there is none. */
bool model_draw_listener(uint8_t choice, struct iocp_address* address_out);

/* The same for the UDP sockets. */
bool model_draw_datagram(uint8_t choice, struct iocp_address* address_out);

/* Whether a listener has a name (calls_local.c); the name of one of them, or
 * `other` if there is none. */
bool model_has_name(uint32_t number);
uint32_t model_draw_name(uint8_t choice, uint32_t other);

/* ---- handles of the caller */

/* Adds a handle, or closes it if there are too many. */
void model_add_handle(int fd);
/* A handle, which stays in the model; -1 if there is none. */
int model_draw_handle(uint8_t choice);
/* Removes a handle that was adopted or closed. */
void model_drop_handle(int fd);
void model_close_handles(void);

/* ---- results */

/* Checks a result: it must be `forced` if that is < 0, and otherwise one that a
 * call with valid ids may return. */
void model_check(int32_t result, int32_t forced);

/* True for an error that a connection may have at any time. */
bool model_is_broken(int32_t result);

#endif /* FUZZ_MODEL_H */
