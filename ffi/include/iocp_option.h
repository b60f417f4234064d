/* SPDX-License-Identifier: MIT */
/*
 * The options of a socket, for iocp_set_option() and iocp_get_option(). Every
 * value is an int32_t. Options can be set on listeners, on connections and on
 * datagram sockets, as their scope says; a listener's connections start with
 * the values that it has when they arrive.
 *
 * Options of the system:
 *
 * NO_DELAY             TCP_NODELAY, 0 or 1. Small sends leave at once.
 * KEEP_ALIVE           SO_KEEPALIVE, 0 or 1.
 * KEEP_ALIVE_IDLE      TCP_KEEPIDLE, idle seconds before the first probe.
 * KEEP_ALIVE_INTERVAL  TCP_KEEPINTVL, seconds between probes.
 * KEEP_ALIVE_COUNT     TCP_KEEPCNT, unanswered probes that end a connection.
 *                      Windows before version 1703 of Windows 10 always sends
 *                      10 probes: setting it returns -IOCP_ENOTSUP.
 * USER_TIMEOUT         Milliseconds that sent data may stay unacknowledged
 *                      before the system ends the connection with
 *                      -IOCP_ETIMEDOUT. Linux: TCP_USER_TIMEOUT. Windows:
 *                      TCP_MAXRT, which counts whole seconds, so the value is
 *                      rounded up and is read back as rounded. Before it is
 *                      set, reading returns the system's value, on Linux 0
 *                      (the time then follows from net.ipv4.tcp_retries2).
 *                      A Windows without TCP_MAXRT, such as Wine, returns
 *                      -IOCP_ENOTSUP.
 * DSCP                 Differentiated services code point (RFC 2474) of the
 *                      packets sent. Linux: the upper six bits of IP_TOS and
 *                      IPV6_TCLASS. Windows: -IOCP_ENOTSUP, because Winsock
 *                      accepts IP_TOS and then ignores it.
 *
 * Options of the system, only for datagram sockets:
 *
 * BROADCAST            SO_BROADCAST, 0 or 1. Sending to broadcast addresses is
 *                      allowed; otherwise it returns -IOCP_EACCES.
 * TTL                  IP_TTL and IPV6_UNICAST_HOPS: how many routers may
 *                      forward a datagram to one receiver.
 * MULTICAST_TTL        IP_MULTICAST_TTL and IPV6_MULTICAST_HOPS: the same for
 *                      multicast groups. 0: only this machine.
 * MULTICAST_LOOP       IP_MULTICAST_LOOP and IPV6_MULTICAST_LOOP, 0 or 1:
 *                      whether this machine receives what is sent to a group
 *                      that it has joined.
 * MULTICAST_INTERFACE  IP_MULTICAST_IF and IPV6_MULTICAST_IF: index of the
 *                      interface that sends to groups. 0: the system chooses.
 * SYSTEM_RECEIVE_BUFFER  SO_RCVBUF, bytes of datagrams that the system holds
 *                      until they are received; more are dropped. Linux clamps
 *                      it to net.core.rmem_max, and counts memory, not data:
 *                      at least 576 bytes for each datagram.
 * SYSTEM_SEND_BUFFER   SO_SNDBUF, the same for sending.
 * OFFLOAD              0 or 1. Passes several datagrams through the system's
 *                      network stack as one: those that arrived from one sender
 *                      with equal lengths (UDP_GRO), and those of one
 *                      iocp_send_many() that have the same destination and
 *                      length (UDP_SEGMENT). They are delivered, and leave the
 *                      machine, one by one. Linux; Windows: setting it returns
 *                      -IOCP_ENOTSUP, and it is read as 0.
 *
 * Options of the library:
 *
 * RECEIVE_BUFFER       Bytes of each posted receive; 0 posts zero-byte
 *                      receives, which hold no buffer. Default 1024. Linux
 *                      posts nothing, so this and RECEIVE_DEPTH have no effect
 *                      there.
 * RECEIVE_DEPTH        Receives posted at a time. Default 1; for a datagram
 *                      socket on Windows 4, each with a buffer of 65,536 bytes
 *                      once the socket receives.
 * SEND_CONCURRENCY     Sends that may be pending at a time. Default 1.
 * GROUP                The group of the socket, a number of iocp_group_new(),
 *                      or 0 for none.
 *
 * Options of the library, only for listeners:
 *
 * DEFER_ACCEPT         0 or 1. Reports a connection only once its peer has sent
 *                      data or has ended.
 * FIRST_BYTE_TIMEOUT   Milliseconds that an accepted connection has to receive
 *                      its first byte, or it is reset. 0: no limit.
 * BACKLOG              Connections that the system holds until they are
 *                      accepted. Windows cannot change it after listen(): the
 *                      library posts additional accepts for a larger one, and a
 *                      value below that of iocp_listen() returns -IOCP_ENOTSUP.
 *                      A named pipe holds as many as accepts are posted.
 */
#ifndef IOCP_OPTION_H
#define IOCP_OPTION_H

#include <stdint.h>

#define IOCP_RECEIVE_BUFFER_MAX 1048576
#define IOCP_CONCURRENCY_MAX 64
#define IOCP_BACKLOG_MAX 65535
#define IOCP_GROUP_MAX 65535
#define IOCP_SYSTEM_BUFFER_MAX 1073741823

/*
 * X(name, number, owner, scope, min, max)
 *
 * owner: SYSTEM or LIBRARY, which of them implements the option.
 * scope: SOCKET (listeners and connections), LISTENER, DATAGRAM (datagram
 *   sockets) or ALL (each of these).
 * min, max: a value outside of them returns -IOCP_EINVAL. The bounds of the
 * system's options are those of Linux (tcp(7), ip(7)).
 *
 * Numbers are part of the ABI: a new option has the next free number, and
 * numbers have no order of meaning.
 */
#define IOCP_OPTIONS(X)                                                     \
  X(NO_DELAY, 1, SYSTEM, SOCKET, 0, 1)                                      \
  X(KEEP_ALIVE, 2, SYSTEM, SOCKET, 0, 1)                                    \
  X(KEEP_ALIVE_IDLE, 3, SYSTEM, SOCKET, 1, 32767)                           \
  X(KEEP_ALIVE_INTERVAL, 4, SYSTEM, SOCKET, 1, 32767)                       \
  X(KEEP_ALIVE_COUNT, 5, SYSTEM, SOCKET, 1, 127)                            \
  X(RECEIVE_BUFFER, 6, LIBRARY, SOCKET, 0, IOCP_RECEIVE_BUFFER_MAX)         \
  X(RECEIVE_DEPTH, 7, LIBRARY, ALL, 1, IOCP_CONCURRENCY_MAX)                \
  X(SEND_CONCURRENCY, 8, LIBRARY, ALL, 1, IOCP_CONCURRENCY_MAX)             \
  X(DEFER_ACCEPT, 9, LIBRARY, LISTENER, 0, 1)                               \
  X(FIRST_BYTE_TIMEOUT, 10, LIBRARY, LISTENER, 0, INT32_MAX)                \
  X(BACKLOG, 11, LIBRARY, LISTENER, 1, IOCP_BACKLOG_MAX)                    \
  X(GROUP, 12, LIBRARY, ALL, 0, IOCP_GROUP_MAX)                             \
  X(USER_TIMEOUT, 13, SYSTEM, SOCKET, 1, INT32_MAX)                         \
  X(DSCP, 14, SYSTEM, ALL, 0, 63)                                           \
  X(BROADCAST, 15, SYSTEM, DATAGRAM, 0, 1)                                  \
  X(TTL, 16, SYSTEM, DATAGRAM, 1, 255)                                      \
  X(MULTICAST_TTL, 17, SYSTEM, DATAGRAM, 0, 255)                            \
  X(MULTICAST_LOOP, 18, SYSTEM, DATAGRAM, 0, 1)                             \
  X(MULTICAST_INTERFACE, 19, SYSTEM, DATAGRAM, 0, INT32_MAX)                \
  X(SYSTEM_RECEIVE_BUFFER, 20, SYSTEM, DATAGRAM, 1, IOCP_SYSTEM_BUFFER_MAX) \
  X(SYSTEM_SEND_BUFFER, 21, SYSTEM, DATAGRAM, 1, IOCP_SYSTEM_BUFFER_MAX)    \
  X(OFFLOAD, 22, SYSTEM, DATAGRAM, 0, 1)

enum iocp_option {
#define IOCP_OPTION_ENUM(name, number, owner, scope, min, max) \
  IOCP_##name = number,
  IOCP_OPTIONS(IOCP_OPTION_ENUM)
#undef IOCP_OPTION_ENUM
      IOCP_OPTION_NONE = 0
};

#endif /* IOCP_OPTION_H */
