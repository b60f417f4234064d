/* SPDX-License-Identifier: MIT */
/*
 * A socket slot, and the table of slots of one port.
 *
 * Slots live in chunks that stay mapped until the port is deleted. The id of a
 * slot is its index and a generation, which changes with every use. Free slots
 * wait in a queue of at least SOCKETS_IDLE, so a slot is reused only after that
 * many others, and an id only after 4,096 reuses of its slot.
 */
#ifndef IOCP_SOCKET_H
#define IOCP_SOCKET_H

#include <stdbool.h>
#include <stddef.h>

#include "borrow.h"
#include "iocp.h"
#include "list.h"
#include "platform.h"

struct datagram;
struct path;
struct port;
struct share_link;

#define SOCKET_INDEX_BITS 19
#define SOCKET_GENERATION_BITS 12
#define SOCKETS_MAX (1 << SOCKET_INDEX_BITS)
#define SOCKET_CHUNK 256
/* A port without more free slots than this grows before it takes one. So a slot
 * is reused after this many others, or once after fewer than SOCKET_CHUNK, when
 * it was freed before the port had grown. */
#define SOCKETS_IDLE 512

/* The buffer that an idle connection holds by default. It is short: when a
 * receive fills it, the rest is received without a copy. */
#define SOCKET_RECEIVE_BUFFER 1024

enum socket_state {
  SOCKET_FREE,
  SOCKET_LISTENING,
  SOCKET_CONNECTING,
  SOCKET_DEFERRED, /* accepted; reported once its peer has sent something */
  SOCKET_STREAM,   /* connected, or failed to connect */
  SOCKET_DATAGRAM, /* bound, see datagram.h */
  SOCKET_CLOSING
};

/* What the next poll does for the socket, a set of bits. */
enum socket_ready {
  READY_ACCEPT = 1,            /* accept: connections may be waiting */
  READY_CONNECTED = 2,         /* report connect_result */
  READY_RECEIVE = 4,           /* receive: data, the end or an error */
  READY_SENT = 8,              /* report the finished send copies */
  READY_SHUT = 16,             /* report shut_result */
  READY_ACCEPT_FAILED = 32,    /* report accept_result */
  READY_CLOSE = 64,            /* do the next step of the close */
  READY_CLOSED = 128,          /* report close_result and free the slot */
  READY_RECEIVE_CANCELED = 256 /* report the pending receive as canceled */
};

enum close_phase {
  CLOSE_DRAINING = 1, /* send copies are still unsent */
  CLOSE_LINGERING,    /* FIN is sent; waiting for the peer's */
  CLOSE_REAPING,      /* canceled; waiting for the operations in flight */
  CLOSE_DELIVERING,   /* a detach: delivering what operations received */
  CLOSE_DETACHED,     /* IOCP_CLOSED will return the handle */
  CLOSE_DONE          /* the handle is closed */
};

struct socket {
  struct list_node ready_node; /* in port.ready while ready != 0 */
  struct list_node timer_node; /* in a slot of port.timers while armed */
  struct port* port;
  uint64_t deadline_ms;
  int32_t id;
  uint8_t state;  /* enum socket_state */
  uint8_t family; /* IOCP_UNIX ... IOCP_IPV6 */
  uint16_t ready; /* enum socket_ready */

  /* State of a stream. */
  bool is_listener : 1;
  bool is_borrowed : 1;       /* the caller owns the handle, see borrow.h */
  bool receive_ended : 1;     /* the terminal receive completion is queued */
  bool read_armed : 1;        /* iocp_read() is owed an IOCP_READABLE */
  bool shut_wanted : 1;       /* iocp_shutdown() waits for the send copies */
  bool fin_sent : 1;          /* the sending direction is closed */
  bool end_seen : 1;          /* the peer's FIN has arrived */
  bool send_was_partial : 1;  /* the last iocp_send() accepted only a part */
  bool awaits_first_byte : 1; /* the timer is that of first_byte.h */
  bool posted_only
      : 1; /* deliver what operations received; start no new receive */
  bool progress_known : 1; /* `acknowledged` has a value */
  bool local_known : 1;    /* `local` has a value */
  bool hands_out : 1;      /* accepted sockets go to a share, on no port */
  bool is_part : 1;        /* a listener without a handle, see share.h */

  bool is_datagram : 1; /* `datagram` has the rest of its state */

  /* State of a close. */
  bool closed_itself
      : 1; /* without iocp_close(), for the reason in close_result */
  bool close_reset : 1;   /* RST instead of FIN */
  bool close_detach : 1;  /* return the handle instead of closing it */
  bool is_unreported : 1; /* no record has the id, and none will */
  uint8_t close_phase;    /* enum close_phase */
  int32_t close_result;
  uint32_t close_timeout_ms;

  /* Results to report. */
  int32_t connect_result;
  int32_t cancel_result;
  int32_t shut_result;
  int32_t accept_result;
  int32_t detail; /* the system's error number of the latest failure */

  /* The first fatal error of the stream. Linux reports an error only once. */
  int32_t error;
  int32_t error_native;

  union {
    /* The peer when the connection was made, because the system forgets it when
     * the connection is reset. Family 0: not known yet. */
    struct iocp_address peer;
    /* Of a local socket, or NULL; see path.h. */
    struct path* path;
  };

  uint32_t credit; /* bytes that may still be received */

  /* Options, inherited from the listener. */
  uint32_t receive_buffer; /* size of a posted receive; 0: zero-byte */
  uint16_t receive_depth;
  uint16_t send_concurrency;
  uint32_t first_byte_timeout_ms; /* of a listener; 0: no limit */

  uint16_t group; /* see group.h; inherited too; 0: none */

  union {
    struct { /* Of a listener. */
      bool defers_accept;
      bool sets_no_delay; /* on each accepted connection */
      bool is_stopped;    /* no accept is posted any more */
      uint32_t backlog;
      uint32_t accept_target;
      uint32_t accept_backoff_ms; /* 0: no failure since the last success */
      uint64_t accept_retry_ms;   /* when to retry; 0: no retry is due */
    };
    struct {                   /* Of a stream. */
      uint64_t acknowledged;   /* bytes, when progress was last made */
      uint64_t close_until_ms; /* deadline of a close without progress */
    };
  };
  uint32_t deferred_count;
  union {
    struct {
      /* Of a listener, the list; of a SOCKET_DEFERRED, its node in it. */
      struct list_node deferred;
      int32_t listener_id; /* of an accepted connection */
    };
    struct iocp_address local; /* of a connection made by iocp_connect() */
    struct datagram* datagram; /* of a datagram socket */
  };

  struct list_node send_copies; /* struct send_copy, oldest first */
  uint32_t send_copy_count;
  uint32_t send_copy_bytes; /* of the unfinished ones */

  struct {
    uint64_t bytes_received;
    uint64_t bytes_sent;
    uint64_t accepted;
    uint64_t accept_failures;
    uint64_t first_byte_timeouts;
  } stats;

  union {
    struct borrow borrow;     /* while is_borrowed */
    struct share_link* share; /* of a listener; see share.h; or NULL */
  };
  struct engine_socket engine;
};

/* An idle connection costs this much, so it is to be known when it grows. */
_Static_assert(sizeof(struct socket) <= ENGINE_SLOT_MAX, "the slot has grown");

struct socket_table {
  struct socket* chunks[SOCKETS_MAX / SOCKET_CHUNK];
  struct list_node free; /* through ready_node */
  uint32_t free_count;
  uint32_t slot_count;
  uint32_t open_count;
};

/* Returns a slot with zeroed engine fields, or NULL when out of memory. */
struct socket* socket_new(struct port* port, enum socket_state state);

/* Frees the slot and makes its id stale. The handle is closed already. */
void socket_free(struct socket* socket);

/* The socket with that id, or NULL. */
struct socket* socket_find(struct port* port, int32_t id);

/* The same for a call of the API: NULL as well while the socket has not been
 * reported to the caller. */
struct socket* socket_find_reported(struct port* port, int32_t id);

/* Slot number `index`, in use or not, or NULL past the last one. */
struct socket* socket_at(struct port* port, uint32_t index);

/* True if the addresses of the socket are names (path.h). */
static inline bool socket_is_local(const struct socket* socket) {
  return socket->family == IOCP_UNIX || socket->family == IOCP_PIPE;
}

/* Queues the socket, so that the next poll handles `reasons`. */
void socket_ready(struct socket* socket, unsigned reasons);

/* Copies the inherited options from the listener. */
void socket_inherit(struct socket* socket, const struct socket* listener);

/* Removes a SOCKET_DEFERRED from its listener's list. The listener then has
 * room for another one. */
void socket_undefer(struct socket* socket);

/* Counts bytes for the socket and its port. */
void socket_count_received(struct socket* socket, uint32_t bytes);
void socket_count_sent(struct socket* socket, uint32_t bytes);

/* Records the first fatal error of a stream, and returns it. */
int32_t socket_fail(struct socket* socket, int32_t error, int32_t native);

void socket_table_open(struct socket_table* table);
void socket_table_close(struct socket_table* table);

/* The detail of a record with this result. What a close has canceled has no
 * number of the system, whatever has failed before. */
int32_t socket_detail(const struct socket* socket, int32_t result);

#endif /* IOCP_SOCKET_H */
