/* SPDX-License-Identifier: MIT */
/*
 * A unix socket can be without room for two reasons. Its own buffer is full:
 * then the queue reports when it is not. Or so many datagrams wait for the
 * receiver, with its own and those of others, that it takes no more: the kernel
 * reports the end of that only to a socket that is connected to the receiver
 * (unix_dgram_poll()). To any other one it always reports room, and again with
 * each send that fails, which frees the memory of its datagram
 * (unix_write_space()): a port would try again without a pause. So a second
 * socket, which sends nothing, is connected to the receiver and watched.
 */
#include "datagram_room.h"

#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "datagram_address.h"
#include "datagram_memory.h"
#include "handle.h"
#include "send_copy.h"

/* Where the oldest copy goes. Returns the length of the address, 0 for the
 * peer, or an error. */
static int32_t datagram_room__receiver(const struct socket* socket,
                                       struct sockaddr_storage* name_out) {
  struct iocp_datagram header;
  uint32_t length;
  const uint8_t* rest = datagram_copy_rest(send_copy_first(socket), &length);
  memcpy(&header, rest, sizeof header);
  return datagram_address_to_system(
      socket, &header, rest + DATAGRAM_HEADER, name_out);
}

static bool datagram_room__is_full(const struct socket* socket) {
  struct pollfd entry = {.fd = socket->engine.fd, .events = POLLOUT};
  return poll(&entry, 1, 0) == 0;
}

/* If this fails, the timer of datagram_sender.c remains. */
static void datagram_room__watch(struct socket* socket,
                                 const struct sockaddr_storage* name,
                                 socklen_t length) {
  struct port* port = socket->port;
  struct engine_datagram* engine = &socket->datagram->engine;
  struct epoll_event event = {
      .events = EPOLLOUT | EPOLLET,
      .data.u64 = ENGINE_ROOM_EVENT | (uint32_t)socket->id};
  /* A change looks at the present state, as in handle_watch_room(). */
  int call = engine->watches_receiver ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
  if (!engine->watches_receiver)
    engine->receiver_fd = handle_open_datagram(port, AF_UNIX);
  if (engine->receiver_fd < 0) return;
  engine->watches_receiver = true;
  if (connect(engine->receiver_fd, (const struct sockaddr*)name, length) < 0 ||
      epoll_ctl(port->engine.epoll_fd, call, engine->receiver_fd, &event) < 0)
    datagram_room_ignore(socket);
}

void datagram_room_await(struct socket* socket) {
  struct sockaddr_storage name;
  int32_t length =
      socket->family == IOCP_UNIX ? datagram_room__receiver(socket, &name) : 0;
  if (length <= 0 || datagram_room__is_full(socket)) {
    datagram_room_ignore(socket);
    handle_watch_room(socket);
    return;
  }
  handle_ignore_room(socket);
  datagram_room__watch(socket, &name, (socklen_t)length);
}

void datagram_room_ignore(struct socket* socket) {
  struct engine_datagram* engine = &socket->datagram->engine;
  handle_ignore_room(socket);
  if (engine->watches_receiver) close(engine->receiver_fd);
  engine->watches_receiver = false;
}
