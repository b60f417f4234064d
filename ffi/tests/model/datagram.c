/* SPDX-License-Identifier: MIT */
#include "datagram.h"

#include <stdlib.h>
#include <string.h>
#include <ws2tcpip.h>

#include "habits.h"
#include "kernel.h"
#include "listening.h"
#include "module.h"
#include "op.h"
#include "report.h"
#include "sock.h"
#include "tape.h"
#include "udp.h"

/* mstcpip.h */
#define DATAGRAM__UDP_CONNRESET 0x9800000Cu
#define DATAGRAM__UDP_NETRESET 0x9800000Fu

uint32_t htonl(uint32_t number) { return __builtin_bswap32(number); }

static int datagram__fails(DWORD error) {
  kernel_fail(error);
  return SOCKET_ERROR;
}

static int datagram__succeeds(void) {
  kernel_succeed();
  return 0;
}

/* A bound datagram socket, or NULL with the last error. */
static struct sock* datagram__find(SOCKET handle, const char* call) {
  struct sock* sock = sock_find(handle, call);
  if (sock == NULL) return NULL;
  RULE("datagrams are sent and received by datagram sockets",
       sock->udp != NULL);
  if (sock->state == SOCK_BOUND) return sock;
  /* "The socket has not been bound." */
  kernel_fail(WSAEINVAL);
  return NULL;
}

/* ---- receiving */

/* The error of an earlier datagram (WSARecvFrom(), return values). */
static DWORD datagram__error_of(enum udp_kind kind) {
  return kind == UDP_UNREACHABLE ? WSAECONNRESET : WSAENETRESET;
}

static LONG datagram__status_of(enum udp_kind kind) {
  if (kind == UDP_EXPIRED) return STATUS_HOP_LIMIT;
  return tape_choose(2) == 0 ? STATUS_NO_PORT : STATUS_WAS_RESET;
}

/* Completes a posted receive with the oldest datagram. What has no room is
 * discarded ("WSAEMSGSIZE"). */
static void datagram__fill(struct op* op) {
  struct udp_datagram* first = udp_pop(op->sock->udp);
  if (first->kind != UDP_DATA) {
    op_done(op, datagram__status_of(first->kind), 0);
    free(first);
    return;
  }
  uint32_t bytes = first->length < op->length ? first->length : op->length;
  if (bytes != 0) {
    op_touch(op);
    memcpy(op->buffer, first->bytes, bytes);
  }
  struct iocp_address from = sock_address_for(op->sock, &first->from);
  op_set_source(op, &from);
  op_done(op, bytes < first->length ? STATUS_OVERFLOW : STATUS_OK, bytes);
  free(first);
}

/* In posting order (WSARecv(), remarks on the order of buffers). */
void datagram_moved(struct sock* sock) {
  while (!list_is_empty(&sock->receives) && !list_is_empty(&sock->udp->queue)) {
    struct op* op = LIST_ENTRY(sock->receives.next, struct op, node);
    if (habits_break(habits.late_faults))
      op_done(op, STATUS_NO_RESOURCES, 0);
    else
      datagram__fill(op);
  }
}

/* "The message was too large for the specified buffer", which has its beginning
 * all the same. */
static void datagram__cut(const struct sock* sock,
                          const struct udp_datagram* first,
                          const WSABUF* buffer,
                          SOCKADDR* from,
                          INT* from_length) {
  struct iocp_address source = sock_address_for(sock, &first->from);
  memcpy(buffer->buf, first->bytes, buffer->len);
  *from_length = sock_address_out(&source, from, *from_length);
}

/* What a receive finds may be reported by the call: "any other error code
 * indicates that the operation was not successfully initiated and no completion
 * indication will occur". Returns 0: it is posted. */
static DWORD datagram__refusal(struct sock* sock,
                               const WSABUF* buffer,
                               SOCKADDR* from,
                               INT* from_length) {
  if (habits_fault(habits.kernel_faults))
    return tape_choose(2) == 0 ? WSAENOBUFS : WSAEWOULDBLOCK;
  if (!list_is_empty(&sock->receives) || list_is_empty(&sock->udp->queue))
    return 0;
  const struct udp_datagram* first =
      LIST_ENTRY(sock->udp->queue.next, struct udp_datagram, node);
  bool is_long = first->length > buffer->len;
  if ((first->kind == UDP_DATA && !is_long) || tape_choose(2) == 0) return 0;
  DWORD error = is_long ? WSAEMSGSIZE : datagram__error_of(first->kind);
  if (is_long) datagram__cut(sock, first, buffer, from, from_length);
  free(udp_pop(sock->udp));
  return error;
}

int WSARecvFrom(SOCKET handle,
                WSABUF* buffers,
                DWORD count,
                DWORD* received,
                DWORD* flags,
                SOCKADDR* from,
                INT* from_length,
                OVERLAPPED* overlapped,
                void* completion) {
  kernel_enter();
  struct sock* sock = datagram__find(handle, "WSARecvFrom");
  if (sock == NULL) return SOCKET_ERROR;
  RULE("WSARecvFrom() is given one buffer and no routine",
       count == 1 && completion == NULL && flags != NULL && *flags == 0);
  RULE("WSARecvFrom() is given where to store the sender",
       from != NULL && from_length != NULL);
  int name_size =
      sock->family == 6 ? (int)sizeof(SOCKADDR_IN6) : (int)sizeof(SOCKADDR_IN);
  /* "The lpFrom buffer was too small to accommodate the peer address." */
  if (*from_length < name_size) return datagram__fails(WSAEFAULT);
  DWORD error = datagram__refusal(sock, buffers, from, from_length);
  if (error != 0) return datagram__fails(error);
  struct op* op = op_new(sock, OP_RECEIVE, overlapped, "WSARecvFrom");
  op_give_buffer(op, buffers->buf, buffers->len);
  op_give_count(op, received);
  op_give_source(op, from, from_length, flags);
  list_push(&sock->receives, &op->node);
  op_pend(op);
  datagram_moved(sock);
  return op_answer(op) ? 0 : SOCKET_ERROR;
}

/* ---- sending */

struct datagram__target {
  struct iocp_address to;
  DWORD error;
};

static DWORD datagram__check_target(const struct sock* sock,
                                    const struct iocp_address* to,
                                    uint32_t length) {
  bool is_v4 = to->family == 4;
  /* "IPV6_V6ONLY": then the socket has IPv6 alone, and so has one that is bound
   * to an address of it. */
  if (sock->family == 6 && is_v4 &&
      (sock->is_v6_only || !address_is_any(&sock->local)))
    return tape_choose(2) == 0 ? WSAENETUNREACH : WSAEADDRNOTAVAIL;
  /* "Not a valid address (such as ADDR_ANY)." */
  if (address_is_any(to) || to->port == 0) return WSAEADDRNOTAVAIL;
  if (udp_is_broadcast(to) && !sock->udp->may_broadcast) return WSAEACCES;
  if (length > (is_v4 ? UDP_MAX_V4 : UDP_MAX_V6)) return WSAEMSGSIZE;
  return 0;
}

/* An address overrides that of the connection ("sendto function"). */
static struct datagram__target datagram__target(const struct sock* sock,
                                                const SOCKADDR* name,
                                                int name_length,
                                                uint32_t length) {
  struct datagram__target target = {.to = sock->udp->peer};
  if (name == NULL) {
    /* Both are documented for a missing destination. */
    if (!sock->udp->is_connected) {
      target.error = tape_choose(2) == 0 ? WSAENOTCONN : WSAEDESTADDRREQ;
      return target;
    }
  } else if (!sock_address_in(name, name_length, &target.to) ||
             target.to.family != sock->family) {
    target.error = WSAEAFNOSUPPORT;
    return target;
  }
  target.to = udp_plain(&target.to);
  target.error = datagram__check_target(sock, &target.to, length);
  return target;
}

/* "A previous send operation resulted in an ICMP Port Unreachable message"
 * (sendto() and WSASendTo(), WSAECONNRESET and WSAENETRESET). */
static DWORD datagram__earlier_error(struct sock* sock) {
  if (list_is_empty(&sock->udp->queue)) return 0;
  const struct udp_datagram* first =
      LIST_ENTRY(sock->udp->queue.next, struct udp_datagram, node);
  if (first->kind == UDP_DATA || !tape_chance(habits.send_errors)) return 0;
  DWORD error = datagram__error_of(first->kind);
  free(udp_pop(sock->udp));
  return error;
}

/* 0: the system chooses, which is the first one. */
static uint32_t datagram__interface(const struct sock* sock) {
  uint32_t index = (uint32_t)sock->family_options[IP_MULTICAST_IF];
  if (sock->family == 4) index = module_interface(index);
  return index == 0 ? 1 : index;
}

static void datagram__send(struct sock* sock,
                           const struct iocp_address* to,
                           const uint8_t* bytes,
                           uint32_t length) {
  struct iocp_address from = udp_source(&sock->local, to);
  udp_send(sock, &from, to, datagram__interface(sock), bytes, length);
}

static bool datagram__has_room(const struct sock* sock, uint32_t length) {
  uint32_t room = (uint32_t)sock->udp->send_buffer;
  if (habits.window < room) room = habits.window;
  return sock->udp->transit_bytes == 0 ||
         sock->udp->transit_bytes + length <= room;
}

int sendto(SOCKET handle,
           const char* buffer,
           int length,
           int flags,
           const SOCKADDR* to,
           int to_length) {
  kernel_enter();
  struct sock* sock = datagram__find(handle, "sendto");
  if (sock == NULL) return SOCKET_ERROR;
  RULE("no call blocks", sock->is_non_blocking && flags == 0);
  RULE("a send does not overtake one that is pending",
       list_is_empty(&sock->sends));
  struct datagram__target target =
      datagram__target(sock, to, to_length, (uint32_t)length);
  if (target.error == 0) target.error = datagram__earlier_error(sock);
  if (target.error == 0 && habits_fault(habits.kernel_faults))
    target.error = WSAENOBUFS;
  if (target.error == 0 && !datagram__has_room(sock, (uint32_t)length))
    target.error = WSAEWOULDBLOCK;
  if (target.error != 0) return datagram__fails(target.error);
  datagram__send(sock, &target.to, (const uint8_t*)buffer, (uint32_t)length);
  kernel_succeed();
  return length;
}

/* In posting order. */
static void datagram__send_posted(struct sock* sock) {
  while (!list_is_empty(&sock->sends)) {
    struct op* op = LIST_ENTRY(sock->sends.next, struct op, node);
    if (habits_break(habits.late_faults)) {
      op_done(op, STATUS_NO_RESOURCES, 0);
      continue;
    }
    if (!datagram__has_room(sock, op->length)) return;
    datagram__send(sock, &op->to, op->buffer, op->length);
    op_done(op, STATUS_OK, op->length);
  }
}

void datagram_has_room(struct sock* sock) {
  if (sock->is_open) datagram__send_posted(sock);
}

int WSASendTo(SOCKET handle,
              WSABUF* buffers,
              DWORD count,
              DWORD* sent,
              DWORD flags,
              const SOCKADDR* to,
              int to_length,
              OVERLAPPED* overlapped,
              void* completion) {
  kernel_enter();
  struct sock* sock = datagram__find(handle, "WSASendTo");
  if (sock == NULL) return SOCKET_ERROR;
  RULE("WSASendTo() is given one buffer and no routine",
       count == 1 && completion == NULL && flags == 0);
  struct datagram__target target =
      datagram__target(sock, to, to_length, buffers->len);
  if (target.error == 0) target.error = datagram__earlier_error(sock);
  if (target.error == 0 && habits_fault(habits.kernel_faults))
    target.error = tape_choose(2) == 0 ? WSAENOBUFS : WSAEWOULDBLOCK;
  if (target.error != 0) return datagram__fails(target.error);
  struct op* op = op_new(sock, OP_SEND, overlapped, "WSASendTo");
  op_give_buffer(op, buffers->buf, buffers->len);
  op_give_count(op, sent);
  op->to = target.to;
  list_push(&sock->sends, &op->node);
  op_pend(op);
  datagram__send_posted(sock);
  return op_answer(op) ? 0 : SOCKET_ERROR;
}

/* ---- the default destination */

int datagram_connect(struct sock* sock, const SOCKADDR* name, int length) {
  static const uint8_t zeros[sizeof(SOCKADDR_STORAGE)];
  struct iocp_address to;
  struct udp* udp = sock->udp;
  if (habits_fault(habits.kernel_faults)) return datagram__fails(WSAENOBUFS);
  if (name->sa_family == AF_UNSPEC) {
    /* "If the address is filled with zeros, the socket is disconnected." */
    RULE("an address that disconnects is all zeros",
         length >= (int)sizeof *name &&
             memcmp(name, zeros, (size_t)length) == 0);
    udp->is_connected = false;
    return datagram__succeeds();
  }
  if (!sock_address_in(name, length, &to) || to.family != sock->family)
    return datagram__fails(WSAEAFNOSUPPORT);
  to = udp_plain(&to);
  DWORD error = datagram__check_target(sock, &to, 0);
  if (error != 0) return datagram__fails(error);
  /* "Any datagrams queued for receipt are discarded if name differs from the
   * previous connect." */
  if (!udp->is_connected || memcmp(&udp->peer, &to, sizeof to) != 0)
    udp_discard(udp);
  udp->is_connected = true;
  udp->peer = to;
  return datagram__succeeds();
}

/* ---- options */

int32_t* datagram_option(struct sock* sock, int option) {
  switch (option) {
    case SO_BROADCAST:
      return &sock->udp->may_broadcast;
    case SO_RCVBUF:
      return &sock->udp->receive_buffer;
    case SO_SNDBUF:
      return &sock->udp->send_buffer;
    default:
      return NULL;
  }
}

bool datagram_ioctl(
    struct sock* sock, DWORD code, const void* in, DWORD size, int* result) {
  BOOL reports;
  if (sock->udp == NULL ||
      (code != DATAGRAM__UDP_CONNRESET && code != DATAGRAM__UDP_NETRESET))
    return false;
  RULE("the switch of an ICMP report is a BOOL", size == sizeof reports);
  memcpy(&reports, in, sizeof reports);
  /* "The specified ioctl code cannot be realized" (WSAIoctl()), which a layered
   * provider may say of a code that it does not know. */
  if (habits.lacks_udp_reports) {
    *result = datagram__fails(WSAEOPNOTSUPP);
    return true;
  }
  if (habits_break(habits.kernel_faults)) {
    *result = datagram__fails(WSAENOBUFS);
    return true;
  }
  if (code == DATAGRAM__UDP_CONNRESET)
    sock->udp->reports_reset = reports != FALSE;
  else
    sock->udp->reports_expired = reports != FALSE;
  *result = datagram__succeeds();
  return true;
}

/* ---- memberships */

bool datagram_is_membership(int level, int option) {
  if (level != IPPROTO_IP && level != IPPROTO_IPV6) return false;
  return option == IP_ADD_MEMBERSHIP || option == IP_DROP_MEMBERSHIP ||
         option == MCAST_JOIN_SOURCE_GROUP ||
         option == MCAST_LEAVE_SOURCE_GROUP ||
         (level == IPPROTO_IP && (option == IP_ADD_SOURCE_MEMBERSHIP ||
                                  option == IP_DROP_SOURCE_MEMBERSHIP));
}

static struct iocp_address datagram__v4(const void* bytes) {
  struct iocp_address address = {.family = 4};
  memcpy(address.bytes, bytes, 4);
  return address;
}

/* Reads a request. Returns false if its size is wrong. */
static bool datagram__read_membership(int level,
                                      int option,
                                      const char* value,
                                      int length,
                                      struct udp_membership* to) {
  memset(to, 0, sizeof *to);
  if (option == MCAST_JOIN_SOURCE_GROUP || option == MCAST_LEAVE_SOURCE_GROUP) {
    GROUP_SOURCE_REQ request;
    if (length != sizeof request) return false;
    memcpy(&request, value, sizeof request);
    int size = sizeof request.gsr_group;
    to->interface_index = request.gsr_interface;
    return sock_address_in((SOCKADDR*)&request.gsr_group, size, &to->group) &&
           sock_address_in((SOCKADDR*)&request.gsr_source, size, &to->source);
  }
  if (level == IPPROTO_IPV6) {
    IPV6_MREQ request;
    if (length != sizeof request) return false;
    memcpy(&request, value, sizeof request);
    to->group.family = 6;
    memcpy(to->group.bytes, request.ipv6mr_multiaddr, 16);
    to->interface_index = request.ipv6mr_interface;
    return true;
  }
  if (option == IP_ADD_MEMBERSHIP || option == IP_DROP_MEMBERSHIP) {
    IP_MREQ request;
    if (length != sizeof request) return false;
    memcpy(&request, value, sizeof request);
    to->group = datagram__v4(&request.imr_multiaddr);
    to->interface_index = module_interface(request.imr_interface.s_addr);
    return true;
  }
  IP_MREQ_SOURCE request;
  if (length != sizeof request) return false;
  memcpy(&request, value, sizeof request);
  to->group = datagram__v4(&request.imr_multiaddr);
  to->source = datagram__v4(&request.imr_sourceaddr);
  to->interface_index = module_interface(request.imr_interface.s_addr);
  return true;
}

static bool datagram__is_same_membership(const struct udp_membership* a,
                                         const struct udp_membership* b) {
  return a->interface_index == b->interface_index &&
         a->group.family == b->group.family &&
         a->source.family == b->source.family &&
         memcmp(a->group.bytes, b->group.bytes, 16) == 0 &&
         memcmp(a->source.bytes, b->source.bytes, 16) == 0;
}

static int datagram__join(struct udp* udp, const struct udp_membership* one) {
  for (uint32_t i = 0; i < udp->membership_count; i++)
    if (datagram__is_same_membership(&udp->memberships[i], one))
      /* "Multicast Socket Option Behavior"; Wine 10 returns the other. */
      return datagram__fails(habits.is_wine ? WSAEADDRINUSE : WSAEADDRNOTAVAIL);
  if (udp->membership_count == UDP_MEMBERSHIPS)
    return datagram__fails(WSAENOBUFS);
  udp->memberships[udp->membership_count++] = *one;
  return datagram__succeeds();
}

static int datagram__leave(struct udp* udp, const struct udp_membership* one) {
  for (uint32_t i = 0; i < udp->membership_count; i++) {
    if (!datagram__is_same_membership(&udp->memberships[i], one)) continue;
    udp->memberships[i] = udp->memberships[--udp->membership_count];
    return datagram__succeeds();
  }
  /* "Multicast Socket Option Behavior". */
  return datagram__fails(WSAEINVAL);
}

int datagram_set_membership(
    struct sock* sock, int level, int option, const char* value, int length) {
  struct udp_membership one;
  bool joins = option == IP_ADD_MEMBERSHIP ||
               option == IP_ADD_SOURCE_MEMBERSHIP ||
               option == MCAST_JOIN_SOURCE_GROUP;
  RULE("a membership has the structure of its option",
       datagram__read_membership(level, option, value, length, &one));
  /* A dual-stack socket has both families; others have their own. */
  if (level != (sock->family == 6 ? IPPROTO_IPV6 : IPPROTO_IP) &&
      (sock->family == 4 || sock->is_v6_only))
    return datagram__fails(WSAEINVAL);
  if (!udp_is_group(&one.group) || one.interface_index > 2)
    return datagram__fails(tape_choose(2) == 0 ? WSAEADDRNOTAVAIL : WSAEINVAL);
  if (habits_fault(habits.kernel_faults)) return datagram__fails(WSAENOBUFS);
  if (one.interface_index == 0) one.interface_index = 1;
  one.group.port = one.source.port = 0;
  return joins ? datagram__join(sock->udp, &one)
               : datagram__leave(sock->udp, &one);
}
