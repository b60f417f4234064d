/* SPDX-License-Identifier: MIT */
/* What all sockets have: their close, addresses, options and counters; see
 * iocp.h. */
#ifndef IOCP_API_SOCKET_H
#define IOCP_API_SOCKET_H

#include <stdint.h>

#include "iocp_address.h"
#include "iocp_export.h"
#include "iocp_option.h"

#ifdef __cplusplus
extern "C" {
#endif

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
  double sends;            /* of bytes or files, not completed yet */
  double bytes_unsent;     /* in the copies of these, or of files */
  double bytes_received;   /* delivered, in total */
  double bytes_sent;       /* accepted by the kernel, in total */
  double accepts_posted;   /* in flight; Linux: as many as were asked for */
  double accepts_ready;    /* completed, and not delivered or handed out yet;
                            * on Linux only those of iocp_share() */
  double accepts_deferred; /* connected, without data so far */
  double accepted;         /* connections delivered or handed out, in total */
  double accept_failures;  /* accepts that failed and were retried, in total */
  double first_byte_timeouts; /* reset by IOCP_FIRST_BYTE_TIMEOUT, in total */
  double datagrams_received;  /* delivered, in total */
  double datagrams_sent;      /* accepted by the kernel, in total */
  double datagrams_dropped; /* arrived, and dropped because the buffer was full,
                             * in total. Windows does not count them: 0 */
};

/* Writes a struct iocp_socket_stats. Returns 0. */
IOCP_API int32_t iocp_socket_stats(int32_t port, int32_t socket, void* stats);

/* What the system knows of a TCP connection. IOCP_TCP_UNKNOWN: it does not say.
 * Windows has no variance, no count of segments and no delivery rate; Linux has
 * the bytes that were sent again since version 4.19. */
struct iocp_tcp_info {
  double rtt_us;                 /* the round trip, smoothed */
  double rtt_variance_us;        /* its mean deviation */
  double rtt_min_us;             /* the shortest one that was measured lately */
  double bytes_in_flight;        /* sent, and not acknowledged */
  double congestion_window;      /* in bytes */
  double max_segment;            /* in bytes, of what is sent */
  double bytes_retransmitted;    /* since the start */
  double segments_retransmitted; /* since the start */
  double delivery_rate;          /* in bytes a second, measured last */
};
#define IOCP_TCP_UNKNOWN (-1)

/*
 * Writes a struct iocp_tcp_info. Returns 0, -IOCP_ENOTSUP for a local
 * connection and where the system does not say (Windows before version 1703 of
 * Windows 10, and Wine), or the error of the connection.
 */
IOCP_API int32_t iocp_tcp_info(int32_t port, int32_t socket, void* info);

/* Counters of a port, or of a group of sockets. */
struct iocp_stats {
  double sockets;         /* not closed yet */
  double operations;      /* in flight (Windows) */
  double bytes_unsent;    /* of iocp_send(), in copies, and of files */
  double bytes_posted;    /* buffers of posted receives (Windows) */
  double bytes_received;  /* delivered, in total */
  double bytes_sent;      /* accepted by the kernel, in total */
  double accepted;        /* connections delivered or handed out, in total */
  double accept_failures; /* accepts that failed and were retried, in total */
  double polls;           /* calls of iocp_poll(), in total */
  double records;         /* records delivered, in total */
};

/* Writes a struct iocp_stats. Returns 0. */
IOCP_API int32_t iocp_stats(int32_t port, void* stats);

#ifdef __cplusplus
}
#endif

#endif /* IOCP_API_SOCKET_H */
