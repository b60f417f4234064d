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

#include "iocp.h"
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
  /* Of a socket that relays; see relay.h. */
  struct port* port;
  HANDLE event;
  HANDLE wait;
};

/* One receive, or a zero-byte one. */
struct engine_receive {
  struct engine_op op;
  struct list_node node; /* in `receives` of the socket, in posting order */
  struct socket* socket;
  DWORD flags;       /* the kernel's, as long as the operation */
  bool is_completed; /* its bytes wait to be taken */
  uint32_t size;     /* of the buffer; 0: a zero-byte receive */
  uint32_t length;   /* what was received */
  uint32_t offset;   /* what was taken of it */
  uint8_t* bytes;
};

/* What the kernel holds of a struct kept. */
struct engine_kept {
  struct engine_op op;
};

/* What the sockets of one address family have in common. */
struct engine_provider {
  LPFN_ACCEPTEX accept_ex;
  LPFN_CONNECTEX connect_ex;
  LPFN_GETACCEPTEXSOCKADDRS get_accept_ex_sockaddrs;
  DWORD native;  /* why a function is missing; 0: none is */
  bool is_known; /* all of it was asked, with success */
  bool is_ifs;   /* its sockets are true file handles */
};

/* Who may touch the hand-over array. */
enum engine_handover {
  ENGINE_HANDOVER_EMPTY,   /* nobody */
  ENGINE_HANDOVER_FILLING, /* the thread that waits */
  ENGINE_HANDOVER_FULL     /* the thread of the port */
};

struct engine_port {
  HANDLE handle;
  bool loses_sends;  /* winsock_loses_sends() */
  bool may_try_once; /* winsock_may_try_once() */

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

struct engine_socket {
  SOCKET handle;
  /* A success at once leaves no packet. */
  bool skips_packets;
  /* Its handle is tied to another port for ever; see relay.h. */
  bool relays;
  /* Seconds, where the system only takes both at once; see keep_alive.h. */
  uint16_t keep_idle;     /* 0: the system's */
  uint16_t keep_interval; /* 0: the system's */

  struct engine_op out; /* the connect */
  uint32_t sends_in_flight;

  struct list_node receives; /* posted and completed ones, in posting order */
  uint32_t receive_count;    /* how many these are */
  uint32_t receive_bytes;    /* what they may still deliver */
  uint32_t receives_in_flight;
  struct engine_receive
      empty;          /* the zero-byte receive, which needs no memory */
  bool has_ended;     /* behind what is in `receives` */
  int32_t end_result; /* 0 or -IOCP_E... */
  int32_t end_native;

  struct list_node retry_node; /* in retries of the port, or in no list */
  bool retries_send;
  bool retries_receive;

  /* Of a listener. */
  struct list_node posted;   /* accepts in the kernel's hands */
  struct list_node accepted; /* completed, not yet taken */
  uint32_t accepted_count;
  uint32_t accepts_posted;
  uint32_t accepts_for_data; /* posted, and complete with data only */
  uint32_t accepts_silent;   /* of these: connected, without a word so far */
  bool is_filling;           /* there are more of these than the last time */
  uint32_t backlog_first;    /* which the system never changes */
};

/* A socket has no number of its own, but no other one has both its addresses. A
 * listener has no peer. */
struct engine_identity {
  struct iocp_address local;
  struct iocp_address peer;
  bool is_ifs; /* a true file handle */
};

struct engine_thread {
  HANDLE handle;
};

struct monitor {
  SRWLOCK lock;
  CONDITION_VARIABLE condition;
};

#endif /* IOCP_PLATFORM_H */
