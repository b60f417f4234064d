/* SPDX-License-Identifier: MIT */
/*
 * Passing descriptors: SCM_RIGHTS over a unix datagram socket (unix(7)).
 *
 * An address is a secret and the abstract name of the inbox, which the system
 * has chosen. A datagram is the secret and the ticket, with one descriptor. Any
 * process can send to the name; without the secret its datagram is discarded.
 */
#include "inbox.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "engine.h"
#include "errors.h"
#include "handle.h"

#define INBOX__DATAGRAM (2 * ENGINE_SECRET)
#define INBOX__NAME_MAX (IOCP_INBOX_MAX - ENGINE_SECRET)

/* Room for one descriptor. The system closes those for which there is none. */
union inbox__control {
  struct cmsghdr header;
  char bytes[CMSG_SPACE(sizeof(int))];
};

static int inbox__socket(void) {
  return socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

/* ---- the inbox */

static int32_t inbox__open(struct port* port) {
  struct engine_inbox* inbox = &port->engine.inbox;
  /* Without a name the system chooses an abstract one ("autobind"). */
  struct sockaddr_un name = {.sun_family = AF_UNIX};
  if (getentropy(inbox->secret, sizeof inbox->secret) < 0)
    return errors_fail(port);
  int fd = inbox__socket();
  if (fd < 0) return errors_fail(port);
  if (bind(fd, (struct sockaddr*)&name, sizeof name.sun_family) < 0) {
    int32_t result = errors_fail(port);
    close(fd);
    return result;
  }
  inbox->fd = fd;
  inbox->is_open = true;
  return 0;
}

int32_t engine_inbox(struct port* port, void* address) {
  struct engine_inbox* inbox = &port->engine.inbox;
  struct sockaddr_un name;
  socklen_t length = sizeof name;
  if (!inbox->is_open) {
    int32_t result = inbox__open(port);
    if (result < 0) return result;
  }
  if (getsockname(inbox->fd, (struct sockaddr*)&name, &length) < 0)
    return errors_fail(port);
  size_t size = length - offsetof(struct sockaddr_un, sun_path);
  if (size > INBOX__NAME_MAX) return port_fail(port, -IOCP_ENAMETOOLONG, 0);
  memcpy(address, inbox->secret, ENGINE_SECRET);
  memcpy((uint8_t*)address + ENGINE_SECRET, name.sun_path, size);
  return (int32_t)(ENGINE_SECRET + size);
}

void inbox_close(struct port* port) {
  struct engine_inbox* inbox = &port->engine.inbox;
  if (!inbox->is_open) return;
  for (uint32_t i = 0; i < inbox->held_count; i++) close(inbox->held[i].fd);
  /* The system closes what is still in its queue. */
  close(inbox->fd);
  inbox->is_open = false;
}

/* ---- passing */

/* Returns 0 or an error. */
static int32_t inbox__check(struct port* port, double os_socket, int* fd_out) {
  int type;
  socklen_t length = sizeof type;
  if (!handle_of_number(os_socket, fd_out))
    return port_fail(port, -IOCP_EINVAL, 0);
  if (getsockopt(*fd_out, SOL_SOCKET, SO_TYPE, &type, &length) == 0) return 0;
  return errno == EBADF ? port_fail(port, -IOCP_ENOTSOCK, errno)
                        : errors_fail(port);
}

static int32_t inbox__send(struct port* port,
                           int fd,
                           struct sockaddr_un* to,
                           socklen_t length,
                           uint8_t* bytes) {
  union inbox__control control = {.header = {.cmsg_level = SOL_SOCKET,
                                             .cmsg_type = SCM_RIGHTS,
                                             .cmsg_len = CMSG_LEN(sizeof fd)}};
  struct iovec part = {.iov_base = bytes, .iov_len = INBOX__DATAGRAM};
  struct msghdr message = {.msg_name = to,
                           .msg_namelen = length,
                           .msg_iov = &part,
                           .msg_iovlen = 1,
                           .msg_control = control.bytes,
                           .msg_controllen = sizeof control.bytes};
  memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
  int sender = inbox__socket();
  if (sender < 0) return errors_fail(port);
  ssize_t count = sendmsg(sender, &message, MSG_NOSIGNAL);
  int native = count < 0 ? errno : 0;
  close(sender);
  if (count == INBOX__DATAGRAM) return 0;
  /* The queue of the inbox is full, or too many descriptors are under way
   * (unix(7), ETOOMANYREFS). */
  if (native == EAGAIN || native == ETOOMANYREFS)
    return port_fail(port, -IOCP_EBUSY, native);
  return port_fail(port, errors_of(native), native);
}

int32_t engine_pass(struct port* port,
                    double os_socket,
                    const void* address,
                    uint32_t length,
                    void* ticket) {
  struct sockaddr_un to = {.sun_family = AF_UNIX};
  uint8_t bytes[INBOX__DATAGRAM];
  int fd;
  /* An abstract name begins with a 0. */
  if (length <= ENGINE_SECRET + 1 ||
      ((const uint8_t*)address)[ENGINE_SECRET] != 0)
    return port_fail(port, -IOCP_EINVAL, 0);
  int32_t result = inbox__check(port, os_socket, &fd);
  if (result < 0) return result;
  uint32_t name = length - ENGINE_SECRET;
  memcpy(to.sun_path, (const uint8_t*)address + ENGINE_SECRET, name);
  memcpy(bytes, address, ENGINE_SECRET);
  if (getentropy(bytes + ENGINE_SECRET, ENGINE_SECRET) < 0)
    return errors_fail(port);
  result =
      inbox__send(port,
                  fd,
                  &to,
                  (socklen_t)(offsetof(struct sockaddr_un, sun_path) + name),
                  bytes);
  if (result < 0) return result;
  memcpy(ticket, bytes + ENGINE_SECRET, ENGINE_SECRET);
  return ENGINE_SECRET;
}

double engine_listener_handle(struct socket* listener) {
  return listener->engine.fd;
}

/* ---- taking */

static int32_t inbox__take_held(struct engine_inbox* inbox,
                                const void* ticket) {
  for (uint32_t i = 0; i < inbox->held_count; i++) {
    if (memcmp(inbox->held[i].ticket, ticket, ENGINE_SECRET) != 0) continue;
    int fd = inbox->held[i].fd;
    memmove(&inbox->held[i],
            &inbox->held[i + 1],
            (--inbox->held_count - i) * sizeof inbox->held[0]);
    return fd;
  }
  return -1;
}

static void inbox__hold(struct engine_inbox* inbox,
                        const uint8_t* ticket,
                        int fd) {
  if (inbox->held_count == ENGINE_INBOX_HELD)
    close(inbox__take_held(inbox, inbox->held[0].ticket));
  struct engine_held* held = &inbox->held[inbox->held_count++];
  memcpy(held->ticket, ticket, ENGINE_SECRET);
  held->fd = fd;
}

/* Receives the descriptor of one datagram and its ticket. Returns false when
 * there is no datagram; the descriptor is -1 if it was discarded. */
static bool inbox__receive(struct engine_inbox* inbox,
                           uint8_t* ticket_out,
                           int* fd_out) {
  uint8_t bytes[INBOX__DATAGRAM + 1];
  union inbox__control control;
  struct iovec part = {.iov_base = bytes, .iov_len = sizeof bytes};
  struct msghdr message = {.msg_iov = &part,
                           .msg_iovlen = 1,
                           .msg_control = control.bytes,
                           .msg_controllen = sizeof control.bytes};
  ssize_t count = recvmsg(inbox->fd, &message, MSG_CMSG_CLOEXEC);
  if (count < 0) return false;
  const struct cmsghdr* header = CMSG_FIRSTHDR(&message);
  *fd_out = -1;
  if (header == NULL || header->cmsg_level != SOL_SOCKET ||
      header->cmsg_type != SCM_RIGHTS ||
      header->cmsg_len < CMSG_LEN(sizeof *fd_out))
    return true;
  memcpy(fd_out, CMSG_DATA(header), sizeof *fd_out);
  if (count == INBOX__DATAGRAM && (message.msg_flags & MSG_CTRUNC) == 0 &&
      memcmp(bytes, inbox->secret, ENGINE_SECRET) == 0) {
    memcpy(ticket_out, bytes + ENGINE_SECRET, ENGINE_SECRET);
    return true;
  }
  close(*fd_out);
  *fd_out = -1;
  return true;
}

int32_t engine_take(struct port* port, const void* ticket, uint32_t length) {
  struct engine_inbox* inbox = &port->engine.inbox;
  uint8_t other[ENGINE_SECRET];
  int fd;
  if (length != ENGINE_SECRET) return port_fail(port, -IOCP_EINVAL, 0);
  if (!inbox->is_open) return port_fail(port, -IOCP_ENOENT, 0);
  int32_t result = inbox__take_held(inbox, ticket);
  if (result >= 0) return result;
  while (inbox__receive(inbox, other, &fd)) {
    if (fd < 0) continue;
    if (memcmp(other, ticket, ENGINE_SECRET) == 0) return fd;
    inbox__hold(inbox, other, fd);
  }
  return errno == EAGAIN || errno == EWOULDBLOCK
             ? port_fail(port, -IOCP_ENOENT, 0)
             : errors_fail(port);
}

int32_t engine_drop(struct port* port, double os_socket) {
  int fd;
  int32_t result = inbox__check(port, os_socket, &fd);
  if (result < 0) return result;
  close(fd);
  return 0;
}
