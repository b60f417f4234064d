/* SPDX-License-Identifier: MIT */
/* Sockets. */
#ifndef MODEL_SOCK_H
#define MODEL_SOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <winsock2.h>

#include "iocp.h"
#include "list.h"
#include "listening.h"
#include "object.h"
#include "op.h"

struct end;
struct link;
struct pipe_end;
struct port;
struct udp;

enum sock_state {
  SOCK_NEW,
  SOCK_BOUND,
  SOCK_LISTENING,
  SOCK_CONNECTING,
  SOCK_ACCEPTING, /* the target of an AcceptEx() that is posted */
  SOCK_CONNECTED,
  SOCK_FAILED /* could not connect */
};

/* Options by their numbers: TCP_KEEPIDLE, TCP_KEEPCNT, TCP_KEEPINTVL (level
 * IPPROTO_TCP) and SO_REUSE_UNICASTPORT. */
#define SOCK_KEEP_IDLE 3
#define SOCK_MAX_RETRANSMISSION 5
#define SOCK_KEEP_COUNT 16
#define SOCK_KEEP_INTERVAL 17
#define SOCK_REUSE_UNICASTPORT 0x3007
#define SOCK_OPTIONS 32
/* Option numbers of the levels IPPROTO_IP and IPPROTO_IPV6. */
#define SOCK_FAMILY_OPTIONS 80

#define SOCK_LOCAL 1 /* AF_UNIX; see disk.h for its addresses */
/* sizeof(SOCKADDR_UN) of afunix.h */
#define SOCK_LOCAL_NAME 110
#define SOCK_PIPE 2   /* a named pipe, which is no socket; see npfs.h */
#define SOCK_OTHER 34 /* AF_HYPERV: a family that the library does not know */

struct sock {
  struct object object;  /* its first handle */
  struct object* via;    /* the handle of the present call */
  uint32_t handles;      /* all, also those that were passed and not taken */
  struct list_node node; /* in the list of all sockets */
  enum sock_state state;
  uint16_t family; /* 4, 6, or one of those above */
  int type;        /* SOCK_STREAM or SOCK_DGRAM */
  bool is_open;    /* there is a handle, if only in a child process */
  bool is_inheritable;
  bool is_inherited;
  bool is_non_blocking;
  bool is_exclusive;
  bool is_v6_only;
  bool resets; /* linger time 0 */
  bool has_shut;
  bool tries_once;     /* no SYN is repeated */
  bool is_synchronous; /* made without WSA_FLAG_OVERLAPPED */
  bool has_events;     /* WSAEventSelect() */
  bool shares_port;    /* SO_REUSE_UNICASTPORT is set, and it was requested */
  bool asks_to_share;
  bool has_own_port;  /* from a bind to port 0 */
  bool is_exempt;     /* its exclusive bind was refused, so it may share */
  bool has_inherited; /* from its listener, linger time included */
  bool inherited_resets;
  /* SO_UPDATE_..._CONTEXT has not been set yet; most functions fail. */
  bool lacks_context;
  uint8_t modes;
  int32_t options[SOCK_OPTIONS]; /* the values that are stored */
  int32_t family_options[SOCK_FAMILY_OPTIONS];
  /* the values that were requested and not stored */
  int32_t wanted[SOCK_OPTIONS];
  bool has_failed_option;  /* setting one of these has failed */
  bool was_passed;         /* WSADuplicateSocketW() */
  bool has_reported_reset; /* a call has reported it */
  bool has_refused_send;   /* for good: the connection takes no more */
  bool fails_name;         /* the next getsockname() */
  int fails_option;        /* the next getsockopt() of this one */

  struct pipe_end* pipe; /* of a SOCK_PIPE */
  bool has_messages;     /* a program reads messages from it */
  bool cannot_read;      /* it was opened for writing alone */
  bool cannot_be_asked;  /* and without FILE_READ_ATTRIBUTES */
  uint32_t odd_name;     /* see program_odd_name() */
  bool has_failed_cancel;
  struct udp* udp; /* of a datagram socket; see udp.h */
  struct port* port;
  ULONG_PTR key;
  struct iocp_address local;
  struct end* end;
  uint64_t connected_ms;

  struct list_node receives; /* struct op, in posting order */
  struct list_node sends;
  /* Where the rest of a short or failed send begins; or NULL. */
  const uint8_t* rest;
  uint32_t resent; /* retransmitted bytes */
  uint32_t probes; /* bytes of zero-window probes */
  struct list_node accepts;
  struct op* connect;
  struct link* call; /* of the connect */
  struct op* accept; /* the accept whose target it is */
  struct listening listening;
};

/* Whether this version of the system has AF_UNIX. */
bool sock_has_local(void);

void sock_open_all(void);
void sock_close_all(void);

/* A new socket with a handle, or NULL with the last error. */
struct sock* sock_new(uint16_t family, bool is_users);

/* Iterates over all sockets. */
struct sock* sock_next(struct sock* after);

/* How many have an unshared port that they have not connected from. */
uint32_t sock_own_ports(void);

/* A handle of a socket or a pipe, or NULL. */
struct sock* sock_find_file(uintptr_t handle, const char* call);

/* The socket of a handle, or NULL with WSAENOTSOCK. */
struct sock* sock_find(SOCKET handle, const char* call);

/* The same for a call that needs the context of the connection. */
struct sock* sock_find_ready(SOCKET handle, const char* call);

/* One of its operations has ended. */
void sock_op_ended(struct sock* sock);

/* Bytes have arrived at its end, or there is room. */
void sock_moved(struct sock* sock);

/* The socket is connected now, with `end` as its end. */
void sock_attach(struct sock* sock, struct end* end);

/* The result of a connect; the end belongs to a socket or a peer. */
void sock_or_peer_connected(struct end* end);
/* Any number that a provider or a driver may return; 0: none now. */
uint32_t sock_strange_error(bool is_status);

void sock_or_peer_refused(struct end* end, LONG status);

/* Ends a posted operation that was canceled. */
void sock_cancel_now(struct op* op);

/* Closes the handle by which the socket was found last. */
void sock_close(struct sock* sock);

/* There is one handle less. */
void sock_drop_handle(struct sock* sock, uintptr_t handle);

/* The same for CloseHandle(): false if it is not the handle of a pipe. */
bool sock_close_pipe(HANDLE handle);

/* Starts a child process, which inherits handles and keeps them open. */
void sock_start_child(void);

/* A violation if a child process has a handle of the library. */
void sock_check_children(void);

/* Whether an operation that completes at once queues no packet. */
bool sock_skips_packets(const struct sock* sock);

/* One of the statuses of what is in flight when its handle is closed. */
LONG sock_closed_status(void);

/* None is in flight any more. */
void sock_sends_ended(struct sock* sock);

/* A filter driver fails a transfer with an error of its own. */
bool sock_has_unknown_error(void);

/* The error of a call on a connection that was reset. */
DWORD sock_reset_error(void);
LONG sock_reset_status(void);

/* Conversions from and to the system's form. */
bool sock_address_in(const SOCKADDR* name,
                     int length,
                     struct iocp_address* address_out);
int sock_address_out(const struct iocp_address* address,
                     SOCKADDR* name,
                     int room);

/* As a socket of that family sees it: IPv4 over IPv6 is ::ffff:1.2.3.4. */
struct iocp_address sock_address_for(const struct sock* sock,
                                     const struct iocp_address* address);

#endif /* MODEL_SOCK_H */
