/* SPDX-License-Identifier: MIT */
/*
 * Sending datagrams: up to 64 messages with one sendmmsg(2). With IOCP_OFFLOAD
 * a message may have several datagrams to one destination, which the kernel or
 * the network card divides (UDP_SEGMENT): all of one length, but for the last,
 * which may be shorter.
 */
#include "datagram_send.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/socket.h>

#include "datagram_address.h"
#include "datagram_memory.h"
#include "datagram_room.h"
#include "engine.h"
#include "errors.h"
#include "send_copy.h"

#define DATAGRAM_SEND__MESSAGES 64
#define DATAGRAM_SEND__PARTS 64
/* Of one message with several datagrams (UDP_MAX_SEGMENTS, and the longest
 * packet of IPv4 without its headers). */
#define DATAGRAM_SEND__SEGMENTS 64
#define DATAGRAM_SEND__MERGED_MAX 65507

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103 /* since Linux 4.18 (udp(7)) */
#endif

struct datagram_send__message {
  struct iocp_datagram first; /* the header of its first datagram */
  uint32_t memory;            /* of its datagrams */
  uint32_t bytes;             /* of their data */
  uint32_t count;
  struct sockaddr_storage name;
  _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(uint16_t))];
};

/* The arguments of one sendmmsg(). */
struct datagram_send__batch {
  uint32_t count;
  uint32_t part_count;
  struct mmsghdr headers[DATAGRAM_SEND__MESSAGES];
  struct datagram_send__message messages[DATAGRAM_SEND__MESSAGES];
  struct iovec parts[DATAGRAM_SEND__PARTS];
};

/* ---- building a batch */

/* Begins a message. Returns 0 or an error. */
static int32_t datagram_send__begin(struct datagram_send__batch* batch,
                                    const struct socket* socket,
                                    const struct iocp_datagram* header,
                                    const uint8_t* path) {
  struct datagram_send__message* message = &batch->messages[batch->count];
  struct msghdr* system = &batch->headers[batch->count].msg_hdr;
  const struct datagram_send__message* before = message - 1;
  memset(system, 0, sizeof *system);
  message->first = *header;
  message->memory = message->bytes = message->count = 0;
  system->msg_iov = &batch->parts[batch->part_count];
  /* Mostly the destination is that of the message before. */
  if (batch->count != 0 && socket->family != IOCP_UNIX &&
      memcmp(&before->first.from, &header->from, sizeof header->from) == 0) {
    const struct msghdr* last = &batch->headers[batch->count - 1].msg_hdr;
    system->msg_name = last->msg_name;
    system->msg_namelen = last->msg_namelen;
    batch->count++;
    return 0;
  }
  int32_t length =
      datagram_address_to_system(socket, header, path, &message->name);
  if (length < 0) return length;
  system->msg_name = length == 0 ? NULL : &message->name;
  system->msg_namelen = (socklen_t)length;
  batch->count++;
  return 0;
}

/* Adds a datagram to the latest message. */
static void datagram_send__add(struct datagram_send__batch* batch,
                               const struct iocp_datagram* header,
                               const uint8_t* data) {
  struct datagram_send__message* message = &batch->messages[batch->count - 1];
  struct iovec* part = &batch->parts[batch->part_count++];
  part->iov_base = (void*)(uintptr_t)data;
  part->iov_len = header->length;
  batch->headers[batch->count - 1].msg_hdr.msg_iovlen++;
  message->memory += datagram_footprint(header);
  message->bytes += header->length;
  message->count++;
}

/* True if the datagram may be in the latest message. */
static bool datagram_send__merges(const struct datagram_send__batch* batch,
                                  const struct iocp_datagram* header) {
  if (batch->count == 0) return false;
  const struct datagram_send__message* message =
      &batch->messages[batch->count - 1];
  uint32_t segment = message->first.length;
  return header->length != 0 && header->length <= segment &&
         message->bytes == message->count * segment &&
         message->count < DATAGRAM_SEND__SEGMENTS &&
         message->bytes + header->length <= DATAGRAM_SEND__MERGED_MAX &&
         memcmp(&message->first.from, &header->from, sizeof header->from) == 0;
}

/* Names the length of the datagrams that a message has. */
static void datagram_send__divide(struct datagram_send__batch* batch) {
  for (uint32_t i = 0; i < batch->count; i++) {
    struct datagram_send__message* message = &batch->messages[i];
    struct msghdr* system = &batch->headers[i].msg_hdr;
    if (message->count == 1) continue;
    uint16_t segment = (uint16_t)message->first.length;
    system->msg_control = message->control;
    system->msg_controllen = sizeof message->control;
    struct cmsghdr* control = CMSG_FIRSTHDR(system);
    control->cmsg_level = IPPROTO_UDP;
    control->cmsg_type = UDP_SEGMENT;
    control->cmsg_len = CMSG_LEN(sizeof segment);
    memcpy(CMSG_DATA(control), &segment, sizeof segment);
  }
}

/* Returns 0, or the error of the first datagram if it has no valid
 * destination. */
static int32_t datagram_send__build(struct datagram_send__batch* batch,
                                    const struct socket* socket,
                                    const struct datagram_sending* sending,
                                    bool merges) {
  uint32_t offset = 0;
  batch->count = 0;
  batch->part_count = 0;
  while (offset < sending->length && batch->part_count < DATAGRAM_SEND__PARTS) {
    struct iocp_datagram header;
    const uint8_t* from = sending->memory + offset;
    memcpy(&header, from, sizeof header);
    if (!merges || !datagram_send__merges(batch, &header)) {
      if (batch->count == DATAGRAM_SEND__MESSAGES) break;
      int32_t result =
          datagram_send__begin(batch, socket, &header, from + DATAGRAM_HEADER);
      if (result < 0 && batch->count == 0) return result;
      if (result < 0) break;
    }
    datagram_send__add(batch, &header, from + datagram_data_offset(&header));
    offset += datagram_footprint(&header);
  }
  if (merges) datagram_send__divide(batch);
  return 0;
}

/* ---- system calls */

static int32_t datagram_send__fail(const struct socket* socket) {
  int native = errno;
  int32_t error = errors_of(native);
  /* A unix socket without a peer (unix_dgram_sendmsg()). */
  if (native == ENOTCONN) error = -IOCP_EDESTADDRREQ;
  return port_fail(socket->port, error, native);
}

/* True for an errno that may be that of an earlier datagram: a router or the
 * receiver has refused it (icmp_err_convert[] and icmpv6_err_convert() in the
 * kernel), and the next call on the socket fails for it, before anything was
 * sent. A unix socket has only the report that its peer has left it
 * (unix_dgram_disconnected()); a send to a peer that is gone fails itself, and
 * a repeated one would have no destination any more. */
static bool datagram_send__is_late(const struct socket* socket, int native) {
  if (socket->family == IOCP_UNIX) return native == ECONNRESET;
  switch (native) {
    case ECONNREFUSED:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EHOSTDOWN:
    case ENONET:
    case EACCES:
    case EPROTO:
    case ENOPROTOOPT:
    case EOPNOTSUPP:
    case EMSGSIZE:
      return true;
    default:
      return false;
  }
}

/* True if a call that has failed with `native` is to be repeated: once for an
 * error that may be late, which is then noted. */
static bool datagram_send__repeats(const struct socket* socket,
                                   int native,
                                   int* late) {
  if (native == EINTR) return true;
  if (*late != 0 || !datagram_send__is_late(socket, native)) return false;
  *late = native;
  return true;
}

/* The repeated call has returned `result`. Unless it has failed in the same
 * way, the error was that of an earlier datagram. Does not change errno. */
static void datagram_send__settle(struct socket* socket,
                                  int late,
                                  ssize_t result) {
  if (late != 0 && (result >= 0 || errno != late))
    datagram_failed_before(socket, errors_of_connect(late), late);
}

static int datagram_send__call(struct socket* socket,
                               struct datagram_send__batch* batch) {
  int late = 0;
  int count;
  do {
    count =
        sendmmsg(socket->engine.fd, batch->headers, batch->count, MSG_NOSIGNAL);
  } while (count < 0 && datagram_send__repeats(socket, errno, &late));
  datagram_send__settle(socket, late, count);
  return count;
}

/* True when the kernel cannot divide the message: the network card computes no
 * checksums (EIO), or a datagram does not fit into a packet (udp_send_skb()).
 */
static bool datagram_send__cannot_merge(struct socket* socket, int native) {
  if (native == EIO) socket->datagram->engine.merges = false;
  return native == EIO || native == EINVAL || native == EMSGSIZE;
}

/* ---- calls */

int32_t engine_send_datagrams(struct socket* socket,
                              struct datagram_sending* sending) {
  struct datagram_send__batch batch;
  bool merges = socket->datagram->engine.merges;
  int32_t result = datagram_send__build(&batch, socket, sending, merges);
  if (result < 0) return port_fail(socket->port, result, 0);
  int count = datagram_send__call(socket, &batch);
  if (count < 0 && merges && datagram_send__cannot_merge(socket, errno)) {
    datagram_send__build(&batch, socket, sending, false);
    count = datagram_send__call(socket, &batch);
  }
  if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
    return ENGINE_WOULD_BLOCK;
  if (count < 0) return datagram_send__fail(socket);
  sending->bytes = 0;
  for (int i = 0; i < count; i++) {
    const struct datagram_send__message* message = &batch.messages[i];
    sending->memory += message->memory;
    sending->length -= message->memory;
    sending->bytes += message->bytes;
    result += (int32_t)message->count;
  }
  return result;
}

int32_t engine_send_to(struct socket* socket,
                       const struct iocp_datagram* header,
                       const void* path,
                       const void* data) {
  struct sockaddr_storage name;
  int late = 0;
  ssize_t sent;
  int32_t length = datagram_address_to_system(socket, header, path, &name);
  if (length < 0) return port_fail(socket->port, length, 0);
  do {
    sent = sendto(socket->engine.fd,
                  data,
                  header->length,
                  MSG_NOSIGNAL,
                  length == 0 ? NULL : (struct sockaddr*)&name,
                  (socklen_t)length);
  } while (sent < 0 && datagram_send__repeats(socket, errno, &late));
  datagram_send__settle(socket, late, sent);
  if (sent >= 0) return 0;
  if (errno == EAGAIN || errno == EWOULDBLOCK) return ENGINE_WOULD_BLOCK;
  return datagram_send__fail(socket);
}

/* Returns false when the kernel has no room for the rest. */
static bool datagram_send__copy(struct socket* socket, struct send_copy* copy) {
  while (!copy->is_done) {
    struct datagram_sending sending = {0};
    sending.memory = datagram_copy_rest(copy, &sending.length);
    uint32_t length = sending.length;
    int32_t result = engine_send_datagrams(socket, &sending);
    if (result == ENGINE_WOULD_BLOCK) return false;
    if (result < 0)
      datagram_copy_failed(copy, result, socket->port->native_error);
    else
      datagram_copy_sent(
          copy, (uint32_t)result, length - sending.length, sending.bytes);
  }
  return true;
}

void datagram_send_copies(struct socket* socket) {
  struct send_copy* copy;
  while ((copy = send_copy_first(socket)) != NULL) {
    if (datagram_send__copy(socket, copy)) continue;
    datagram_room_await(socket);
    return;
  }
  datagram_room_ignore(socket);
}
