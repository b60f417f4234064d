/* SPDX-License-Identifier: MIT */
/*
 * iocp: sockets over a completion port, as a flat C API.
 *
 * A port is an I/O completion port on Windows and an epoll instance on Linux;
 * the contract below is the same on both. The API has no pointers to its own
 * objects, no callbacks and no structs by value, so that any FFI can call it.
 *
 * Rules that hold for every function:
 *
 * - Ownership: the library never keeps a pointer that it was given. Memory of
 *   the caller is read or written during the call only.
 * - Threads: a port belongs to the thread that made it. Calls from another
 *   thread return -IOCP_EXDEV and touch nothing. iocp_wait() and iocp_wake()
 *   are the exceptions: any thread may call them. A thread that ends takes its
 *   ports with it, as if it had called iocp_delete().
 * - Blocking: only iocp_wait() and iocp_resolve() block, and iocp_wait_here()
 * for a moment.
 * - Return: >= 0 is a result, < 0 is -IOCP_E..., the same numbers on both
 *   systems; iocp_native_error() has the system's own number.
 * - Names: ports and sockets are named by non-negative numbers that hold an
 *   index and a generation. A stale name returns -IOCP_EBADF and touches
 *   nothing.
 * - Completions: an operation that was accepted (its call returned >= 0) has
 *   exactly one terminal completion, and iocp_poll() is the only call that
 *   delivers it. The completions of one socket come in order; IOCP_CLOSED is
 *   the last one and ends the name.
 */
#ifndef IOCP_H
#define IOCP_H

#include <stdint.h>

#include "iocp_error.h"
#include "iocp_option.h"

#if defined(IOCP_STATIC)
#define IOCP_API
#elif defined(_WIN32) && defined(IOCP_BUILD)
#define IOCP_API __declspec(dllexport)
#elif defined(_WIN32)
#define IOCP_API __declspec(dllimport)
#else
#define IOCP_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------------------
 * The library
 */

/* Changes whenever a caller built for another value would misbehave. */
#define IOCP_ABI 5

/* Returns IOCP_ABI of the library. Any thread. */
IOCP_API uint32_t iocp_abi(void);

/* ------------------------------------------------------------------------
 * The port
 */

/* What iocp_poll() writes: a header, then up to `capacity` records. */
struct iocp_header {
  int32_t slab_end;   /* the slab is used up to here */
  int32_t flags;      /* IOCP_MORE, IOCP_SLAB_FULL */
  int32_t timeout_ms; /* poll again within this time; -1: no deadline runs */
  int32_t sockets;    /* sockets of the port that are not yet closed */
};

struct iocp_record {
  int32_t socket; /* whose completion this is */
  int32_t kind;   /* IOCP_ACCEPTED ... IOCP_CLOSED */
  int32_t result; /* see the kinds below; < 0 is -IOCP_E... */
  int32_t detail; /* a slab offset, or the system's error number */
};

/* Header flags. */
#define IOCP_MORE 1      /* more can be dequeued at once: poll again */
#define IOCP_SLAB_FULL 2 /* data waits for room: poll with a fresh slab */

/* Record kinds. */
#define IOCP_ACCEPTED 1  /* result: the new socket */
#define IOCP_CONNECTED 2 /* result: 0 */
#define IOCP_RECEIVED 3  /* result: bytes at slab offset detail; 0: the end */
#define IOCP_READABLE 4  /* result: 0; iocp_read() will not be refused */
#define IOCP_SENT 5      /* result: bytes that iocp_send() had kept */
#define IOCP_SHUT 6      /* result: 0 */
#define IOCP_CLOSED 7    /* result: 0; the name is void from here on */

/* IOCP_CLOSED also comes without an iocp_close(), with the reason as its
 * result: -IOCP_ETIMEDOUT when IOCP_FIRST_BYTE_TIMEOUT has passed. After
 * IOCP_DETACH its detail is the handle (a uint32_t). */

/* A slab with less room than this receives nothing more. */
#define IOCP_SLAB_MIN 4096
/* One record of data is never longer than this. */
#define IOCP_RECEIVE_MAX 262144

/*
 * Makes a port for the calling thread. Returns its name, -IOCP_EMFILE or
 * -IOCP_ENOMEM. The caller owns it and gives it back with iocp_delete().
 *
 * `realm` is for a program that may end and begin again on a living thread, as
 * JavaScript does: a number that differs from one run to the next, so that what
 * an earlier run has left can be found. The ports of this thread that have
 * another realm are deleted first, also when the call then fails. 0: the port
 * has no realm; it is never deleted for another one, and deletes none.
 */
IOCP_API int32_t iocp_new(uint32_t realm);

/*
 * Closes every socket of the port and the port. Sockets that hold unsent bytes,
 * or whose last send was not taken whole, are reset, so that no peer takes a
 * cut stream for a whole one. A blocked iocp_wait() returns -IOCP_EBADF.
 * Returns 0.
 */
IOCP_API int32_t iocp_delete(int32_t port);

/*
 * Dequeues without blocking. `events` points to a struct iocp_header followed
 * by room for `capacity` (1 to 4096) records; received bytes are written to
 * slab[offset .. length), with a length below 2^31. Both are 4-byte aligned.
 * Returns the number of records.
 */
IOCP_API int32_t iocp_poll(int32_t port,
                           void* events,
                           uint32_t capacity,
                           void* slab,
                           uint32_t offset,
                           uint32_t length);

/*
 * Blocks until iocp_poll() has something to deliver, iocp_wake() is called or
 * `timeout_ms` (-1: no limit) has passed. It dequeues nothing. Any thread, one
 * at a time a port. Returns 1 to poll, 0 after the timeout.
 */
IOCP_API int32_t iocp_wait(int32_t port, int32_t timeout_ms);

/*
 * Waits for a moment in the port's own thread, which costs less than to have
 * another thread wait: until iocp_poll() may have something to deliver, or for
 * `timeout_us`, at most IOCP_WAIT_HERE_MAX. It dequeues nothing. Windows waits
 * for no less than a tick of its clock, which is longer than a moment, so there
 * it does not wait. Returns 1 to poll, otherwise 0.
 */
IOCP_API int32_t iocp_wait_here(int32_t port, uint32_t timeout_us);
#define IOCP_WAIT_HERE_MAX 1000

/* Ends the wait that runs, or else the next one. Any thread. Returns 0. */
IOCP_API int32_t iocp_wake(int32_t port);

/* The system's number for the failure that a call last returned. */
IOCP_API int32_t iocp_native_error(int32_t port);

/* ------------------------------------------------------------------------
 * Sockets: making them
 */

/* An address as it crosses the API; ports and flow are in host order. */
struct iocp_address {
  uint16_t family; /* 4 or 6 */
  uint16_t port;
  uint32_t scope;    /* the IPv6 zone, else 0 */
  uint8_t bytes[16]; /* network order; IPv4 uses the first four */
};

/* Flags of iocp_listen(). */
#define IOCP_IPV6_ONLY 1    /* else an IPv6 wildcard takes IPv4 as well */
#define IOCP_REUSE_PORT 2   /* SO_REUSEPORT; Windows: -IOCP_ENOTSUP */
#define IOCP_ALL_NO_DELAY 4 /* accepted connections have IOCP_NO_DELAY set */

/* A flag of iocp_add_socket(): IOCP_DETACH has given this handle back. */
#define IOCP_DETACHED 1

/*
 * Adopts a connected stream socket of the system (a SOCKET or a file
 * descriptor, which both fit a double). On success the port owns it and will
 * close it; on failure it stays the caller's. Returns the socket's name,
 * -IOCP_ENOTSOCK, -IOCP_ENOTCONN (not a connected stream), -IOCP_EEXIST (it is
 * on a port already), -IOCP_ENOTSUP (on Windows: it was made without
 * WSA_FLAG_OVERLAPPED).
 */
IOCP_API int32_t iocp_add_socket(int32_t port,
                                 double os_socket,
                                 uint32_t flags);

/*
 * Binds and listens. `address` points to a struct iocp_address, `backlog` is
 * clamped by the system. Returns the listener's name. Nothing is accepted
 * before iocp_accept().
 */
IOCP_API int32_t iocp_listen(int32_t port,
                             const void* address,
                             uint32_t backlog,
                             uint32_t flags);

/*
 * Sets how many accepts are kept posted (0 to IOCP_ACCEPT_MAX); 0 stops
 * accepting, but up to the former number may still arrive. Each connection is
 * one IOCP_ACCEPTED. When the
 * system is out of descriptors or memory one IOCP_ACCEPTED says so (result <
 * 0), and accepting is tried again until it works; the listener stays alive.
 * Returns 0.
 */
#define IOCP_ACCEPT_MAX 1024
IOCP_API int32_t iocp_accept(int32_t port, int32_t listener, uint32_t count);

/*
 * Starts a connection; `local` may be NULL. Returns the socket's name at once;
 * IOCP_CONNECTED follows. A failed one must be closed like any other. One that
 * the system connected with itself, which happens to a port where nobody
 * listens, is refused (detail 0, for the system knows no such error).
 */
IOCP_API int32_t iocp_connect(int32_t port,
                              const void* remote,
                              const void* local);

/* ------------------------------------------------------------------------
 * Sockets: moving bytes
 */

/* iocp_read(), iocp_send(): a completion follows. */
#define IOCP_PENDING 0x40000000
/* iocp_send() takes no more than this in one call. */
#define IOCP_SEND_MAX 262144

/*
 * Lets the port receive `bytes` more (1 to 2^30) from the stream. Data comes
 * as IOCP_RECEIVED into the slab of iocp_poll(); a terminal IOCP_RECEIVED (0 or
 * an error) ends it. Without credit nothing is taken from the system, so an
 * idle consumer stops the sender. Returns 0, or -IOCP_ESHUTDOWN after the
 * terminal completion.
 */
IOCP_API int32_t iocp_receive(int32_t port, int32_t socket, uint32_t bytes);

/*
 * Takes what has arrived straight into buffer[offset .. offset + length).
 * Returns the bytes, 0 at the end of the stream, or IOCP_PENDING when nothing
 * is there: one IOCP_READABLE then says when to call again. Refused with
 * -IOCP_EBUSY while credit of iocp_receive() is open.
 */
IOCP_API int32_t iocp_read(int32_t port,
                           int32_t socket,
                           void* buffer,
                           uint32_t offset,
                           uint32_t length);

/*
 * Sends buffer[offset .. offset + length) without blocking; what the system
 * does not take at once is copied and sent later. Returns the number of bytes
 * taken over (up to IOCP_SEND_MAX), with IOCP_PENDING added when a copy was
 * kept: one IOCP_SENT then says that it has left, or why it did not. Until then
 * other calls return -IOCP_EBUSY, unless IOCP_SEND_CONCURRENCY allows more.
 */
IOCP_API int32_t iocp_send(int32_t port,
                           int32_t socket,
                           const void* buffer,
                           uint32_t offset,
                           uint32_t length);

/*
 * iocp_send() of the same bytes to `count` sockets, in one call:
 * results[i] (an int32_t) is what iocp_send() says of sockets[i] (an int32_t).
 * A negative one says that nothing of the bytes was taken for that socket; the
 * others get theirs all the same. Returns for how many the result is another
 * one than `length`, or an error when nothing was sent at all.
 */
IOCP_API int32_t iocp_broadcast(int32_t port,
                                const void* sockets,
                                void* results,
                                uint32_t count,
                                const void* buffer,
                                uint32_t offset,
                                uint32_t length);

/*
 * Whether the peer takes what is sent to it: 1 when its system has acknowledged
 * bytes since this last returned 1, and at the first call; otherwise 0, also
 * where the system does not say it (Windows before version 1703 of Windows 10,
 * and Wine). A completion of iocp_send() is the same news, but comes late when
 * the peer is slow: of 262144 bytes it comes once.
 */
IOCP_API int32_t iocp_progress(int32_t port, int32_t socket);

/*
 * Ends the sending direction (FIN) once everything sent has left. Returns 0;
 * IOCP_SHUT follows. Later sends return -IOCP_EPIPE.
 */
IOCP_API int32_t iocp_shutdown(int32_t port, int32_t socket);

/* How iocp_close() closes. */
#define IOCP_GRACEFUL 0
#define IOCP_RESET 1
#define IOCP_DETACH 2

/*
 * Closes any socket; whatever was pending on it completes first and nothing
 * more is received. Graceful: bytes kept are sent (given up when the peer's
 * system acknowledges nothing for `timeout_ms`, up to a quarter more: the
 * connection is reset and IOCP_CLOSED has -IOCP_ETIMEDOUT), then FIN, then what
 * the peer still sends is discarded until its FIN comes, at most IOCP_LINGER_MS
 * or `timeout_ms`. Reset: at once, with RST. A graceful close under way may be
 * followed by a reset.
 *
 * Detach: the connection stays open and its handle goes back to the caller, to
 * be adopted by this or another port, on any thread. Bytes kept are sent first,
 * as above; bytes that operations have received already come as IOCP_RECEIVED,
 * whatever the credit. Refused with -IOCP_ENOTCONN or the connection's error
 * when it is none that works.
 *
 * Returns 0; IOCP_CLOSED follows.
 */
#define IOCP_LINGER_MS 2000
IOCP_API int32_t iocp_close(int32_t port,
                            int32_t socket,
                            uint32_t mode,
                            uint32_t timeout_ms);

/* ------------------------------------------------------------------------
 * Sockets: names, options, numbers
 */

#define IOCP_LOCAL 0
#define IOCP_PEER 1

/*
 * Writes the struct iocp_address of one end. Returns 0. Without a system call
 * for the peer of a connection, and for both ends of one of iocp_connect().
 */
IOCP_API int32_t iocp_name(int32_t port,
                           int32_t socket,
                           uint32_t end,
                           void* address);

/*
 * Sets an option of iocp_option.h. Returns 0, -IOCP_EINVAL when the socket has
 * no such option or the value is out of its bounds, or -IOCP_ENOTSUP when this
 * system does not have the option.
 */
IOCP_API int32_t iocp_set_option(int32_t port,
                                 int32_t socket,
                                 uint32_t option,
                                 int32_t value);
/* Returns the value of an option, or an error as above. */
IOCP_API int32_t iocp_get_option(int32_t port, int32_t socket, uint32_t option);

/* Counters of a socket. */
struct iocp_socket_stats {
  double operations;       /* in the kernel's hands (Windows) */
  double receives_posted;  /* those of them that receive (Windows) */
  double bytes_posted;     /* buffers that receives hold (Windows) */
  double bytes_readable;   /* have come and were not delivered yet */
  double sends;            /* of iocp_send(), not completed yet */
  double bytes_kept;       /* the copies they hold */
  double bytes_received;   /* delivered, ever */
  double bytes_sent;       /* taken by the kernel, ever */
  double accepts_posted;   /* kept posted; Linux: as many as were asked for */
  double accepts_ready;    /* have completed and were not delivered (Windows) */
  double accepts_deferred; /* connected, and have said nothing yet */
  double accepted;         /* connections delivered, ever */
  double accept_failures;  /* posts or accepts that failed and were retried */
  double silent;           /* reset for having said nothing, ever */
};

/* Writes a struct iocp_socket_stats. Returns 0. */
IOCP_API int32_t iocp_socket_stats(int32_t port, int32_t socket, void* stats);

/*
 * Resolves a host name for a listener, which must know its address before it
 * returns; connections use the runtime's own resolver. `name` points to
 * `length` bytes of ASCII. Writes up to `capacity` addresses and returns their
 * number. Blocks for as long as the system's resolver does. Any thread.
 */
IOCP_API int32_t iocp_resolve(const void* name,
                              uint32_t length,
                              void* addresses,
                              uint32_t capacity);

/* Counters of a port. */
struct iocp_stats {
  double sockets;         /* not yet closed */
  double operations;      /* in the kernel's hands (Windows) */
  double bytes_kept;      /* copies held for iocp_send() */
  double bytes_posted;    /* buffers held by posted receives (Windows) */
  double bytes_received;  /* delivered, ever */
  double bytes_sent;      /* taken by the kernel, ever */
  double accepted;        /* connections, ever */
  double accept_failures; /* posts or accepts that failed and were retried */
  double polls;           /* calls of iocp_poll(), ever */
  double records;         /* records delivered, ever */
};

/* Writes a struct iocp_stats. Returns 0. */
IOCP_API int32_t iocp_stats(int32_t port, void* stats);

/* ------------------------------------------------------------------------
 * Groups of sockets
 *
 * A port may have many users in one thread, each with sockets of its own. They
 * share the queue, so that one poll and one wait serve all of them; what is
 * counted and closed apart is a group. IOCP_GROUP says which one a socket is
 * in.
 */

/* Makes a group without sockets. Returns its number, from 1, -IOCP_EMFILE when
 * the port has IOCP_GROUP_MAX of them, or -IOCP_ENOMEM. */
IOCP_API int32_t iocp_group_new(int32_t port);

/*
 * Closes every socket of the group, as iocp_delete() closes those of a port,
 * and ends the group. The names of the sockets are void when it returns, and
 * nothing of them completes any more; its number may be given again. Returns 0,
 * or -IOCP_EINVAL when there is no such group.
 */
IOCP_API int32_t iocp_group_close(int32_t port, uint32_t group);

/*
 * Writes a struct iocp_stats of the group's sockets, those included that are
 * closed already; polls and records are the port's. A socket counts with all
 * that it has done where it is now. Returns 0, or -IOCP_EINVAL when there is no
 * such group. It takes longer the more sockets the port has.
 */
IOCP_API int32_t iocp_group_stats(int32_t port, uint32_t group, void* stats);

#ifdef __cplusplus
}
#endif

#endif /* IOCP_H */
