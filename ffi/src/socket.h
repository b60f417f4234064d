/* SPDX-License-Identifier: MIT */
/*
 * A socket slot, and the table of slots of one port.
 *
 * Slots live in chunks that are mapped until the port is gone. A slot's name
 * holds its index and a generation that changes with every use; free slots wait
 * in a queue, so that a name comes back only after SOCKETS_IDLE others have
 * had 4,096 generations each.
 */
#ifndef IOCP_SOCKET_H
#define IOCP_SOCKET_H

#include <stdbool.h>
#include <stddef.h>

#include "borrow.h"
#include "iocp.h"
#include "list.h"
#include "platform.h"

struct port;

#define SOCKET_INDEX_BITS 19
#define SOCKET_GENERATION_BITS 12
#define SOCKETS_MAX (1 << SOCKET_INDEX_BITS)
#define SOCKET_CHUNK 256
/* Free slots that are kept waiting before one is used again. */
#define SOCKETS_IDLE 512

/* What an idle connection holds by default: short, and what fills it has more
 * behind it, which is taken without a copy. */
#define SOCKET_RECEIVE_BUFFER 1024

enum socket_state {
  SOCKET_FREE,
  SOCKET_LISTENING,
  SOCKET_CONNECTING,
  SOCKET_DEFERRED, /* accepted, and not told before its peer says something */
  SOCKET_STREAM,   /* connected, or failed to connect */
  SOCKET_CLOSING
};

/* What waits to be done or told when the port is next polled. */
enum socket_ready {
  READY_ACCEPT = 1,         /* a listener may have connections */
  READY_CONNECTED = 2,      /* connect_result is to be told */
  READY_RECEIVE = 4,        /* the stream may have data, its end or an error */
  READY_SENT = 8,           /* the oldest copy that was kept is done */
  READY_SHUT = 16,          /* shut_result is to be told */
  READY_ACCEPT_FAILED = 32, /* accept_result is to be told */
  READY_CLOSE = 64,         /* the close may be able to take its next step */
  READY_CLOSED = 128,       /* close_result is to be told, and the slot freed */
  READY_RECEIVE_CANCELED = 256 /* a receive was pending when it was closed */
};

enum close_phase {
  CLOSE_DRAINING = 1, /* kept bytes are still to leave */
  CLOSE_LINGERING,    /* FIN is out, the peer's is awaited */
  CLOSE_REAPING,      /* the kernel was told to let go of what is in flight */
  CLOSE_HANDING,      /* a detach: what operations have received is told */
  CLOSE_HANDED,       /* the handle goes back with IOCP_CLOSED */
  CLOSE_DONE          /* the handle is closed */
};

struct socket {
  struct list_node ready_node; /* in port.ready while ready != 0 */
  struct list_node timer_node; /* in a slot of port.timers while armed */
  struct port* port;
  uint64_t deadline_ms;
  int32_t name;
  uint8_t state;  /* enum socket_state */
  uint8_t family; /* 4 or 6 */
  uint16_t ready; /* enum socket_ready */

  /* Facts of a stream. */
  bool is_listener : 1;
  bool is_borrowed : 1;   /* the handle is the user's, see borrow.h */
  bool receive_ended : 1; /* the terminal completion was queued or told */
  bool read_armed : 1;    /* iocp_read() waits for IOCP_READABLE */
  bool shut_wanted : 1;   /* iocp_shutdown() waits for the sends */
  bool fin_sent : 1;      /* the sending direction is closed */
  bool end_seen : 1;      /* the peer's FIN has come */
  bool is_cut : 1;        /* the last send was not taken whole */
  bool awaits_byte : 1;   /* the timer runs until the peer says something */
  bool posted_only
      : 1; /* only operations receive: nothing is taken past them */
  bool progress_known : 1; /* `acknowledged` has been asked for */
  bool local_known : 1;    /* `local` is set */

  /* Facts of a close. */
  bool close_reset : 1;  /* RST instead of FIN */
  bool close_detach : 1; /* the handle goes back to the user */
  bool is_untold : 1;    /* the user never heard of it, and hears of no close */
  uint8_t close_phase;   /* enum close_phase */
  int32_t close_result;
  uint32_t close_timeout_ms;

  /* Results that wait to be told. */
  int32_t connect_result;
  int32_t cancel_result;
  int32_t shut_result;
  int32_t accept_result;
  int32_t detail; /* the system's number for the result that failed last */

  /* The first fatal error of the stream. Linux reports one only once. */
  int32_t error;
  int32_t error_native;

  /* As it was when the connection was made, for the system forgets it when the
   * connection is reset; family 0: not known yet. */
  struct iocp_address peer;

  uint32_t credit; /* bytes that may still be received */

  /* Options; a listener's connections inherit them. */
  uint32_t receive_buffer; /* of a posted receive; 0: none is held */
  uint16_t receive_depth;
  uint16_t send_concurrency;
  uint32_t first_byte_timeout_ms; /* of a listener; 0: no limit */

  uint16_t group; /* whose it is, see group.h; inherited as well; 0: none */

  union {
    struct { /* Of a listener. */
      bool defers_accept;
      bool sets_no_delay; /* on each connection that it accepts */
      uint32_t backlog;
      uint32_t accept_target;
      uint32_t accept_backoff_ms; /* 0: no failure since the last success */
      uint64_t accept_retry_ms;   /* when to try again; 0: not */
    };
    struct {                   /* Of a stream. */
      uint64_t acknowledged;   /* by the peer, when progress was made last */
      uint64_t close_until_ms; /* when a close is given up without any more */
    };
  };
  uint32_t deferred_count;
  union {
    struct {
      /* Of a listener, the list; of a SOCKET_DEFERRED, its node there. */
      struct list_node deferred;
      int32_t listener_name; /* of a connection that was accepted */
    };
    struct iocp_address local; /* of one that was made with iocp_connect() */
  };

  struct list_node kept; /* struct kept, oldest first */
  uint32_t kept_count;
  uint32_t kept_bytes; /* of those that have not left */

  struct {
    uint64_t bytes_received;
    uint64_t bytes_sent;
    uint64_t accepted;
    uint64_t accept_failures;
    uint64_t silent;
  } stats;

  struct borrow borrow; /* while it is_borrowed */
  struct engine_socket engine;
};

struct socket_table {
  struct socket* chunks[SOCKETS_MAX / SOCKET_CHUNK];
  struct list_node free; /* through ready_node */
  uint32_t free_count;
  uint32_t slot_count;
  uint32_t open_count;
};

/* Takes a slot; NULL when out of memory. The engine fields are zeroed. */
struct socket* socket_new(struct port* port, enum socket_state state);

/* Gives the slot back and voids its name. The handle is closed already. */
void socket_free(struct socket* socket);

/* The socket of that name, or NULL. */
struct socket* socket_find(struct port* port, int32_t name);

/* The same for a call: one that was not told of yet has no name for a user. */
struct socket* socket_find_told(struct port* port, int32_t name);

/* Slot number `index`, in use or not, or NULL past the last one. */
struct socket* socket_at(struct port* port, uint32_t index);

/* Queues the socket so that the next poll looks at `reasons`. */
void socket_ready(struct socket* socket, unsigned reasons);

/* Gives a connection the options of its listener. */
void socket_inherit(struct socket* socket, const struct socket* listener);

/* Takes a SOCKET_DEFERRED out of its listener's list, which has room for
 * another one then. */
void socket_undefer(struct socket* socket);

/* Counts what was received or has left, for the socket and its port. */
void socket_count_received(struct socket* socket, uint32_t bytes);
void socket_count_sent(struct socket* socket, uint32_t bytes);

/* Notes the first fatal error of a stream. Returns the one that counts. */
int32_t socket_fail(struct socket* socket, int32_t error, int32_t native);

void socket_table_open(struct socket_table* table);
void socket_table_close(struct socket_table* table);

#endif /* IOCP_SOCKET_H */
