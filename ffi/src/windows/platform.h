/* SPDX-License-Identifier: MIT */
/* Types of Windows that the common code embeds in its own. */
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

/* The size of a struct socket. */
#define ENGINE_SLOT_MAX 672

/* The most packets that one call dequeues. */
#define ENGINE_BATCH 128

enum engine_op_kind {
  ENGINE_RECEIVE,
  ENGINE_SEND,
  ENGINE_CONNECT,
  ENGINE_ACCEPT,
  ENGINE_DATAGRAM,
  ENGINE_PIPE_ACCEPT
};

/* An overlapped operation. The kernel writes to it until its packet is
 * dequeued, so its memory stays until then. */
struct engine_op {
  OVERLAPPED overlapped;
  uint8_t kind; /* enum engine_op_kind */
  bool in_flight;
  /* Of a socket with `relays`; see relay.h. */
  struct port* port;
  HANDLE event;
  HANDLE wait;
};

/* One receive, or a zero-byte one. */
struct engine_receive {
  struct engine_op op;
  struct list_node node; /* in `receives` of the socket, in posting order */
  struct socket* socket;
  DWORD flags;       /* the kernel may write to it during the operation */
  bool is_completed; /* its data was not consumed yet */
  uint32_t size;     /* of the buffer; 0: a zero-byte receive */
  uint32_t length;   /* bytes received */
  uint32_t offset;   /* bytes consumed */
  uint8_t* bytes;
};

/* See path.h. Of a listener. */
struct engine_path {
  void* descriptor; /* of a pipe, for its instances; see pipe_security.h */
  /* Of a unix socket; see unix_file.h. */
  HANDLE lock;
  bool has_file; /* the next three say which one it is */
  DWORD volume;
  DWORD index_high;
  DWORD index_low;
};

/* See file.h. */
struct engine_file {
  HANDLE handle;
};

/* See datagram_receive.h. */
struct engine_datagram {
  struct list_node receives;
  uint32_t receive_count;
};

/* What the kernel holds of a send copy. */
struct engine_send_copy {
  struct engine_op op;
};

/* What the sockets of one address family have in common. */
struct engine_provider {
  LPFN_ACCEPTEX accept_ex;
  LPFN_CONNECTEX connect_ex;
  LPFN_GETACCEPTEXSOCKADDRS get_accept_ex_sockaddrs;
  LPFN_TRANSMITFILE transmit_file; /* NULL: not looked up yet, or missing */
  DWORD native;  /* the error for a function that is missing; 0: none is */
  bool is_known; /* all of this was looked up */
  bool is_ifs;   /* its sockets are file handles of the system */
};

/* Which thread owns the hand-over array. */
enum engine_handover {
  ENGINE_HANDOVER_EMPTY,   /* none */
  ENGINE_HANDOVER_FILLING, /* the thread that waits */
  ENGINE_HANDOVER_FULL     /* the port's own thread */
};

struct engine_port {
  HANDLE handle;
  bool truncates_sends;         /* winsock_truncates_sends() */
  bool limits_transmits;        /* winsock_limits_transmits() */
  bool can_disable_syn_retries; /* winsock_can_disable_syn_retries() */

  /* Packets that a wait has dequeued, for the next poll. */
  atomic_int handover_state; /* enum engine_handover */
  uint32_t handover_count;
  OVERLAPPED_ENTRY handover[ENGINE_BATCH];

  atomic_bool wake_wanted; /* the running wait, or the next one, is to end */
  atomic_bool wake_posted; /* the packet for that is in the queue */

  /* Sockets whose operation could not be posted because memory was short. */
  struct list_node retries;
  uint64_t retry_at_ms;
  atomic_bool has_retries; /* for a wait on another thread */

  struct engine_provider providers[3]; /* IPv4, IPv6, unix */
  OVERLAPPED_ENTRY batch[ENGINE_BATCH];
};

struct engine_socket {
  SOCKET handle; /* of a pipe, its HANDLE; see pipe.h */
  /* A success at once queues no packet. */
  bool skips_packets;
  /* The handle cannot leave another port; see relay.h. */
  bool relays;
  bool copies_sends;   /* nothing is sent from the caller's memory */
  bool is_pipe_server; /* the handle is the server's end */
  /* Seconds, if the system only sets both at once; see keep_alive.h. */
  uint16_t keep_idle;     /* 0: the default of the system */
  uint16_t keep_interval; /* 0: the default of the system */

  struct engine_op out; /* the connect */
  uint32_t sends_in_flight;

  struct list_node receives; /* see receive_list.h */
  uint32_t receive_count;    /* in the list */
  uint32_t receive_bytes;    /* that these may still deliver */
  uint32_t receives_in_flight;
  struct engine_receive zero_byte;
  bool has_ended;     /* after what is in `receives` */
  int32_t end_result; /* 0 or -IOCP_E... */
  int32_t end_native;

  struct list_node retry_node; /* in retries of the port, or in no list */
  bool retries_send;
  bool retries_receive;

  /* Of a listener. */
  struct list_node posted;   /* accepts in flight */
  struct list_node accepted; /* completed ones */
  uint32_t accepted_count;
  uint32_t accepts_posted;
  uint32_t accepts_for_data;     /* posted, and complete only with data */
  uint32_t accepts_without_data; /* of these: connected, without data so far */
  bool is_filling; /* there are more of these than at the last check */
  /* That of listen(), which the system never changes; 0: not known. */
  uint32_t backlog_first;
};

/* See identity.h. A Windows socket has no unique number, but no other open
 * socket has the same two addresses. A listener has no peer. */
struct engine_identity {
  struct iocp_address local;
  struct iocp_address peer;
  bool is_ifs; /* the socket is a file handle of the system */
};

struct engine_thread {
  HANDLE handle;
};

struct monitor {
  SRWLOCK lock;
  CONDITION_VARIABLE condition;
};
#define MONITOR_INIT {SRWLOCK_INIT, CONDITION_VARIABLE_INIT}

#endif /* IOCP_PLATFORM_H */
