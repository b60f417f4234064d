/* SPDX-License-Identifier: MIT */
/*
 * States that take a certain course of events, such as a shortage that begins
 * between two calls: each is a small program with ports of its own, which runs
 * when all faults of the schedule are over, and says what must follow.
 */
#ifndef IOCP_STATES_H
#define IOCP_STATES_H

#include <stdbool.h>
#include <stdint.h>

#include "iocp.h"
#include "world.h"

/* ---- visits */

/* Some schedules visit one of them, in a world with simulated time. */
void states_visit(void);

/* states_accept.c */
void states_visit_accept_pauses(void);
void states_visit_first_byte(void);
void states_visit_watch(void);
void states_visit_deferred(void);
void states_visit_undeferred(void);

/* states_close.c */
void states_visit_linger(void);
void states_visit_stall(void);
void states_visit_cut_detach(void);

/* states_queue.c */
void states_visit_retries(void);
void states_visit_running_wait(void);
void states_visit_full_queue(void);
void states_visit_wakes(void);

/* states_stream.c */
void states_visit_turns(void);
void states_visit_gaps(void);
void states_visit_end(void);

/* states_pipe.c */
void states_visit_pipe(void);
void states_visit_instances(void);

/* states_file.c */
void states_visit_file(void);
void states_visit_left_file(void);

/* states_share.c */
void states_visit_parts(void);
void states_visit_stopped_parts(void);

/* states_datagram.c */
void states_visit_datagram_close(void);
void states_visit_datagrams(void);

/* states_address.c */
void states_visit_listeners(void);
void states_visit_unspecified(void);
void states_visit_names(void);

/* states_number.c */
void states_visit_numbers(void);

/* states_memory.c */
void states_visit_memory(void);

/* ---- what they have in common: a port, and its records */

#define STATES_RECORDS 256

/* Numbers for world_path() that the rest of a schedule does not use. */
enum states_path {
  STATES_PATH_PIPE = 97,
  STATES_PATH_SHORT_PIPE,
  STATES_PATH_LEFT_FILE,
  STATES_PATH_FILE = 101,
  STATES_PATH_DEFERRED = 1000,
  STATES_PATH_NUMBERS,
  STATES_PATH_MEMORY = 2000 /* the first of several */
};

struct states_port {
  int32_t id;
  int32_t timeout_ms; /* of the last header */
  int32_t sockets;    /* the same */
  uint32_t capacity;  /* of the next polls */
  uint32_t slab;
  uint32_t count; /* of records that were not taken */
  struct iocp_record records[STATES_RECORDS];
};

/* False: the system does not have what this needs. */
bool states_open(struct states_port* port);
void states_close(struct states_port* port);

void states_poll(struct states_port* port);

/* Polls once in each millisecond until there is a record of this kind, of any
 * socket if it is -1, and takes it. False: not within the time. */
bool states_await(struct states_port* port,
                  int32_t socket,
                  int32_t kind,
                  uint32_t limit_ms,
                  struct iocp_record* record_out);

/* Whether there is one; takes it. */
bool states_take(struct states_port* port,
                 int32_t socket,
                 int32_t kind,
                 struct iocp_record* record_out);

/* Polls for this long. */
void states_pass(struct states_port* port, uint32_t ms);

/* A listener on loopback that accepts `count` at a time, and its address; or
 * an error. */
int32_t states_listen(struct states_port* port,
                      uint32_t count,
                      struct iocp_address* address_out);

/* A connection to it and its peer; or an error. */
int32_t states_connect(struct states_port* port,
                       int32_t listener,
                       const struct iocp_address* address,
                       struct peer** peer_out);

/* Both in one. The listener stays open. */
int32_t states_pair(struct states_port* port, struct peer** peer_out);

/* The bytes that a peer sends, and those that it gets. */
void states_send(struct peer* peer, uint32_t length);
uint32_t states_receive(struct peer* peer, uint32_t length);

#endif /* IOCP_STATES_H */
