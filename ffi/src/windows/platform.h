/* SPDX-License-Identifier: MIT */
/* What the common code must know about Windows: sizes and words, no calls. */
#ifndef IOCP_PLATFORM_H
#define IOCP_PLATFORM_H

/* winsock2.h must come before windows.h. */
#include <winsock2.h>
#include <mswsock.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <windows.h>

#include "list.h"

typedef DWORD thread_id;

/* Packets that one call dequeues at most. */
#define ENGINE_BATCH 128

enum engine_op_kind {
  ENGINE_RECEIVE,
  ENGINE_SEND,
  ENGINE_CONNECT,
  ENGINE_ACCEPT
};

/* An overlapped operation. The kernel writes to it until its packet has been
 * dequeued, so it lives in memory that stays until then. */
struct engine_op {
  OVERLAPPED overlapped;
  uint8_t kind; /* enum engine_op_kind */
  bool in_flight;
};

/* What the sockets of one address family have in common. */
struct engine_provider {
  LPFN_ACCEPTEX accept_ex;
  LPFN_CONNECTEX connect_ex;
  LPFN_GETACCEPTEXSOCKADDRS get_accept_ex_sockaddrs;
  bool is_known;
  bool is_ifs; /* its sockets are true file handles */
};

/* Who may touch the hand-over array. */
enum engine_handover {
  ENGINE_HANDOVER_EMPTY,   /* nobody */
  ENGINE_HANDOVER_FILLING, /* the thread that waits */
  ENGINE_HANDOVER_FULL     /* the thread of the port */
};

struct engine_port {
  HANDLE handle;
  bool loses_sends; /* winsock_loses_sends() */

  /* The packets of a wait, for the next poll. */
  atomic_int handover_state; /* enum engine_handover */
  uint32_t handover_count;
  OVERLAPPED_ENTRY handover[ENGINE_BATCH];

  atomic_bool wake_wanted; /* a wait, this or the next, is to end */
  atomic_bool wake_posted; /* a packet that says so is in the queue */

  /* Sockets whose operation could not be posted for want of memory. */
  struct list_node retries;
  uint64_t retry_at_ms;
  atomic_bool has_retries; /* for a wait, on another thread */

  struct engine_provider providers[2]; /* IPv4, IPv6 */
  OVERLAPPED_ENTRY batch[ENGINE_BATCH];
};

enum engine_receive_state {
  ENGINE_RECEIVE_IDLE,
  ENGINE_RECEIVE_POSTED,
  ENGINE_RECEIVE_COMPLETED /* the result waits to be taken */
};

struct engine_socket {
  SOCKET handle;
  /* A success at once leaves no packet. */
  bool skips_packets;

  struct engine_op in;  /* the receive */
  struct engine_op out; /* the connect, and then the sends */

  uint8_t receive_state; /* enum engine_receive_state */
  DWORD receive_flags;   /* the kernel's, as long as the operation */
  uint8_t* buffer;       /* NULL: a receive of no bytes */
  uint32_t buffer_size;
  uint32_t buffer_offset; /* taken so far */
  int32_t receive_result; /* bytes, 0 for the end, or -IOCP_E... */
  int32_t receive_native;

  struct list_node retry_node; /* in retries of the port, or in no list */
  bool retries_send;
  bool retries_receive;

  /* Of a listener. */
  struct list_node accepted; /* completed, not yet taken */
  uint32_t accepted_count;
  uint32_t accepts_posted;
};

#endif /* IOCP_PLATFORM_H */
