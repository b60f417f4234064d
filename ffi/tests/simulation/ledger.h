/* SPDX-License-Identifier: MIT */
/*
 * What the user of the library knows, written down: which operations are open,
 * which bytes went in where, and which ends were said. Against it everything is
 * checked that the library tells.
 *
 * A connection has two ends. An end is the library's or a guest's, and outlives
 * the names that it goes by: a socket that is given back and adopted again is
 * the same end.
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
#define LEDGER_NEVER UINT64_MAX

struct end {
  struct end* other; /* NULL: not known, or not yet */
  struct iocp_address client;
  uint16_t server_port;
  bool is_named; /* the two above are known */
  bool is_server;
  bool is_library;
  bool has_fin;   /* it has ended its direction, or is about to */
  bool is_cut;    /* not all will arrive: the other end must not meet an end */
  bool has_short; /* its last send was not taken whole */
  bool is_clean;  /* it was closed gracefully, which has come to its end */
  bool met_end;
  bool met_reset;
  uint64_t resets_from_ms; /* from when on the other end may meet a reset */
  uint64_t sent;           /* bytes that were taken over from it */
  uint64_t received;
};

enum entry_kind { ENTRY_LISTENER, ENTRY_CONNECTING, ENTRY_STREAM };

/* A name of the library's. */
struct entry {
  int32_t name;
  uint32_t port;  /* index */
  uint32_t group; /* as the library names it, or 0 */
  enum entry_kind kind;
  struct end* end; /* NULL: a listener */
  bool is_closing;
  bool is_closed;
  bool is_detaching;
  bool was_reset;  /* by its user */
  bool has_left;   /* all that a close waits for, in time */
  bool is_failed;  /* it could not connect */
  bool may_expire; /* it may close by itself */
  bool is_ended;   /* receiving is over */
  bool is_read_armed;
  bool was_shut;     /* before it was adopted */
  bool is_shut;      /* iocp_shutdown() was called */
  bool is_shut_open; /* and has not completed */
  bool has_error;
  bool has_lost; /* a send of it has failed */
  uint32_t credit;
  uint32_t concurrency;
  uint32_t sends[IOCP_CONCURRENCY_MAX]; /* a ring, of what each may say */
  uint32_t send_first;
  uint32_t send_count;
  uint64_t since_ms; /* when it was begun or its close was */
  uint32_t close_timeout_ms;
  /* Of one that connects. */
  enum peer_manner manner;
  bool goes_to_guest;
  /* Of a listener. */
  struct iocp_address address;
  uint16_t flags;
  uint32_t target;
  uint32_t target_max; /* ever */
  uint32_t late;       /* accepts that may still come though it has stopped */
  uint32_t first_byte_ms;
  bool may_give_up; /* it ever had such a time */
  bool defers;
  bool has_deferred; /* ever */
  bool has_failed;   /* a failure was told, and no success since */
};

/* A peer. */
struct guest {
  struct peer* peer;
  struct end* end;
  struct entry* listener; /* of the library's that it went to, or NULL */
  bool is_open;
  bool is_gone;
  bool has_fin;
  bool is_silent; /* it has not said anything */
  uint64_t since_ms;
};

/* Guests who listen. */
struct host {
  struct peer_listener* listener;
  enum peer_manner manner;
  struct iocp_address address;
};

/* A handle that the library has given back, or never had. */
struct loose {
  double handle;
  struct end* end;
  bool is_detached;
  bool has_failed; /* an adoption, which may have gone half way */
};

struct ledger_port {
  int32_t name;
  bool is_open;
  bool is_watched; /* another thread waits for it */
  uint32_t realm;
  uint32_t groups[LEDGER_GROUPS]; /* of iocp_group_new(), or 0 */
  uint64_t records;
  uint64_t polls;
  uint64_t accepted;
  uint64_t bytes_received;
  uint64_t bytes_sent;
  int32_t flags; /* of its last header */
  int32_t timeout_ms;
};

struct ledger {
  struct ledger_port ports[LEDGER_PORTS];
  struct entry entries[LEDGER_ENTRIES];
  struct end ends[LEDGER_ENDS];
  struct guest guests[LEDGER_GUESTS];
  struct host hosts[LEDGER_HOSTS];
  struct loose loose[LEDGER_ENTRIES];
  uint32_t port_count;
  uint32_t entry_count;
  uint32_t end_count;
  uint32_t guest_count;
  uint32_t host_count;
  uint32_t loose_count;
  bool is_settling;
  /* Nothing of the faults is left to be told either; other threads look. */
  atomic_bool is_calm;
};
extern struct ledger ledger;

void ledger_open(void);

/* NULL: the ledger is full. */
struct end* ledger_end(bool is_library, bool is_server);

/* Whether there is room for what the next call may bring. */
bool ledger_has_room(void);

/* A name that the library has just given. */
struct entry* ledger_entry(uint32_t port, int32_t name, enum entry_kind kind);

/* One that is not closed, or NULL. */
struct entry* ledger_find(uint32_t port, int32_t name);

/* Names that are not closed. */
uint32_t ledger_live(uint32_t port);

/* Who an end is; the other end of its connection is found by it. */
void ledger_name(struct end* end,
                 const struct iocp_address* client,
                 uint16_t server_port);

/* ---- the bytes of an end, by their place in its stream */

void bytes_fill(const struct end* end, uint64_t from, uint8_t* to, uint32_t n);

/* What `end` has received belongs there. */
void bytes_received(struct end* end, const uint8_t* bytes, uint32_t length);

/* `end` meets the end of the stream, or a reset. */
void end_met(struct end* end);
void end_met_reset(struct end* end);

/* A graceful close of `end` has been told: whoever was heard to the end has met
 * no reset, and will not. */
void end_closed(struct end* end);

/* ---- what the library tells */

/* A result of iocp_poll(); the slab is the whole, from its offset 0. */
void records_check(uint32_t port,
                   const struct iocp_header* header,
                   const struct iocp_record* records,
                   int32_t count,
                   const uint8_t* slab,
                   uint32_t offset,
                   uint32_t length);

/* Whether the system may be out of something. */
bool error_is_fault(int32_t result);

/* The same of a call that may have taken long, and began in the calm or not. */
bool error_was_fault(int32_t result, bool began_calm);

/* An error that a call may return: of those that are given, which end with 0,
 * or a fault. */
bool error_is(int32_t result, const int32_t* errors);
#define ERROR_IS(result, ...) \
  error_is(result, (const int32_t[]){__VA_ARGS__, 0})

#endif /* IOCP_LEDGER_H */
