/* SPDX-License-Identifier: MIT */
/*
 * A record of what the user of the library knows: which operations are open,
 * which bytes were sent where, and which directions were shut down. The
 * library's reports are checked against it.
 *
 * A connection has two ends. An end belongs to the library or to a guest, and
 * outlives its socket id: a socket that is detached and adopted again is the
 * same end.
 */
#ifndef IOCP_LEDGER_H
#define IOCP_LEDGER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "iocp.h"
#include "world.h"

#define LEDGER_PORTS 3
#define LEDGER_GROUPS 2
#define LEDGER_ENTRIES 512
#define LEDGER_GUESTS 128
#define LEDGER_HOSTS 8
#define LEDGER_ENDS (LEDGER_ENTRIES + LEDGER_GUESTS)
/* A bit of a pending send: it cannot succeed. */
#define LEDGER_MUST_FAIL 0x80000000u
#define LEDGER_NEVER UINT64_MAX
#define LEDGER_PATHS 12
#define LEDGER_PASSED 24
#define LEDGER_SHARES 6

struct end {
  struct end* other; /* NULL: not known, or not yet */
  /* Of a local connection: IOCP_UNIX or IOCP_PIPE, else 0. The two ends are not
   * named, so the first byte of each stream is the number of its end. */
  uint16_t local;
  uint8_t tag;
  uint32_t path; /* see ledger_path() */
  struct iocp_address client;
  uint16_t server_port;
  bool has_addresses; /* the addresses above are known */
  bool is_server;
  bool is_library;
  bool has_fin; /* its direction was shut down, or is about to be */
  /* not all bytes will arrive: the other end must not see a clean end */
  bool is_cut;
  bool has_short; /* its last send was accepted in part */
  bool is_clean;  /* it was closed gracefully, and that has completed */
  bool has_ended;
  bool is_over; /* the library has closed its socket */
  bool met_reset;
  bool was_closed; /* by a guest, which has sent all that it wanted to */
  uint64_t resets_from_ms; /* since when the other end may be reset */
  uint64_t sent;           /* bytes that were accepted from it */
  uint64_t received;
};

enum entry_kind {
  ENTRY_LISTENER,
  ENTRY_CONNECTING,
  ENTRY_STREAM,
  ENTRY_DATAGRAM
};

/* A socket of the library. */
struct entry {
  int32_t id;
  uint32_t port;  /* index */
  uint32_t group; /* the library's id of it, or 0 */
  enum entry_kind kind;
  uint16_t local;            /* as that of its end */
  uint32_t path;             /* of a local one; see ledger_path() */
  struct end* end;           /* NULL: a listener, or a datagram socket */
  struct endpoint* endpoint; /* of a datagram socket; see datagrams.h */
  bool is_closing;
  bool is_closed;
  bool is_detaching;
  bool was_reset;   /* by its user */
  bool has_drained; /* its peer has received everything before the deadline */
  bool is_failed;   /* its connect has failed */
  bool may_expire;  /* it may close by itself */
  bool is_ended;    /* receiving has ended */
  bool is_read_armed;
  bool was_shut;     /* before it was adopted */
  bool is_shut;      /* iocp_shutdown() was called */
  bool is_shut_open; /* a shutdown is pending */
  bool has_error;
  bool has_failed_send; /* one of its sends has failed */
  bool has_cut_file;    /* a file that it sends has become shorter */
  bool has_odd_name;    /* that of world_handle_name() */
  uint32_t credit;
  uint32_t concurrency;
  /* a ring buffer of the allowed results of each */
  uint32_t sends[IOCP_CONCURRENCY_MAX];
  uint32_t send_first;
  uint32_t send_count;
  uint64_t since_ms; /* the start of its connect, or of its close */
  uint32_t close_timeout_ms;
  /* Of a connect. */
  enum peer_manner manner;
  bool is_to_guest;
  /* Of a listener. */
  struct iocp_address address;
  uint16_t flags;
  uint32_t target;
  uint32_t target_max; /* in total */
  /* accepts that may still be reported although it was stopped */
  uint32_t late;
  uint32_t first_byte_ms;
  bool had_first_byte_ms; /* it had a first-byte timeout at some time */
  bool defers;
  bool has_deferred; /* at some time */
  bool has_larger_backlog;
  bool has_failed; /* a failure was reported, and no success since */
  bool is_stopped;
  bool is_adopted;
  /* Entries and tickets with the same number are of one socket; 0: it was never
   * passed. */
  uint32_t shared;
  /* Of a listener that hands out its connections, and of a part: see
   * iocp_share.h. */
  struct ledger_share* share;
  bool is_part;
  uint64_t accepted_before; /* it was shared */
  uint64_t handed_out;      /* as of the last question */
};

/* What user_share.c knows about a share. */
struct ledger_share {
  int32_t id;
  uint32_t process;
  uint16_t local;
  uint32_t path;
  const struct entry* first; /* listener */
  uint32_t listeners;        /* that are open */
  bool is_over;
  bool may_lose;      /* no part was there for what it had accepted */
  uint64_t delivered; /* by its parts */
};

/* A peer. */
struct guest {
  struct peer* peer;
  struct end* end;
  struct entry* listener; /* the listener that it has connected to, or NULL */
  bool is_open;
  bool is_gone;
  bool has_fin;
  bool is_silent; /* it has not sent anything */
  bool is_unread; /* its other end has closed */
  /* A listener that may have had its connection was closed. */
  bool may_be_lost;
  uint64_t since_ms;
};

/* Guests that listen. */
struct host {
  uint16_t local; /* as that of an end */
  uint32_t path;
  struct peer_listener* listener;
  enum peer_manner manner;
  struct iocp_address address;
};

/* A handle that was detached, or was never in the library. */
struct loose {
  double handle;
  struct end* end;
  bool is_detached;
  bool has_failed; /* an adoption, which may have been done in part */
  bool is_spare;   /* another handle of its connection is used */
};

/* A socket that was passed to the inbox of a port. */
struct passed {
  uint8_t ticket[IOCP_TICKET_MAX];
  uint32_t length;
  uint32_t port;
  bool is_void;           /* it was taken, or lost */
  struct entry* listener; /* that was passed, or NULL */
  struct end* end;        /* of a connection, or NULL */
};

struct ledger_port {
  int32_t id;
  bool is_open;
  bool is_watched; /* another thread waits for it */
  uint32_t realm;
  uint32_t groups[LEDGER_GROUPS]; /* from iocp_group_new(), or 0 */
  /* what was counted for each when it was asked for last, or 0 */
  struct iocp_stats group_stats[LEDGER_GROUPS];
  uint32_t process; /* see world_process() */
  uint8_t inbox[IOCP_INBOX_MAX];
  uint32_t inbox_length; /* 0: not known */
  uint64_t records;
  uint64_t polls;
  uint64_t accepted;
  uint64_t bytes_received;
  uint64_t bytes_sent;
  int32_t flags; /* from its last header */
  bool is_told;  /* a wait has said since then that it is to be polled */
  int32_t timeout_ms;
  uint64_t polled_ms; /* when it was polled last */
  bool is_called;     /* a call was made for it since then */
  double failures;    /* of accepts, that were counted so far */
  bool has_failures;  /* some were reported since then, or need not be */
};

struct ledger {
  struct ledger_port ports[LEDGER_PORTS];
  struct entry entries[LEDGER_ENTRIES];
  struct end ends[LEDGER_ENDS];
  struct guest guests[LEDGER_GUESTS];
  struct host hosts[LEDGER_HOSTS];
  struct loose loose[LEDGER_ENTRIES];
  struct passed passed[LEDGER_PASSED];
  struct ledger_share shares[LEDGER_SHARES];
  uint32_t port_count;
  uint32_t entry_count;
  uint32_t end_count;
  uint32_t guest_count;
  uint32_t host_count;
  uint32_t loose_count;
  uint32_t passed_count;
  uint32_t shared_count;
  uint32_t share_count;
  uint32_t local_count; /* ends of local connections */
  /* names of unix sockets that other programs have now */
  bool is_taken[2 * LEDGER_PATHS];
  /* A call was allowed to replace a file that was left over, and may have
   * removed it before it failed. */
  bool may_be_replaced[2 * LEDGER_PATHS];
  bool is_settling;
  bool is_one_process; /* all ports are of it */
  /* All faults are over, and their effects have been reported. Read by other
   * threads. */
  atomic_bool is_calm;
};
extern struct ledger ledger;

void ledger_open(void);

/* NULL: the ledger is full. */
struct end* ledger_end(bool is_library, bool is_server);

/* One of a local connection. */
struct end* ledger_local_end(bool is_library,
                             bool is_server,
                             uint16_t local,
                             uint32_t path);

/* The names of local sockets have numbers. */
static inline uint32_t ledger_host_path(enum peer_manner manner) {
  return LEDGER_PATHS + 2 * (uint32_t)manner;
}
void ledger_path(uint16_t local, uint32_t path, struct iocp_path* path_out);
enum world_access ledger_access(uint32_t path);

/* It has ended in a way of which its kind of socket cannot inform the other
 * end: that one sees the end of the stream. Only the server of a pipe can do
 * more (DisconnectNamedPipe()). */
bool end_may_truncate(const struct end* end);

/* Whether there is room for the results of the next call. */
bool ledger_has_room(void);

/* A socket id that the library has just returned. */
struct entry* ledger_entry(uint32_t port, int32_t id, enum entry_kind kind);

/* The open socket with this id, or NULL. */
struct entry* ledger_find(uint32_t port, int32_t id);

/* How many sockets are open. */
uint32_t ledger_live(uint32_t port);

/* Sets the addresses of an end, by which the other end of its connection is
 * found. */
void ledger_set_addresses(struct end* end,
                          const struct iocp_address* client,
                          uint16_t server_port);

/* ---- the bytes of an end, by their position in the stream */

void bytes_fill(const struct end* end, uint64_t from, uint8_t* to, uint32_t n);

/* Checks bytes that `end` has received. */
void bytes_received(struct end* end, const uint8_t* bytes, uint32_t length);

/* A receive of `end` has failed. What the other end of a pipe has written can
 * be read after it was closed, and then comes the end of the stream, or the
 * failure of a send, whose receiver is gone. */
void end_receive_failed(const struct end* end, int32_t result);

/* `end` has received the end of the stream, or a reset. */
void end_ended(struct end* end);
void end_was_reset(struct end* end);

/* The same with an error. -IOCP_EPIPE: a pipe has no half-close, so what is
 * written to one that was closed is refused at once. */
void end_was_refused(struct end* end, int32_t error);

/* The graceful close of `end` was reported: if its peer has read everything, it
 * has not been reset, and will not be. */
void end_closed(struct end* end);

/* ---- the library's reports */

/* Checks the results of iocp_poll(); the slab is the whole one, from offset
 * 0. */
void records_check(uint32_t port,
                   const struct iocp_header* header,
                   const struct iocp_record* records,
                   int32_t count,
                   const uint8_t* slab,
                   uint32_t offset,
                   uint32_t length);

/* Whether the error may be a fault of the system. */
bool error_is_fault(int32_t result);

/* The same for a call that may have taken long, and began with or without
 * faults. */
bool error_was_fault(int32_t result, bool began_calm);

/* Whether the error is expected: one of `errors`, which end with 0, or a
 * fault. */
bool error_is(int32_t result, const int32_t* errors);
#define ERROR_IS(result, ...) \
  error_is(result, (const int32_t[]){__VA_ARGS__, 0})

#endif /* IOCP_LEDGER_H */
