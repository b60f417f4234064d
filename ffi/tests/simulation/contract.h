/* SPDX-License-Identifier: MIT */
/*
 * What each call must return, from the documentation of the functions alone
 * (iocp.h and the headers that it includes): a plain model of the ports and
 * sockets that calls and records have made, and for each call the reasons to
 * refuse it.
 *
 * A call for which there are such reasons returns one of them: the headers do
 * not say which when there are several. Then the system has no number for the
 * error (iocp_native_error()), and nothing else has changed. Any other failure
 * is the system's, and comes with its number, unless it is one of a few errors
 * that depend on what the model does not know.
 *
 * It is for the thread of the schedule.
 */
#ifndef IOCP_CONTRACT_H
#define IOCP_CONTRACT_H

#include <stdbool.h>
#include <stdint.h>

#include "iocp.h"

#define CONTRACT_PORTS 64
#define CONTRACT_SOCKETS 2048
#define CONTRACT_GROUPS 32
#define CONTRACT_FILES 64
#define CONTRACT_ERRORS 16
#define CONTRACT_OUTPUT_MAX 256
#define CONTRACT_SHARES 64
/* Stale ids that are remembered. */
#define CONTRACT_STALE 16
#define CONTRACT_CREDIT_MAX (1u << 30)
/* The kind of local socket of a handle that the program has made. */
#define CONTRACT_UNKNOWN 0xffff

enum contract_kind {
  CONTRACT_LISTENER,
  CONTRACT_CONNECTING,
  CONTRACT_STREAM,
  CONTRACT_DATAGRAM
};

struct contract_socket {
  int32_t port; /* id */
  int32_t id;
  enum contract_kind kind;
  uint16_t local;  /* IOCP_UNIX, IOCP_PIPE, 0 (IP) or CONTRACT_UNKNOWN */
  uint16_t family; /* of a datagram socket */
  bool is_closing;
  bool is_failed;  /* its connect has failed */
  bool knows_peer; /* its address, without the system */
  bool knows_local;
  bool may_expire; /* it may be reset by IOCP_FIRST_BYTE_TIMEOUT */
  bool is_shut;
  bool is_ended; /* the terminal receive was reported */
  bool is_read_armed;
  uint32_t credit;
  uint32_t sends; /* that are pending */
  uint32_t concurrency;
  /* Of a listener. */
  bool is_part;
  bool hands_out;
  bool is_stopped;
  bool defers;
  bool has_first_byte;
  bool had_first_byte; /* at some time */
};

struct contract_port {
  int32_t id;
  uint32_t realm;
  int32_t groups[CONTRACT_GROUPS]; /* that are open, or 0 */
  bool has_more_groups;            /* than there is room for */
  int32_t files[CONTRACT_FILES];   /* that are open */
  uint32_t file_count;
  bool has_more_files;
};

struct contract_call {
  const char* name;
  int32_t port_id;
  struct contract_port* port;     /* NULL: it is not open */
  struct contract_socket* socket; /* NULL: none */
  int32_t refusals[CONTRACT_ERRORS];
  uint32_t refusal_count;
  int32_t others[CONTRACT_ERRORS];
  uint32_t other_count;
  /* The error of a connection that has failed comes first. */
  bool may_be_broken;
  bool may_have_number; /* the system may have refused it first */
  /* What must not change. */
  struct iocp_stats stats;
  struct iocp_socket_stats socket_stats;
  bool has_stats;
  bool has_socket_stats;
  const void* output;
  uint32_t output_size;
  uint8_t output_copy[CONTRACT_OUTPUT_MAX];
};

/* Forgets all ports and sockets. */
void contract_open(void);

/* While it is set, a call is made only if there is a reason to refuse it; the
 * others return 0. */
extern bool contract_only_refusals;
extern uint64_t contract_refused; /* calls so far */

/* ---- a call: what is wrong with it, then whether it is made, then its result
 */

void contract_begin(struct contract_call* call, const char* name, int32_t port);

/* Reasons to refuse it. */
void contract_refuse(struct contract_call* call, int32_t error);
void contract_refuse_if(struct contract_call* call, bool is_wrong, int error);

/* Another error that is the library's. */
void contract_may(struct contract_call* call, int32_t error);

/* The socket of the call, or NULL. */
struct contract_socket* contract_find(struct contract_call* call, int32_t id);
/* One that is not closing, */
struct contract_socket* contract_find_open(struct contract_call* call,
                                           int32_t id);
/* and is a connected stream, */
struct contract_socket* contract_find_stream(struct contract_call* call,
                                             int32_t id);
/* a listener, or a datagram socket. */
struct contract_socket* contract_find_listener(struct contract_call* call,
                                               int32_t id);
struct contract_socket* contract_find_datagram(struct contract_call* call,
                                               int32_t id);

/* Memory that a refused call must not write to. */
void contract_output(struct contract_call* call,
                     const void* memory,
                     uint32_t size);

/* False: it is not made, and its result is 0. */
bool contract_goes(struct contract_call* call);

/* Checks the result, and returns it. */
int32_t contract_end(struct contract_call* call, int32_t result);

/* The same for functions that return 0, or an id that is new. */
int32_t contract_end_zero(struct contract_call* call, int32_t result);

bool contract_is_refused(const struct contract_call* call);

/* ---- what calls and records have made */

struct contract_socket* contract_add(int32_t port,
                                     int32_t id,
                                     enum contract_kind kind,
                                     uint16_t local);
void contract_remove(struct contract_socket* socket);
struct contract_port* contract_port(int32_t id);
void contract_add_port(int32_t id, uint32_t realm);
void contract_remove_port(int32_t id);
void contract_record(int32_t port, const struct iocp_record* record);

/* iocp_share() has returned this one; it may be over by now. */
void contract_add_share(int32_t id);
bool contract_had_share(int32_t id);

/* ---- any of them, or NULL; those that are left move up when one is removed */

uint32_t contract_port_count(void);
uint32_t contract_socket_count(void);
const struct contract_port* contract_port_at(uint32_t number);
struct contract_socket* contract_socket_at(uint32_t number);
int32_t contract_stale_port(uint32_t number);
int32_t contract_stale_socket(uint32_t number);

#endif /* IOCP_CONTRACT_H */
