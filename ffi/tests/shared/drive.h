/* SPDX-License-Identifier: MIT */
/*
 * A driver around a port, through which all tests run. It polls the port until
 * a condition holds or a generous deadline has passed, keeps what came for each
 * socket, and holds the library to its contract meanwhile:
 *
 * - each operation that was accepted completes exactly once, and nothing comes
 *   that was not asked for, least of all after IOCP_CLOSED;
 * - no more is received than the credit allows, nothing after the end;
 * - records and bytes stay inside the arrays of the call, behind which the
 *   driver keeps guards;
 * - the counters of the port agree with what was seen.
 *
 *        slab:  |  earlier chunks  | this poll's chunks |  free  | guard |
 *               0            slab_offset            slab_end   length
 */
#ifndef TESTS_DRIVE_H
#define TESTS_DRIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "check.h"
#include "host.h"
#include "iocp.h"

#define DRIVE_BUCKETS 1024
/* Bytes of drive.scratch. */
#define DRIVE_SCRATCH (2 * IOCP_SEND_MAX)
/* The deadline of all waits; no test needs a tenth of it on a slow machine. */
#define DRIVE_DEADLINE_MS 60000
/* The value of a result field before its record has arrived. */
#define DRIVE_NOTHING INT32_MAX

struct drive;

struct drive_socket {
  int32_t id;
  struct drive* drive;
  struct drive_socket* next_in_bucket;
  struct drive_socket* next_accepted;
  bool is_listener;

  /* Operations that have not completed. */
  bool connect_pending;
  bool read_pending;
  bool send_pending; /* as many as are allowed */
  bool shut_pending;
  bool close_pending;
  uint32_t concurrency;   /* IOCP_SEND_CONCURRENCY, if a test has set it */
  uint32_t sends_pending; /* and the bytes that each of them has accepted, */
  int32_t send_accepted[IOCP_CONCURRENCY_MAX]; /* the oldest first */
  bool detach_pending; /* the close is a detach, so bytes may still arrive */
  bool may_time_out;   /* it may be closed with -IOCP_ETIMEDOUT */
  uint64_t credit;     /* from iocp_receive(), not used yet */

  /* The result of the (last) record, or DRIVE_NOTHING. */
  int32_t connect_result;
  /* the terminal IOCP_RECEIVED, or the end that iocp_read() returned */
  int32_t end_result;
  int32_t read_result; /* IOCP_READABLE */
  int32_t send_result;
  int32_t shut_result;
  int32_t close_result;
  uint32_t handle; /* of a detached socket */
  int32_t accept_error;
  int32_t last_detail; /* of the last failed record */
  bool is_closed;
  uint64_t received;
  uint64_t sent; /* accepted by iocp_send() */
  uint32_t readable_count;
  uint32_t accept_error_count;

  /* Accepted sockets that drive_next_accepted() has not returned yet. */
  struct drive_socket* accepted_first;
  struct drive_socket* accepted_last;
  uint32_t accepted_count; /* in total */

  /* Of a datagram socket. Its credit may be exceeded by a batch. */
  bool is_datagram;
  uint32_t datagram_count;   /* received by records, in total */
  uint32_t datagram_records; /* that had them */
  uint32_t error_count;      /* records with errors that have not ended it */
  int32_t datagram_error;    /* the latest of them */
  struct iocp_datagram last; /* the latest datagram, */
  uint8_t last_path[IOCP_DATAGRAM_PATH_MAX + 1]; /* and its path, as text */

  /* For streams of a pattern: received bytes are compared with it, credit is
   * renewed as it is used, and drive_pump() sends up to a goal. */
  uint64_t receive_seed; /* 0: not checked */
  bool refills;
  uint64_t send_seed;
  uint64_t send_goal;
  uint32_t send_size; /* of one iocp_send() */

  void* user;
};

struct drive {
  int32_t port;
  uint32_t capacity;
  uint32_t slab_length;
  uint8_t* slab;
  uint32_t slab_offset;
  uint8_t* events;
  struct drive_socket** touched; /* sockets of the records of a poll */
  uint8_t* scratch;          /* of 2 * IOCP_SEND_MAX, for one call at a time */
  struct iocp_header header; /* of the last poll */
  uint64_t polls;
  uint64_t records;
  uint64_t received;
  uint64_t accepted;
  uint32_t open_count;
  /* there may be open sockets that were not reported yet */
  bool may_defer;
  uint32_t socket_count; /* not freed yet */
  struct drive_socket* buckets[DRIVE_BUCKETS];
  /* May be NULL. Called for each record after the whole batch was checked and
   * recorded, with the bytes of an IOCP_RECEIVED. */
  void (*on_record)(struct drive_socket* socket,
                    const struct iocp_record* record,
                    const uint8_t* bytes);
  /* May be NULL. Called for each datagram of a record, while the record is
   * checked; `data` has datagram->length bytes. */
  void (*on_datagram)(struct drive_socket* socket,
                      const struct iocp_datagram* datagram,
                      const uint8_t* data);
};

/* ---- the port */

void drive_open(struct drive* drive);
void drive_open_sized(struct drive* drive,
                      uint32_t capacity,
                      uint32_t slab_length);

/* Closes what is open, waits for that, and deletes the port. */
void drive_finish(struct drive* drive);

/* Deletes the port as it is; nothing completes any more. */
void drive_delete(struct drive* drive);

/* Frees only the driver's memory: the port was deleted with its thread. */
void drive_forget_all(struct drive* drive);

/* Polls once. Returns the number of records. */
uint32_t drive_poll(struct drive* drive);

/* Polls until the port has nothing more to report. */
void drive_drain(struct drive* drive);

/* Polls for this long. */
void drive_for(struct drive* drive, uint32_t duration_ms);

/* Polls until the expression holds. */
#define drive_until(drive, expression)                                    \
  do {                                                                    \
    uint64_t drive_deadline = host_now_ms() + DRIVE_DEADLINE_MS;          \
    while (!(expression))                                                 \
      drive_step(drive, drive_deadline, __FILE__, __LINE__, #expression); \
  } while (0)

/* Waits a little for the port and polls; ends the process at the deadline. */
void drive_step(struct drive* drive,
                uint64_t deadline_ms,
                const char* file,
                int line,
                const char* expression);

/* ---- operations that must be accepted; each is noted as pending */

struct drive_socket* drive_listen(struct drive* drive,
                                  const char* literal,
                                  uint32_t flags,
                                  struct iocp_address* address_out);
void drive_accept(struct drive_socket* listener, uint32_t count);
struct drive_socket* drive_connect(struct drive* drive,
                                   const struct iocp_address* address);
/* Adds a socket that the test has opened. Returns NULL if `id` < 0. */
struct drive_socket* drive_add(struct drive* drive, int32_t id);
void drive_receive(struct drive_socket* socket, uint32_t bytes);
/* Returns the result of iocp_read(). */
int32_t drive_read(struct drive_socket* socket, void* bytes, uint32_t length);
/* Records the result of a send that the test has made itself. */
void drive_was_sent(struct drive_socket* socket,
                    uint32_t length,
                    int32_t result);
/* Returns the result of iocp_send(), which may be an error. */
int32_t drive_try_send(struct drive_socket* socket,
                       const void* bytes,
                       uint32_t offset,
                       uint32_t length);
/* Returns the accepted bytes, without IOCP_PENDING. */
int32_t drive_send(struct drive_socket* socket,
                   const void* bytes,
                   uint32_t length);
void drive_shutdown(struct drive_socket* socket);
void drive_detach(struct drive_socket* socket, uint32_t timeout_ms);
void drive_close(struct drive_socket* socket,
                 uint32_t mode,
                 uint32_t timeout_ms);

/* ---- datagrams (drive_datagrams.c) */

/* Opens a port, or skips the running case on a system whose engine has no
 * datagram sockets. */
bool drive_open_datagrams(struct drive* drive);
/* A datagram socket at port 0 of the literal. */
struct drive_socket* drive_bind(struct drive* drive,
                                const char* literal,
                                uint32_t flags,
                                struct iocp_address* address_out);
/* A unix one; NULL: without a name. */
struct drive_socket* drive_bind_path(struct drive* drive,
                                     const char* path,
                                     uint32_t flags,
                                     uint32_t mode);
/* The struct iocp_path of a text; a first '@' becomes a zero byte. */
struct iocp_path drive_path(const char* path);
/* Returns the result of iocp_send_to(), which may be an error. `address` may be
 * a struct iocp_path. */
int32_t drive_send_to(struct drive_socket* socket,
                      const void* bytes,
                      uint32_t length,
                      const void* address);
/* Returns the result of iocp_send_many(). */
int32_t drive_send_many(struct drive_socket* socket,
                        const void* memory,
                        uint32_t length,
                        uint32_t count);
/* Writes a datagram to memory for iocp_send_many(). Returns its size there. */
uint32_t drive_pack(uint8_t* memory,
                    const struct iocp_address* to,
                    const void* bytes,
                    uint32_t length);
/* Returns the result of iocp_receive_from(). `path_out` may be NULL, or has
 * room for IOCP_DATAGRAM_PATH_MAX bytes. */
int32_t drive_receive_from(struct drive_socket* socket,
                           void* bytes,
                           uint32_t length,
                           struct iocp_datagram* datagram_out,
                           void* path_out);
/* Checks a record of datagrams; for drive.c. */
void drive_check_datagrams(struct drive_socket* socket,
                           const struct iocp_record* record,
                           uint32_t* chunk_end);

/* ---- more than one call */

/* The oldest accepted socket not returned yet, or NULL. */
struct drive_socket* drive_next_accepted(struct drive_socket* listener);

/* Sends the pattern `seed` up to byte `goal`, in later polls too. */
void drive_pump(struct drive_socket* socket,
                uint64_t seed,
                uint64_t goal,
                uint32_t send_size);

/* Sends the pattern `seed` until a send stays pending. The peer must not read
 * meanwhile. */
void drive_fill(struct drive_socket* socket, uint64_t seed);

/* Receives the pattern `seed` until the stream ends, with `credit` bytes at a
 * time. */
void drive_sink(struct drive_socket* socket, uint64_t seed, uint32_t credit);

/* Closes gracefully, and waits for it. */
void drive_close_now(struct drive_socket* socket);

/* A connection between two sockets of the port. */
void drive_pair(struct drive* drive,
                struct drive_socket** client_out,
                struct drive_socket** server_out);

/* A connection from a plain socket; buffer_bytes may be 0. */
struct drive_socket* drive_raw_pair(struct drive* drive,
                                    int32_t buffer_bytes,
                                    host_socket* raw_out);

/* The same with a credit of 100 bytes, and nothing more to poll. */
struct drive_socket* drive_raw_receiver(struct drive* drive,
                                        host_socket* raw_out);

/* Sets an option. */
void drive_set(struct drive_socket* socket, uint32_t option, int32_t value);

/* The socket's counters. */
struct iocp_socket_stats drive_stats(const struct drive_socket* socket);

/* Receives `length` bytes of the pattern with a plain socket. */
void drive_raw_expect(struct drive* drive,
                      host_socket raw,
                      uint64_t seed,
                      uint64_t position,
                      uint64_t length);

/* Sends `length` bytes of the pattern with a plain socket. */
void drive_raw_send(struct drive* drive,
                    host_socket raw,
                    uint64_t seed,
                    uint64_t position,
                    uint64_t length);

/* Receives with a plain socket until its stream ends, and discards the bytes.
 * Returns 0 for a clean end, or the error. */
int32_t drive_raw_end(struct drive* drive, host_socket raw);

/* Frees the driver's memory of a closed socket. */
void drive_forget(struct drive_socket* socket);

#endif /* TESTS_DRIVE_H */
