/* SPDX-License-Identifier: MIT */
/*
 * Datagram sockets; see iocp.h.
 *
 * A datagram socket is one of iocp_bind(). iocp_receive(), iocp_close() (but
 * not with IOCP_DETACH), iocp_get_address() and the options apply to it as
 * documented there; iocp_read(), iocp_send() and iocp_shutdown() return
 * -IOCP_ENOTCONN.
 */
#ifndef IOCP_API_DATAGRAM_H
#define IOCP_API_DATAGRAM_H

#include <stdint.h>

#include "iocp_address.h"
#include "iocp_export.h"

#ifdef __cplusplus
extern "C" {
#endif

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
 * and receives from there alone. With NULL it is not connected any more.
 * Datagrams that the library has received before are still delivered. Those
 * that are still in the system's buffer are delivered on Linux; Windows may
 * discard them ("any datagrams queued for receipt are discarded", connect()).
 * Returns 0, or -IOCP_EBUSY while the system has not taken what was copied.
 * After another error the socket has its former peer, or none
 * (iocp_get_address()).
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
 * has not joined, or when there is no such interface; -IOCP_EAFNOSUPPORT when
 * the socket has no groups of that family (a socket for IPv6 has those of IPv4
 * as well) or the source has another one, and -IOCP_EINVAL when the address is
 * not that of a group.
 */
IOCP_API int32_t iocp_membership(int32_t port,
                                 int32_t socket,
                                 const void* group,
                                 const void* source,
                                 uint32_t interface_index,
                                 uint32_t joins);

/* Returns the index of the network interface that has the struct iocp_address,
 * -IOCP_EADDRNOTAVAIL when none has, or another error when the system cannot be
 * asked. */
IOCP_API int32_t iocp_interface_index(int32_t port, const void* address);

#ifdef __cplusplus
}
#endif

#endif /* IOCP_API_DATAGRAM_H */
