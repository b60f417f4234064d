/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "calls.h"

#define PEER__TYPE (SOCK_NONBLOCK | SOCK_CLOEXEC)

static uint8_t memory[65536];

static void peer__keep(int fd) {
  FUZZ_CHECK(fd >= 0);
  model_add_handle(fd);
}

/* Connects to a listener of a port, which may accept the connection. */
static void peer__connect(uint8_t choice, bool is_small) {
  struct iocp_address address;
  struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
  struct sockaddr_in in = {.sin_family = AF_INET};
  int small = 2048;
  if (!model_draw_listener(choice, &address)) return;
  bool is_6 = address.family == 6;
  int fd = socket(is_6 ? AF_INET6 : AF_INET, SOCK_STREAM | PEER__TYPE, 0);
  FUZZ_CHECK(fd >= 0);
  if (is_small) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  in.sin_port = in6.sin6_port = htons(address.port);
  in6.sin6_scope_id = address.scope;
  memcpy(&in.sin_addr, address.bytes, 4);
  memcpy(&in6.sin6_addr, address.bytes, 16);
  /* The backlog may be full: then the connect stays pending. */
  int failed = is_6 ? connect(fd, (struct sockaddr*)&in6, sizeof in6)
                    : connect(fd, (struct sockaddr*)&in, sizeof in);
  if (failed != 0 && errno != EINPROGRESS)
    close(fd);
  else
    peer__keep(fd);
}

/* The two ends of a connection that is on no port. */
static void peer__pair(int family, int type) {
  int fds[2];
  if (family == AF_UNIX) {
    FUZZ_IS(socketpair(family, type, 0, fds), 0);
    peer__keep(fds[0]);
    peer__keep(fds[1]);
    return;
  }
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_addr = {htonl(INADDR_LOOPBACK)}};
  socklen_t length = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  FUZZ_CHECK(bind(listener, (struct sockaddr*)&address, length) == 0);
  FUZZ_IS(listen(listener, 1), 0);
  FUZZ_CHECK(getsockname(listener, (struct sockaddr*)&address, &length) == 0);
  fds[0] = socket(AF_INET, SOCK_STREAM | PEER__TYPE, 0);
  FUZZ_CHECK(connect(fds[0], (struct sockaddr*)&address, length) == 0 ||
             errno == EINPROGRESS);
  /* Blocks until the connection is made. One of the two ends is blocking, as an
   * adopted handle may be. */
  fds[1] = accept4(listener, NULL, NULL, 0);
  close(listener);
  peer__keep(fds[0]);
  peer__keep(fds[1]);
}

static void peer__listen(void) {
  int fd = socket(AF_INET, SOCK_STREAM | PEER__TYPE, 0);
  FUZZ_CHECK(fd >= 0 && listen(fd, 1) == 0);
  peer__keep(fd);
}

static void peer__duplicate(uint8_t choice) {
  int fd = model_draw_handle(choice);
  if (fd >= 0) peer__keep(fcntl(fd, F_DUPFD_CLOEXEC, 0));
}

void call_peer_open(const struct step* step, int32_t port, int32_t socket_) {
  int fds[2];
  (void)port, (void)socket_;
  switch (step->a % 16) {
    case 0:
      peer__pair(AF_UNIX, SOCK_STREAM);
      break;
    case 1:
      peer__pair(AF_UNIX, SOCK_DGRAM);
      break;
    case 2:
      FUZZ_IS(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
      peer__keep(fds[0]);
      peer__keep(fds[1]);
      break;
    case 3:
      peer__keep(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
      break;
    case 4:
      peer__keep(socket(AF_INET, SOCK_DGRAM | PEER__TYPE, 0));
      break;
    case 5:
      peer__keep(socket(AF_INET6, SOCK_STREAM | PEER__TYPE, 0));
      break;
    case 6:
      peer__listen();
      break;
    case 7:
      peer__duplicate(step->b);
      break;
    case 8:
    case 9:
    case 10:
      peer__pair(AF_INET, SOCK_STREAM);
      break;
    default:
      peer__connect(step->b, step->a >= 128);
  }
}

/* Only sockets are affected; other handles return an error. */
void call_peer_send(const struct step* step, int32_t port, int32_t socket) {
  static const size_t lengths[] = {1, 1, 1000, 4096, sizeof memory};
  (void)port, (void)socket;
  int fd = model_draw_handle(step->a);
  int flags = MSG_DONTWAIT | MSG_NOSIGNAL;
  if (step->b >= 224) flags |= MSG_OOB;
  if (fd >= 0) send(fd, memory, lengths[step->b % 5], flags);
}

void call_peer_receive(const struct step* step, int32_t port, int32_t socket) {
  (void)port, (void)socket;
  int fd = model_draw_handle(step->a);
  if (fd < 0) return;
  for (int i = 0; i < 1 + step->b; i++)
    if (recv(fd, memory, sizeof memory, MSG_DONTWAIT) <= 0) break;
}

void call_peer_end(const struct step* step, int32_t port, int32_t socket) {
  struct linger linger = {.l_onoff = 1, .l_linger = 0};
  (void)port, (void)socket;
  int fd = model_draw_handle(step->a);
  if (fd < 0) return;
  if (step->b % 4 < 2) {
    shutdown(fd, step->b % 4 == 0 ? SHUT_WR : SHUT_RDWR);
    return;
  }
  if (step->b % 4 == 2)
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
  model_drop_handle(fd);
  FUZZ_IS(close(fd), 0);
}
