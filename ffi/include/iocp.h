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
 *   process makes one in the same folder.
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
 * -IOCP_ETIMEDOUT when IOCP_FIRST_BYTE_TIMEOUT has passed. After IOCP_DETACH
 * its detail is the handle, as a uint32_t. */

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
 * thread wait: until iocp_poll() may have something to deliver, or for
 * `timeout_us`, at most IOCP_WAIT_HERE_MAX. It dequeues nothing. Returns 1 when
 * the port is to be polled, otherwise 0. On Windows, where a wait lasts at
 * least until the next clock tick, it returns at once.
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
 * Making sockets
 */

/* Families of addresses, which are the first field of both structs. */
#define IOCP_UNIX 1 /* struct iocp_path: a unix socket */
#define IOCP_PIPE 2 /* struct iocp_path: a named pipe of Windows */
#define IOCP_IPV4 4 /* struct iocp_address */
#define IOCP_IPV6 6 /* struct iocp_address */

/* An IP address and port, in the host's byte order unless noted. */
struct iocp_address {
  uint16_t family; /* IOCP_IPV4 or IOCP_IPV6 */
  uint16_t port;
  uint32_t scope;    /* the zone of a link-local IPv6 address, else 0 */
  uint8_t bytes[16]; /* network byte order; IPv4 uses the first four */
};

/*
 * The name of a local socket. The library reads and writes only its first
 * 4 + `length` bytes, so it may be in a shorter block of memory.
 *
 * IOCP_UNIX: the path of a socket file, without zero bytes: UTF-8 on Windows,
 * any other bytes on Linux, at most 107. On Linux a name whose first byte is 0
 * is abstract: it has no file, and at most 108 bytes, the 0 included. A peer
 * without a name has a length of 0.
 * IOCP_PIPE: \\.\pipe\NAME or \\?\pipe\NAME in UTF-8, at most 256 UTF-16 units.
 * In the first form each slash may be a forward one. Names have no case.
 */
#define IOCP_PATH_MAX 1020
struct iocp_path {
  uint16_t family; /* IOCP_UNIX or IOCP_PIPE */
  uint16_t length; /* bytes of the name */
  uint8_t bytes[IOCP_PATH_MAX];
};

/* Flags of iocp_listen(). */
#define IOCP_IPV6_ONLY 1    /* otherwise an IPv6 wildcard accepts IPv4 too */
#define IOCP_REUSE_PORT 2   /* SO_REUSEPORT; Windows: -IOCP_ENOTSUP */
#define IOCP_ALL_NO_DELAY 4 /* sets IOCP_NO_DELAY on accepted connections */

/* Flags of iocp_listen_path(). */
#define IOCP_REPLACE_STALE 8 /* a socket file that no socket is bound to */
#define IOCP_EVERYONE 16     /* every user of this machine may connect */

/* A flag of iocp_add_socket(): the handle comes from IOCP_DETACH or
 * iocp_take(). */
#define IOCP_DETACHED 1

/*
 * Adopts a connected stream socket that was made elsewhere: a SOCKET or a file
 * descriptor, which both fit into a double, or on Windows a HANDLE of an end of
 * a named pipe. On success the port owns it and
 * will close it; on failure the caller keeps it, unchanged. Returns the id of
 * the socket, -IOCP_ENOTSOCK, -IOCP_ENOTCONN (not a connected stream),
 * -IOCP_EEXIST (it is on a port already), or -IOCP_ENOTSUP (Windows: it was
 * made without WSA_FLAG_OVERLAPPED or FILE_FLAG_OVERLAPPED, or is a pipe that
 * does not wait or reads messages).
 */
IOCP_API int32_t iocp_add_socket(int32_t port,
                                 double os_socket,
                                 uint32_t flags);

/*
 * Binds and listens. `address` points to a struct iocp_address; the system
 * limits `backlog`. Returns the id of the listener. Nothing is accepted before
 * iocp_accept().
 */
IOCP_API int32_t iocp_listen(int32_t port,
                             const void* address,
                             uint32_t backlog,
                             uint32_t flags);

/*
 * The same for a local socket; `path` points to a struct iocp_path. A name that
 * is too long for the system returns -IOCP_ENAMETOOLONG, and a kind of socket
 * that it does not have -IOCP_ENOTSUP.
 *
 * IOCP_UNIX: `mode` has the permission bits of the socket file (0 to 0777),
 * which are set before any process can connect, or is IOCP_MODE_DEFAULT; an
 * abstract name has none. A path that exists returns -IOCP_EADDRINUSE, unless
 * IOCP_REPLACE_STALE is set and it is a socket file that refuses connections,
 * as it does when its process has ended without removing it. Such a file is
 * replaced, under a lock of the folder (flock(2)), so that of two listeners
 * that start together one gets -IOCP_EADDRINUSE. -IOCP_EBUSY: another process
 * has held that lock for 100 ms. The file is removed when the listener is
 * closed, if it is still that of the listener. `access` must be NULL. Windows
 * has no `mode` (-IOCP_ENOTSUP), and the lock is a file, PATH.lock, which
 * exists as long as the listener is open.
 *
 * IOCP_PIPE: only the current user may connect, unless IOCP_EVERYONE is set or
 * `access` points to `access_length` bytes of UTF-8: a security descriptor as a
 * string (SDDL), which must let this process make further instances. `mode`
 * must be IOCP_MODE_DEFAULT. A name that has an instance, of any process,
 * returns -IOCP_EADDRINUSE. Clients on other machines are refused.
 */
IOCP_API int32_t iocp_listen_path(int32_t port,
                                  const void* path,
                                  uint32_t backlog,
                                  uint32_t flags,
                                  uint32_t mode,
                                  const void* access,
                                  uint32_t access_length);
#define IOCP_MODE_DEFAULT 0xFFFFFFFFu

/*
 * Adopts a socket that listens already, for TCP or as a unix socket: one of a
 * service manager, another process or another library. Ownership is as with
 * iocp_add_socket(). The backlog stays that of its maker, and IOCP_BACKLOG is 0
 * until it is set; on Windows it cannot be. IOCP_ALL_NO_DELAY has no effect on
 * a unix socket, whose file is left to its maker. IOCP_DETACHED: it comes from
 * iocp_take(), and may be on a port of the process that passed it. Returns the
 * id of the listener, -IOCP_ENOTSOCK, -IOCP_EINVAL (it does not listen for
 * streams), -IOCP_EAFNOSUPPORT, -IOCP_EEXIST (it is on a port of this process
 * already; Windows: of any), or -IOCP_ENOTSUP (Windows: it was made without
 * WSA_FLAG_OVERLAPPED).
 *
 * Other processes that have the socket as well share its modes, such as
 * O_NONBLOCK, which is set. Each connection goes to one of them.
 */
IOCP_API int32_t iocp_add_listener(int32_t port,
                                   double os_socket,
                                   uint32_t flags);

/*
 * Sets how many accepts are posted at a time (0 to IOCP_ACCEPT_MAX). 0 stops
 * accepting: accepts that are posted stay posted, and their connections are
 * delivered once the count is above 0 again; only connections that wait for
 * their first byte (IOCP_DEFER_ACCEPT) are still delivered. Each connection is
 * one IOCP_ACCEPTED. When the system is out of descriptors or memory, one
 * IOCP_ACCEPTED has the error (result < 0); the listener stays open, and
 * accepting is retried until it succeeds. Returns 0.
 */
IOCP_API int32_t iocp_accept(int32_t port, int32_t listener, uint32_t count);
#define IOCP_ACCEPT_MAX 1024

/*
 * Stops accepting for good, and leaves connections that wait in the backlog to
 * other processes that have the socket. Those that the system has accepted are
 * still delivered, so the listener is to be closed when its accepts_posted (on
 * Windows), accepts_ready and accepts_deferred are 0; on Windows, with
 * IOCP_DEFER_ACCEPT, connections without data are reset. From then on
 * iocp_accept() returns -IOCP_ESHUTDOWN, and a socket file is not removed.
 * Returns 0, or -IOCP_ENOTSUP for a named pipe, of which no other process
 * accepts.
 */
IOCP_API int32_t iocp_stop(int32_t port, int32_t listener);

/*
 * Starts a connection to the struct iocp_address `remote`, from `local`, which
 * may be NULL. Returns the id of the socket at once; IOCP_CONNECTED follows. A
 * socket that failed to connect must be closed like any other. A connection of
 * the socket to itself, which TCP allows when nothing listens on a port of this
 * machine, is reported as -IOCP_ECONNREFUSED with a detail of 0.
 *
 * `remote` may be a struct iocp_path instead; `local` must be NULL then. While
 * the listener has no room for the connection (its backlog is full, or every
 * instance of the pipe is busy), the attempt is repeated, until it succeeds or
 * fails or the socket is closed.
 */
IOCP_API int32_t iocp_connect(int32_t port,
                              const void* remote,
                              const void* local);

/* ------------------------------------------------------------------------
 * Moving bytes
 */

/* A bit in the result of iocp_read() and iocp_send(): a completion follows. */
#define IOCP_PENDING 0x40000000
/* The most bytes that one iocp_send() accepts. */
#define IOCP_SEND_MAX 262144

/*
 * Gives the stream credit to receive `bytes` more; the credit is at most 2^30.
 * Data arrives as IOCP_RECEIVED in the slab of iocp_poll(); a terminal
 * IOCP_RECEIVED (0 at the end of the stream, or an error) is the last one.
 * Without credit, data stays in the kernel, so that a slow consumer slows the
 * sender down. Returns 0, -IOCP_ESHUTDOWN after the terminal completion, or
 * -IOCP_EBUSY while an IOCP_READABLE is pending.
 */
IOCP_API int32_t iocp_receive(int32_t port, int32_t socket, uint32_t bytes);

/*
 * Receives what has arrived into buffer[offset .. offset + length), without the
 * slab. Returns the bytes, 0 at the end of the stream, or IOCP_PENDING when
 * there is no data: then one IOCP_READABLE follows when it is time to call
 * again. Returns -IOCP_EBUSY while the stream has credit of iocp_receive(), or
 * an IOCP_READABLE is pending.
 */
IOCP_API int32_t iocp_read(int32_t port,
                           int32_t socket,
                           void* buffer,
                           uint32_t offset,
                           uint32_t length);

/*
 * Sends buffer[offset .. offset + length) without blocking. What the system
 * does not accept at once is copied and sent later. Returns the number of bytes
 * accepted, at most IOCP_SEND_MAX, with the bit IOCP_PENDING if some were
 * copied: then one IOCP_SENT follows, when the copy was sent or has failed.
 * Until then further sends return -IOCP_EBUSY, unless IOCP_SEND_CONCURRENCY
 * allows more. Returns -IOCP_EPIPE after iocp_shutdown().
 */
IOCP_API int32_t iocp_send(int32_t port,
                           int32_t socket,
                           const void* buffer,
                           uint32_t offset,
                           uint32_t length);

/*
 * Sends the same bytes to `count` sockets: results[i] (an int32_t) is the
 * result of iocp_send() for sockets[i] (an int32_t). A failure of one does not
 * affect the others. Returns the number of results that differ from `length`,
 * or an error when nothing was sent at all.
 */
IOCP_API int32_t iocp_broadcast(int32_t port,
                                const void* sockets,
                                void* results,
                                uint32_t count,
                                const void* buffer,
                                uint32_t offset,
                                uint32_t length);

/*
 * Whether the peer is receiving: returns 1 in the first call, and when the
 * peer's system has acknowledged at least 64 bytes since the last call that
 * returned 1; otherwise 0, also where the system does not report
 * acknowledgments (Windows before version 1703 of Windows 10, and Wine). An
 * IOCP_SENT shows progress as well, but with a slow peer there is only one for
 * each 262,144 bytes. The peer of a unix socket shows it when it has received a
 * message of the system, which is up to 36 KiB of a send.
 */
IOCP_API int32_t iocp_progress(int32_t port, int32_t socket);

/*
 * Sends FIN once everything was sent: the end of the sending direction. Returns
 * 0; IOCP_SHUT follows. Later sends and shutdowns return -IOCP_EPIPE. A named
 * pipe has no such end: -IOCP_ENOTSUP.
 */
IOCP_API int32_t iocp_shutdown(int32_t port, int32_t socket);

/* Modes of iocp_close(). */
#define IOCP_GRACEFUL 0
#define IOCP_RESET 1
#define IOCP_DETACH 2

/*
 * Closes any socket. Its pending operations complete first, with
 * -IOCP_ECANCELED if they have no other result, and nothing more is received.
 * Returns 0; IOCP_CLOSED follows.
 *
 * IOCP_GRACEFUL: copies of iocp_send() are sent, then FIN; then data of the
 * peer is discarded until its FIN, for at most IOCP_LINGER_MS or `timeout_ms`.
 * If the peer's system acknowledges nothing for `timeout_ms`, and up to a
 * quarter more, the connection is reset, and IOCP_CLOSED has -IOCP_ETIMEDOUT.
 * IOCP_RESET may follow while IOCP_GRACEFUL is not finished.
 *
 * IOCP_RESET: at once, with RST. A unix socket has none: its peer receives
 * -IOCP_ECONNRESET if it has sent bytes that this side has not received, and
 * otherwise the end of the stream. The server of a named pipe discards what its
 * client has not received, and the client receives -IOCP_ECONNRESET; a client
 * cannot do that, so its server receives the end of the stream, perhaps without
 * bytes that were still unsent.
 *
 * IOCP_DETACH: the connection stays open, and IOCP_CLOSED returns its handle,
 * which iocp_add_socket() can add to any port, on any thread. Copies of
 * iocp_send() are sent first, as above. Bytes that operations have received
 * come as IOCP_RECEIVED, whatever the credit. Returns -IOCP_ENOTCONN, or the
 * error of the connection, unless the connection is open and works.
 */
IOCP_API int32_t iocp_close(int32_t port,
                            int32_t socket,
                            uint32_t mode,
                            uint32_t timeout_ms);
#define IOCP_LINGER_MS 2000

/* ------------------------------------------------------------------------
 * Datagrams
 *
 * A datagram socket is one of iocp_bind(). iocp_receive(), iocp_close() (but
 * not with IOCP_DETACH), iocp_get_address() and the options apply to it as
 * documented there; iocp_read(), iocp_send() and iocp_shutdown() return
 * -IOCP_ENOTCONN.
 */

/*
 * One datagram in memory, at a multiple of 8 bytes from the first one:
 *
 *   struct iocp_datagram | path of the sender or receiver | data | padding
 *
 * The path is there only if from.family is IOCP_UNIX. It has from.port bytes,
 * without a terminator (0: unnamed), and is padded with zeros to a multiple of
 * 8. The data is padded to a multiple of 8 as well, and the next one follows.
 */
struct iocp_datagram {
  struct iocp_address from; /* or the destination of iocp_send_many() */
  uint32_t length;          /* bytes of the data that follow */
  uint32_t size;            /* bytes that were sent: more than `length` when the
                             * datagram was truncated. UINT32_MAX: truncated,
                             * and the system does not say how much was sent */
};

/* The longest path in the memory of a datagram, padded. */
#define IOCP_DATAGRAM_PATH_MAX 112
/* The most bytes of a datagram that iocp_poll() delivers; more are truncated.
 * UDP has at most 65,507 (IPv4) or 65,527 (IPv6); a unix socket may send more.
 */
#define IOCP_DATAGRAM_MAX 65536
/* Room that one datagram needs at most. */
#define IOCP_DATAGRAM_ROOM (32 + IOCP_DATAGRAM_PATH_MAX + IOCP_DATAGRAM_MAX)

/* Flags of iocp_bind(), besides IOCP_IPV6_ONLY and IOCP_REUSE_PORT. */

/* Several sockets may bind the address, and each of them receives every
 * datagram. It must be that of a multicast group (otherwise -IOCP_EINVAL),
 * because of a unicast address the last socket would get all datagrams. Not on
 * Windows, which binds no group address: -IOCP_ENOTSUP. */
#define IOCP_REUSE_ADDRESS 32

/*
 * Makes a datagram socket: UDP at a struct iocp_address, or, on Linux, a unix
 * socket at a struct iocp_path, unnamed if its length is 0. The flag
 * IOCP_REPLACE_STALE and `mode` are those of iocp_listen_path(); `mode` is
 * ignored for UDP. Nothing is received before iocp_receive(). Returns the id of
 * the socket.
 *
 * iocp_receive() gives it credit, which counts the memory of datagrams as
 * described above, and may be exceeded by one batch. Datagrams arrive as
 * IOCP_DATAGRAMS. An error (result < 0) does not end the socket, nor its
 * credit: it is that of an earlier datagram, which the network has reported
 * later (ICMP); Linux reports it only to a connected socket. A close ends the
 * credit with -IOCP_ECANCELED. Without credit, datagrams stay in the system,
 * which drops those that its buffer has no room for.
 */
IOCP_API int32_t iocp_bind(int32_t port,
                           const void* address,
                           uint32_t flags,
                           uint32_t mode);

/*
 * Receives one datagram into buffer[offset .. offset + length), without the
 * slab. What does not fit is lost. `datagram` has room for a struct
 * iocp_datagram and IOCP_DATAGRAM_PATH_MAX bytes, for the path. Returns the
 * bytes (0: an empty datagram), or IOCP_PENDING when there is none: then one
 * IOCP_READABLE follows when it is time to call again. An error as of
 * IOCP_DATAGRAMS is returned once. Returns -IOCP_EBUSY as iocp_read() does.
 */
IOCP_API int32_t iocp_receive_from(int32_t port,
                                   int32_t socket,
                                   void* buffer,
                                   uint32_t offset,
                                   uint32_t length,
                                   void* datagram);

/*
 * Sends one datagram without blocking, to a struct iocp_address or struct
 * iocp_path, or, with NULL, to the connected peer. Returns `length`, with the
 * bit IOCP_PENDING if the system had no room and it was copied: then one
 * IOCP_SENT follows. Until then further sends return -IOCP_EBUSY, as with
 * iocp_send(). Returns -IOCP_EMSGSIZE for more bytes than the system can send
 * as one datagram, and -IOCP_EDESTADDRREQ without a destination.
 *
 * The result of an IOCP_SENT of a datagram socket is the number of datagrams
 * that were sent, or the first error; the others of the copy are sent all the
 * same. A failed send does not end the socket either.
 */
IOCP_API int32_t iocp_send_to(int32_t port,
                              int32_t socket,
                              const void* buffer,
                              uint32_t offset,
                              uint32_t length,
                              const void* address);

/*
 * Sends up to `count` datagrams, which are in `length` bytes of memory as
 * described above, with their destinations in `from` (family 0: the connected
 * peer); `size` is ignored. Returns how many were taken (at least one), with
 * the bit IOCP_PENDING if some of these were copied: then one IOCP_SENT
 * follows. The first one that was not taken returns its error in the next call.
 * Returns -IOCP_EINVAL, and sends nothing, when the memory does not have
 * `count` datagrams.
 */
IOCP_API int32_t iocp_send_many(int32_t port,
                                int32_t socket,
                                const void* datagrams,
                                uint32_t length,
                                uint32_t count);

/*
 * Connects a datagram socket: from now on the system sends there by default,
 * and receives from there alone. Datagrams that it has received before are
 * still delivered. With NULL it is not connected any more. Returns 0, or
 * -IOCP_EBUSY while the system has not taken what was copied. After another
 * error the socket has its former peer, or none (iocp_get_address()).
 */
IOCP_API int32_t iocp_connect_datagram(int32_t port,
                                       int32_t socket,
                                       const void* address);

/*
 * Joins a multicast group (`joins` is 1), or leaves it (0): the struct
 * iocp_address `group`, on the interface with that index (0: the system
 * chooses), and with `source` only what that address sends (RFC 4607). A socket
 * may join a group on several interfaces and from several sources, and receives
 * only from groups that it has joined itself. Returns 0,
 * -IOCP_EADDRINUSE when it has joined already, or -IOCP_EADDRNOTAVAIL when it
 * has not joined, or when there is no such interface.
 */
IOCP_API int32_t iocp_membership(int32_t port,
                                 int32_t socket,
                                 const void* group,
                                 const void* source,
                                 uint32_t interface_index,
                                 uint32_t joins);

/* Returns the index of the network interface that has the struct iocp_address,
 * or -IOCP_EADDRNOTAVAIL. */
IOCP_API int32_t iocp_interface_index(int32_t port, const void* address);

/* ------------------------------------------------------------------------
 * Addresses, options, counters
 */

#define IOCP_LOCAL 0
#define IOCP_PEER 1

/*
 * Writes the address of one end: a struct iocp_address, or the first bytes of a
 * struct iocp_path, as many as its name needs. Returns the bytes written, or
 * -IOCP_EINVAL when `capacity` is smaller; sizeof(struct iocp_path) is always
 * enough. The peer's IP address needs no system call, and neither does the
 * local one of a socket of iocp_connect().
 */
IOCP_API int32_t iocp_get_address(int32_t port,
                                  int32_t socket,
                                  uint32_t end,
                                  void* address,
                                  uint32_t capacity);

/* The process at the other end of a local connection. IOCP_PEER_UNKNOWN: the
 * system does not say. */
struct iocp_peer {
  uint32_t pid;
  uint32_t uid;
  uint32_t gid;
};
#define IOCP_PEER_UNKNOWN 0xFFFFFFFFu

/*
 * Writes a struct iocp_peer. Linux: the process that connected or listened, as
 * it was then (SO_PEERCRED). Windows: the pid alone. Returns 0, or
 * -IOCP_ENOTSUP for a connection that is not local.
 */
IOCP_API int32_t iocp_get_peer(int32_t port, int32_t socket, void* peer);

/*
 * Sets an option of iocp_option.h. Returns 0, -IOCP_EINVAL when the socket has
 * no such option or the value is out of its bounds, or -IOCP_ENOTSUP when this
 * system does not have the option. Local sockets have no options of the system.
 */
IOCP_API int32_t iocp_set_option(int32_t port,
                                 int32_t socket,
                                 uint32_t option,
                                 int32_t value);

/* Returns the value of an option, or an error as above. */
IOCP_API int32_t iocp_get_option(int32_t port, int32_t socket, uint32_t option);

/* Counters of a socket. Those "in flight" are zero on Linux, where nothing is
 * posted. */
struct iocp_socket_stats {
  double operations;       /* in flight */
  double receives_posted;  /* of these, the receives */
  double bytes_posted;     /* buffers of receives in flight */
  double bytes_readable;   /* received by the system, and not delivered yet */
  double sends;            /* of iocp_send(), not completed yet */
  double bytes_unsent;     /* in the copies of these */
  double bytes_received;   /* delivered, in total */
  double bytes_sent;       /* accepted by the kernel, in total */
  double accepts_posted;   /* in flight; Linux: as many as were asked for */
  double accepts_ready;    /* completed and not delivered yet (Windows) */
  double accepts_deferred; /* connected, without data so far */
  double accepted;         /* connections delivered, in total */
  double accept_failures;  /* accepts that failed and were retried, in total */
  double first_byte_timeouts; /* reset by IOCP_FIRST_BYTE_TIMEOUT, in total */
  double datagrams_received;  /* delivered, in total */
  double datagrams_sent;      /* accepted by the kernel, in total */
  double datagrams_dropped; /* arrived, and dropped because the buffer was full,
                             * in total. Windows does not count them: 0 */
};

/* Writes a struct iocp_socket_stats. Returns 0. */
IOCP_API int32_t iocp_socket_stats(int32_t port, int32_t socket, void* stats);

/* Counters of a port, or of a group of sockets. */
struct iocp_stats {
  double sockets;         /* not closed yet */
  double operations;      /* in flight (Windows) */
  double bytes_unsent;    /* in copies of iocp_send() */
  double bytes_posted;    /* buffers of posted receives (Windows) */
  double bytes_received;  /* delivered, in total */
  double bytes_sent;      /* accepted by the kernel, in total */
  double accepted;        /* connections delivered, in total */
  double accept_failures; /* accepts that failed and were retried, in total */
  double polls;           /* calls of iocp_poll(), in total */
  double records;         /* records delivered, in total */
};

/* Writes a struct iocp_stats. Returns 0. */
IOCP_API int32_t iocp_stats(int32_t port, void* stats);

/* ------------------------------------------------------------------------
 * Passing sockets to other processes
 *
 * The process that is to have the socket makes an inbox, and sends its address
 * to the other one, over any channel. That one passes the socket to the
 * address, which gives a ticket, and sends the ticket back. The first one takes
 * the socket with it. A ticket is good for one time, in the process of the
 * inbox. Both processes then have the socket; it is closed when both have
 * closed it. Tickets and addresses are to come from processes that are trusted.
 */

/* The most bytes of an address of an inbox, and of a ticket. */
#define IOCP_INBOX_MAX 64
#define IOCP_TICKET_MAX 1024

/*
 * Writes the address of the port's inbox, which is made if it does not exist
 * yet. Returns its length, or -IOCP_EINVAL when `capacity` is below
 * IOCP_INBOX_MAX.
 *
 * On Linux the inbox is a unix datagram socket with an abstract name, which is
 * closed with its port, together with the sockets that were not taken. It holds
 * those of `net.unix.max_dgram_qlen` tickets (usually 10), and the port the
 * last 16 whose tickets were passed over. On Windows a socket that is never
 * taken stays open as long as the process (WSADuplicateSocketW()).
 */
IOCP_API int32_t iocp_inbox(int32_t port, void* address, uint32_t capacity);

/*
 * Passes a socket to the inbox at `address`: the listener `socket`, or, where
 * that is -1, the stream `os_socket`, a handle of IOCP_DETACH. Writes the
 * ticket and returns its length. The socket stays open here; see iocp_drop().
 * Returns -IOCP_EINVAL (no listener, no address of an inbox, or a `capacity`
 * below IOCP_TICKET_MAX), -IOCP_ENOTSUP (a named pipe), -IOCP_ENOTSOCK,
 * -IOCP_ECONNREFUSED (the inbox does not exist any more), or -IOCP_EBUSY (it is
 * full: its process is to take sockets first).
 */
IOCP_API int32_t iocp_pass(int32_t port,
                           int32_t socket,
                           double os_socket,
                           const void* address,
                           uint32_t length,
                           void* ticket,
                           uint32_t capacity);

/*
 * Takes the socket of a ticket. Returns its handle, which belongs to the caller
 * and is on no port: it is for iocp_add_socket() or iocp_add_listener(), with
 * IOCP_DETACHED, or for iocp_drop(). Returns -IOCP_EINVAL for what is no
 * ticket, and -IOCP_ENOENT for one whose socket is not in the inbox of the
 * port.
 */
IOCP_API int32_t iocp_take(int32_t port, const void* ticket, uint32_t length);

/*
 * Closes the handle of a socket that is on no port, without an effect on the
 * connection while another process has it. Returns 0 or -IOCP_ENOTSOCK.
 */
IOCP_API int32_t iocp_drop(int32_t port, double os_socket);

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
