/* SPDX-License-Identifier: MIT */
/*
 * Receiving datagrams: up to 16 with one recvmmsg(2), straight into the slab.
 *
 * The slab is divided into slots, each with room for a header and for as much
 * data as the latest datagrams had; what is longer continues in the overflow
 * area of the port. Afterwards the slots are moved together, which moves
 * nothing while all datagrams have the same length.
 *
 *   slab      | header | data of slot |  | header | data of slot |  ...
 *   overflow  ............ | the rest    ............ | the rest   ...
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "datagram_address.h"
#include "datagram_memory.h"
#include "engine.h"
#include "errors.h"
#include "overflow.h"

#define DATAGRAM_RECEIVE__BATCH OVERFLOW_PARTS
/* Lengths of data that a slot has: at first, and at least. */
#define DATAGRAM_RECEIVE__SLOT_FIRST 2048
#define DATAGRAM_RECEIVE__SLOT_MIN 64
/* How much of the excess a slot loses after each batch. */
#define DATAGRAM_RECEIVE__SHRINK 8

#ifndef UDP_GRO
#define UDP_GRO 104 /* since Linux 5.0 (udp(7)) */
#endif

/* The arguments of one recvmmsg(). */
struct datagram_receive__batch {
  uint8_t* slots;
  uint32_t front; /* of a slot: the header, and the room for a path */
  uint32_t slot;  /* of data; 0: all data is received into the overflow */
  uint32_t count;
  struct mmsghdr messages[DATAGRAM_RECEIVE__BATCH];
  struct iovec parts[DATAGRAM_RECEIVE__BATCH][2];
  struct sockaddr_storage names[DATAGRAM_RECEIVE__BATCH];
  struct {
    _Alignas(struct cmsghdr) char bytes[CMSG_SPACE(sizeof(int))];
  } controls[DATAGRAM_RECEIVE__BATCH];
};

void engine_arm_datagrams(struct socket* socket) {
  /* The next edge comes by itself. */
  (void)socket;
}

/* Nothing is waiting in the kernel. */
static void datagram_receive__idle(struct socket* socket) {
  socket->engine.readable = false;
  overflow_discard(socket->port);
}

/* ---- receiving */

/* How many datagrams to receive: as many as the room and the credit allow. */
static uint32_t datagram_receive__count(const struct datagram_room* room,
                                        uint32_t stride) {
  uint32_t count = DATAGRAM_RECEIVE__BATCH;
  uint32_t fitting = (room->size - room->used) / stride;
  uint32_t wanted = room->credit / stride + 1;
  if (count > fitting) count = fitting;
  return count < wanted ? count : wanted;
}

static void datagram_receive__prepare(struct datagram_receive__batch* batch,
                                      const struct socket* socket) {
  uint32_t stride = batch->front + batch->slot;
  bool offloads = socket->datagram->engine.offloads;
  for (uint32_t i = 0; i < batch->count; i++) {
    struct msghdr* message = &batch->messages[i].msg_hdr;
    struct iovec* parts = batch->parts[i];
    parts[0].iov_base = batch->slots + (size_t)i * stride + batch->front;
    parts[0].iov_len = batch->slot;
    parts[1].iov_base = overflow_part(socket->port, i) + batch->slot;
    parts[1].iov_len = IOCP_DATAGRAM_MAX - batch->slot;
    message->msg_name = &batch->names[i];
    message->msg_namelen = sizeof batch->names[i];
    message->msg_iov = batch->slot == 0 ? parts + 1 : parts;
    message->msg_iovlen = batch->slot == 0 ? 1 : 2;
    message->msg_control = offloads ? &batch->controls[i] : NULL;
    message->msg_controllen = offloads ? sizeof batch->controls[i] : 0;
    message->msg_flags = 0;
  }
}

/* Returns how many datagrams were received, ENGINE_WOULD_BLOCK or an error. */
static int32_t datagram_receive__call(struct socket* socket,
                                      struct datagram_receive__batch* batch) {
  int count;
  do {
    /* With MSG_TRUNC the lengths are those that were sent. */
    count = recvmmsg(socket->engine.fd,
                     batch->messages,
                     batch->count,
                     MSG_DONTWAIT | MSG_TRUNC,
                     NULL);
  } while (count < 0 && errno == EINTR);
  if (count < 0) {
    if (errno != EAGAIN && errno != EWOULDBLOCK)
      return port_fail(socket->port, errors_of_connect(errno), errno);
    datagram_receive__idle(socket);
    return ENGINE_WOULD_BLOCK;
  }
  return count;
}

/* ---- one batch in the slab */

static uint32_t datagram_receive__held(const struct mmsghdr* message) {
  uint32_t length = message->msg_len;
  return length < IOCP_DATAGRAM_MAX ? length : IOCP_DATAGRAM_MAX;
}

/* The header of message number `index`. */
static void datagram_receive__header(
    const struct datagram_receive__batch* batch,
    uint32_t index,
    struct iocp_datagram* header,
    uint8_t* path) {
  const struct mmsghdr* message = &batch->messages[index];
  datagram_address_from_system(
      &batch->names[index], message->msg_hdr.msg_namelen, header, path);
  header->length = datagram_receive__held(message);
  header->size = message->msg_len;
}

/* Every datagram is within its slot. */
static void datagram_receive__pack(const struct datagram_receive__batch* batch,
                                   struct datagram_room* room,
                                   uint32_t count) {
  const uint8_t* from = batch->slots + batch->front;
  uint8_t* to = batch->slots;
  uint8_t path[IOCP_DATAGRAM_PATH_MAX];
  for (uint32_t i = 0; i < count; i++) {
    struct iocp_datagram header;
    datagram_receive__header(batch, i, &header, path);
    uint32_t offset = datagram_data_offset(&header);
    if (to + offset != from) memmove(to + offset, from, header.length);
    memcpy(to, &header, sizeof header);
    if (offset != DATAGRAM_HEADER)
      memcpy(to + DATAGRAM_HEADER, path, datagram_path_length(&header));
    to += datagram_footprint(&header);
    room->bytes += header.length;
    from += batch->front + batch->slot;
  }
  room->count += count;
  room->used += (uint32_t)(to - batch->slots);
}

/* ---- one batch that is not all in its slots */

/* The length of the datagrams that the kernel has merged into the message, or
 * 0. */
static uint32_t datagram_receive__segment(struct msghdr* message) {
  int segment = 0;
  struct cmsghdr* control = CMSG_FIRSTHDR(message);
  if (control == NULL || control->cmsg_level != IPPROTO_UDP ||
      control->cmsg_type != UDP_GRO)
    return 0;
  memcpy(&segment, CMSG_DATA(control), sizeof segment);
  return segment > 0 ? (uint32_t)segment : 0;
}

/* Delivers a message that is in the overflow area, as one or several. */
static void datagram_receive__spread(struct socket* socket,
                                     struct datagram_room* room,
                                     struct datagram_receive__batch* batch,
                                     uint32_t index) {
  struct iocp_datagram header;
  uint8_t path[IOCP_DATAGRAM_PATH_MAX];
  const uint8_t* data = overflow_part(socket->port, index);
  datagram_receive__header(batch, index, &header, path);
  uint32_t rest = header.length;
  uint32_t segment = datagram_receive__segment(&batch->messages[index].msg_hdr);
  if (segment == 0 || header.size > header.length) {
    datagram_put(socket, room, &header, path, data);
    return;
  }
  for (; rest != 0; rest -= header.length, data += header.length) {
    header.length = rest < segment ? rest : segment;
    header.size = header.length;
    datagram_put(socket, room, &header, path, data);
  }
}

static void datagram_receive__gather(struct socket* socket,
                                     struct datagram_room* room,
                                     struct datagram_receive__batch* batch,
                                     uint32_t count) {
  socket->port->engine.overflow_is_used = true;
  /* All of them first: delivering one overwrites the slots behind it. */
  for (uint32_t i = 0; batch->slot != 0 && i < count; i++) {
    uint32_t held = datagram_receive__held(&batch->messages[i]);
    memcpy(overflow_part(socket->port, i),
           batch->parts[i][0].iov_base,
           held < batch->slot ? held : batch->slot);
  }
  for (uint32_t i = 0; i < count; i++)
    datagram_receive__spread(socket, room, batch, i);
}

/* ---- the sizes of slots */

static uint32_t datagram_receive__longest(
    const struct datagram_receive__batch* batch, uint32_t count) {
  uint32_t longest = 0;
  for (uint32_t i = 0; i < count; i++) {
    uint32_t held = datagram_receive__held(&batch->messages[i]);
    if (held > longest) longest = held;
  }
  return longest;
}

/* Grows at once and shrinks slowly, so that a mix of lengths seldom
 * overflows. */
static void datagram_receive__adapt(struct engine_datagram* engine,
                                    uint32_t longest) {
  uint32_t slot = datagram_padded(longest);
  if (slot < DATAGRAM_RECEIVE__SLOT_MIN) slot = DATAGRAM_RECEIVE__SLOT_MIN;
  if (slot < engine->slot)
    slot = engine->slot -
           datagram_padded((engine->slot - slot) / DATAGRAM_RECEIVE__SHRINK);
  engine->slot = slot;
}

/* ---- calls */

/* Sets the layout of the next batch. Returns false when there is no room. */
static bool datagram_receive__lay_out(struct datagram_receive__batch* batch,
                                      const struct socket* socket,
                                      struct datagram_room* room) {
  const struct engine_datagram* engine = &socket->datagram->engine;
  bool is_unix = socket->family == IOCP_UNIX;
  batch->slots = room->memory + room->used;
  batch->front = DATAGRAM_HEADER + (is_unix ? IOCP_DATAGRAM_PATH_MAX : 0);
  batch->slot = engine->offloads ? 0 : engine->slot;
  batch->count = datagram_receive__count(
      room, engine->offloads ? IOCP_DATAGRAM_ROOM : batch->front + batch->slot);
  room->is_full = batch->count == 0;
  return batch->count != 0;
}

int32_t engine_receive_datagrams(struct socket* socket,
                                 struct datagram_room* room) {
  struct datagram_receive__batch batch;
  struct engine_datagram* engine = &socket->datagram->engine;
  room->has_more = false;
  if (!socket->engine.readable) return ENGINE_WOULD_BLOCK;
  if (engine->slot == 0) engine->slot = DATAGRAM_RECEIVE__SLOT_FIRST;
  if (!datagram_receive__lay_out(&batch, socket, room)) return 0;
  datagram_receive__prepare(&batch, socket);
  int32_t count = datagram_receive__call(socket, &batch);
  if (count < 0) return count;
  uint32_t longest = datagram_receive__longest(&batch, (uint32_t)count);
  if (longest <= batch.slot)
    datagram_receive__pack(&batch, room, (uint32_t)count);
  else
    datagram_receive__gather(socket, room, &batch, (uint32_t)count);
  datagram_receive__adapt(engine, longest);
  /* A short batch has emptied the queue of the kernel, and what comes causes a
   * new edge. The same is true of an error that has cut the batch short: it has
   * come after the call began, with an edge of its own. */
  if ((uint32_t)count < batch.count) datagram_receive__idle(socket);
  room->has_more = socket->engine.readable;
  return 0;
}

/* One message of merged datagrams, which are then kept. */
static int32_t datagram_receive__keep(struct socket* socket) {
  struct datagram_receive__batch batch = {.count = 1};
  struct datagram_room none = {.size = 0};
  datagram_receive__prepare(&batch, socket);
  int32_t count = datagram_receive__call(socket, &batch);
  if (count < 0) return count;
  datagram_receive__gather(socket, &none, &batch, 1);
  return ENGINE_WOULD_BLOCK;
}

int32_t engine_receive_from(struct socket* socket,
                            void* buffer,
                            uint32_t length,
                            struct iocp_datagram* header_out,
                            uint8_t* path_out) {
  struct sockaddr_storage name;
  struct iovec part = {.iov_base = buffer, .iov_len = length};
  struct msghdr message = {.msg_name = &name,
                           .msg_namelen = sizeof name,
                           .msg_iov = &part,
                           .msg_iovlen = 1};
  ssize_t size;
  if (!socket->engine.readable) return ENGINE_WOULD_BLOCK;
  if (socket->datagram->engine.offloads) return datagram_receive__keep(socket);
  do {
    size = recvmsg(socket->engine.fd, &message, MSG_DONTWAIT | MSG_TRUNC);
  } while (size < 0 && errno == EINTR);
  if (size < 0) {
    if (errno != EAGAIN && errno != EWOULDBLOCK)
      return port_fail(socket->port, errors_of_connect(errno), errno);
    socket->engine.readable = false;
    return ENGINE_WOULD_BLOCK;
  }
  datagram_address_from_system(
      &name, message.msg_namelen, header_out, path_out);
  header_out->size = (uint32_t)size;
  header_out->length = (uint32_t)size < length ? (uint32_t)size : length;
  return (int32_t)header_out->length;
}
