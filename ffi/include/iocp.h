/* SPDX-License-Identifier: MIT */
/*
 * iocp: sockets over a completion port, as a flat C API.
 *
 * A port is an I/O completion port on Windows and an epoll instance on Linux;
 * the contract below is the same on both. The API has no pointers to objects of
 * the library, no callbacks and no structs by value, so any FFI can call it.
 * (iocp_callback.h is another API, for C programs.)
 *
 *   int32_t port = iocp_new(0);
 *   int32_t listener = iocp_listen(port, &address, 511, 0);
 *   iocp_accept(port, listener, 16);
 *   for (;;) {
 *     int32_t count = iocp_poll(port, events, 64, slab, 0, sizeof slab);
 *     for (int32_t i = 0; i < count; i++) handle(&events->records[i]);
 *     if (count == 0) iocp_wait(port, events->header.timeout_ms);
 *   }
 *
 * Rules for every function:
 *
 * - Memory. The library reads and writes memory of the caller during the call
 *   only, and keeps no pointer to it. Structs may be at any alignment, except
 *   for the events of iocp_poll() and the arrays of iocp_broadcast().
 * - Threads. A port belongs to the thread that made it; calls from another
 *   thread return -IOCP_EXDEV and have no effect. Any thread may call
 *   iocp_abi(), iocp_resolve(), iocp_wait() and iocp_wake(). When a thread
 *   ends, its ports are deleted.
 * - Blocking. iocp_wait() and iocp_resolve() block; iocp_wait_here() blocks for
 *   at most a millisecond; iocp_delete() and iocp_group_close() for at most two
 *   seconds, while the kernel completes the operations that they cancel;
 *   iocp_listen_path() for a unix socket for at most 100 ms, while another
 *   process makes one in the same folder; and iocp_open_file() and
 *   iocp_send_file() while the disk is read.
 * - Results. A result >= 0 is a success, and < 0 is -IOCP_E... (iocp_error.h),
 *   with the same numbers on both systems. iocp_native_error() returns the
 *   error of the system.
 * - Ids. A port and a socket have an id, a non-negative number that consists of
 *   an index and a generation. A stale id is refused with -IOCP_EBADF.
 * - Completions. An operation that was accepted (its call returned >= 0) has
 *   exactly one terminal completion, which only iocp_poll() delivers. The
 *   completions of a socket come in order; IOCP_CLOSED is the last one, and
 *   from then on the id is stale.
 */
#ifndef IOCP_H
#define IOCP_H

#include <stdint.h>

#include "iocp_address.h"
#include "iocp_datagram.h"
#include "iocp_error.h"
#include "iocp_export.h"
#include "iocp_file.h"
#include "iocp_listener.h"
#include "iocp_option.h"
#include "iocp_pass.h"
#include "iocp_share.h"
#include "iocp_socket.h"
#include "iocp_stream.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------------------
 * The library
 */

/*
 * The version of the binary interface. It changes when a caller and a library
 * of different versions would misbehave together: a function is added, removed
 * or renamed; a parameter, a result or a number has another meaning; a struct
 * has another layout. It does not change for a new option, flag or error code,
 * which an older library refuses or never returns.
 */
#define IOCP_ABI 7

/* Returns IOCP_ABI of the library, for comparison with that of the caller. */
IOCP_API uint32_t iocp_abi(void);

/* ------------------------------------------------------------------------
 * The port
 */

/* iocp_poll() writes a header, then up to `capacity` records. */
struct iocp_header {
  int32_t slab_end;   /* offset of the first unused byte of the slab */
  int32_t flags;      /* IOCP_MORE, IOCP_SLAB_FULL */
  int32_t timeout_ms; /* poll again within this time; -1: no deadline */
  int32_t sockets;    /* sockets of the port that are not closed yet */
};

struct iocp_record {
  int32_t socket; /* id of the socket that the completion is for */
  int32_t kind;   /* IOCP_ACCEPTED ... IOCP_CLOSED */
  int32_t result; /* see the kinds; < 0 is -IOCP_E... */
  int32_t detail; /* see the kinds; for an error, that of the system */
};

/* Header flags. */
#define IOCP_MORE 1      /* poll again at once: there are more completions */
#define IOCP_SLAB_FULL 2 /* poll with a fresh slab: there is more data */

/* Record kinds. */
#define IOCP_ACCEPTED 1  /* result: id of the new socket */
#define IOCP_CONNECTED 2 /* result: 0 */
#define IOCP_RECEIVED 3  /* result: bytes at slab offset detail; 0: the end */
#define IOCP_READABLE 4  /* result: 0; call iocp_read() again */
#define IOCP_SENT 5      /* result: bytes of the copy that was sent */
#define IOCP_SHUT 6      /* result: 0 */
#define IOCP_CLOSED 7    /* result: 0; the id is stale from here on */
#define IOCP_DATAGRAMS 8 /* result: datagrams from slab offset detail on */

/* IOCP_CLOSED also comes without iocp_close(), with the reason as its result:
 * -IOCP_ETIMEDOUT when IOCP_FIRST_BYTE_TIMEOUT has passed. Calls about the
 * socket fail with that reason until then. After IOCP_DETACH its detail is the
 * handle, as a uint32_t. */

/* Nothing is received into a slab with less room than this. After
 * IOCP_SLAB_FULL, a port with datagram sockets needs a slab with room for
 * IOCP_DATAGRAM_ROOM. */
#define IOCP_SLAB_MIN 4096
/* The most bytes of one IOCP_RECEIVED. */
#define IOCP_RECEIVE_MAX 262144

/*
 * Makes a port for the calling thread. Returns its id, -IOCP_EMFILE or
 * -IOCP_ENOMEM. Pairs with iocp_delete().
 *
 * `realm` is for a program that may end and start again on a living thread, as
 * a JavaScript program does: a number that differs from one run to the next.
 * Ports of this thread that have another realm are left over from an earlier
 * run, and are deleted first, even if the call then fails. 0: the port has no
 * realm, is not deleted in this way, and deletes none.
 */
IOCP_API int32_t iocp_new(uint32_t realm);

/*
 * Closes every socket of the port, and the port, without completions. A socket
 * with unsent bytes, or whose last iocp_send() accepted only a part, is reset,
 * so that its peer cannot mistake a partial stream for a complete one. A
 * blocked iocp_wait() returns -IOCP_EBADF. Returns 0.
 */
IOCP_API int32_t iocp_delete(int32_t port);

/*
 * Dequeues completions without blocking. `events` points to a struct
 * iocp_header followed by room for `capacity` (1 to 4096) records, aligned to 4
 * bytes. Received bytes are written to slab[offset .. length); length is below
 * 2^31. Each chunk of data starts at a multiple of 8 bytes from `offset`.
 * Returns the number of records.
 */
IOCP_API int32_t iocp_poll(int32_t port,
                           void* events,
                           uint32_t capacity,
                           void* slab,
                           uint32_t offset,
                           uint32_t length);

/*
 * Blocks until iocp_poll() has something to deliver, iocp_wake() is called, or
 * `timeout_ms` (-1: no limit) has passed. It dequeues nothing. Any thread, but
 * only one at a time for a port. Returns 1 when the port is to be polled, or 0
 * after the timeout.
 */
IOCP_API int32_t iocp_wait(int32_t port, int32_t timeout_ms);

/*
 * A short wait on the port's own thread, which costs less than having another
 * thread wait: until iocp_poll() may have something to deliver, or for at most
 * `timeout_us`, up to IOCP_WAIT_HERE_MAX, and at least half of it: several
 * waits share a timer. It delivers nothing. Returns 1 when the port is to be
 * polled, otherwise 0. On Windows, where a wait lasts at least until the next
 * clock tick, it returns at once.
 */
IOCP_API int32_t iocp_wait_here(int32_t port, uint32_t timeout_us);
#define IOCP_WAIT_HERE_MAX 1000

/* Ends the running iocp_wait(), or else the next one. Any thread. Returns 0. */
IOCP_API int32_t iocp_wake(int32_t port);

/* Returns the system's error number for the port's last call that failed:
 * errno, or that of GetLastError() or of an NTSTATUS; 0: the error is the
 * library's. */
IOCP_API int32_t iocp_native_error(int32_t port);

/* ------------------------------------------------------------------------
 * Host names
 */

/*
 * Looks up the addresses of a host, with the resolver of the system. `name`
 * points to `length` (1 to 255) bytes of ASCII. Writes up to `capacity` structs
 * iocp_address with a port of 0, and returns their number, -IOCP_ENOTFOUND,
 * -IOCP_EAI_AGAIN or -IOCP_EAI_FAIL. Blocks. Any thread.
 */
IOCP_API int32_t iocp_resolve(const void* name,
                              uint32_t length,
                              void* addresses,
                              uint32_t capacity);

/* ------------------------------------------------------------------------
 * Groups of sockets
 *
 * Independent users on one thread may share a port, so that one poll and one
 * wait serve all of them. The sockets of each are a group, with counters of its
 * own, which can be closed on its own. IOCP_GROUP is the group of a socket;
 * connections inherit that of their listener.
 */

/* Makes a group without sockets. Returns its number, from 1 to IOCP_GROUP_MAX,
 * -IOCP_EMFILE when the port has no more, or -IOCP_ENOMEM. */
IOCP_API int32_t iocp_group_new(int32_t port);

/*
 * Closes every socket of the group, as iocp_delete() closes those of a port,
 * and the group. When it returns, the ids of the sockets are stale, and nothing
 * of them will complete. The number may be used for another group. Returns 0,
 * or -IOCP_EINVAL when there is no such group.
 */
IOCP_API int32_t iocp_group_close(int32_t port, uint32_t group);

/*
 * Writes a struct iocp_stats of the group's sockets, including those that are
 * closed; polls and records are those of the port. A socket counts in its
 * present group with everything it has done. Returns 0, or -IOCP_EINVAL when
 * there is no such group. The time it takes grows with the number of sockets of
 * the port.
 */
IOCP_API int32_t iocp_group_stats(int32_t port, uint32_t group, void* stats);

#ifdef __cplusplus
}
#endif

#endif /* IOCP_H */
