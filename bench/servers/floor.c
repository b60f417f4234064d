/* SPDX-License-Identifier: MIT */
/*
 * floor ROLE: the least that a server costs: plain C on epoll, level triggered,
 * in one thread. A message that is echoed costs one recv(), one send() and its
 * share of an epoll_wait(). A send() waits for room: the load always receives.
 * The roles are echo and broadcast, and for datagrams, with up to 32 in each
 * recvmmsg() and sendmmsg(), receive and send (../load/datagram.c).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define BATCH 256
#define DATAGRAMS 32
#define PERIOD 1024

struct connection {
  int fd;
  /* A ring that begins and ends at the listener. */
  struct connection* next;
  struct connection* previous;
};

static struct connection listener;
static uint8_t chunk[65536];
static int epoll_fd;
static bool is_broadcast;

static void fail(const char* what) {
  perror(what);
  exit(1);
}

static void watch(struct connection* connection) {
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
  if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, connection->fd, &event) != 0)
    fail("epoll_ctl");
}

/* Called only for an event of its own: others of the batch may point to it. */
static void drop(struct connection* connection) {
  connection->previous->next = connection->next;
  connection->next->previous = connection->previous;
  close(connection->fd);
  free(connection);
}

static bool would_block(void) { return errno == EAGAIN || errno == EINTR; }

static void accept_all(void) {
  int fd;
  while ((fd = accept4(listener.fd, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct connection* connection = calloc(1, sizeof *connection);
    if (connection == NULL) fail("calloc");
    *connection = (struct connection){
        .fd = fd, .next = &listener, .previous = listener.previous};
    listener.previous->next = connection;
    listener.previous = connection;
    watch(connection);
  }
  if (!would_block()) fail("accept4");
}

/* Sends the beginning of `chunk`; the system's next event reports an error. */
static void send_chunk(const struct connection* connection, size_t length) {
  ssize_t sent;
  for (size_t done = 0; done < length; done += (size_t)sent) {
    sent = send(connection->fd, chunk + done, length - done, MSG_NOSIGNAL);
    if (sent < 0) return;
  }
}

static void receive(struct connection* connection) {
  ssize_t length = recv(connection->fd, chunk, sizeof chunk, MSG_DONTWAIT);
  if (length < 0 && would_block()) return;
  if (length <= 0) {
    drop(connection);
  } else if (!is_broadcast) {
    send_chunk(connection, (size_t)length);
  } else {
    for (struct connection* to = listener.next; to != &listener; to = to->next)
      send_chunk(to, (size_t)length);
  }
}

static int open_on_loopback(int type) {
  struct sockaddr_in address = {.sin_family = AF_INET};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
  if (fd < 0 || bind(fd, (struct sockaddr*)&address, sizeof address) != 0 ||
      (type != SOCK_DGRAM && listen(fd, 4096) != 0) ||
      getsockname(fd, (struct sockaddr*)&address, &length) != 0)
    fail("listen");
  printf("listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
  fflush(stdout);
  return fd;
}

static void serve_datagrams(bool sends) {
  static uint8_t data[DATAGRAMS][65536];
  struct sockaddr_in names[DATAGRAMS];
  struct mmsghdr messages[DATAGRAMS], copies[DATAGRAMS];
  struct iovec parts[DATAGRAMS];
  int fd = open_on_loopback(SOCK_DGRAM);
  for (unsigned received = 0;;) {
    for (int i = 0; i < DATAGRAMS; i++) {
      parts[i] = (struct iovec){data[i], sizeof data[i]};
      messages[i].msg_hdr = (struct msghdr){.msg_name = &names[i],
                                            .msg_namelen = sizeof names[i],
                                            .msg_iov = &parts[i],
                                            .msg_iovlen = 1};
    }
    int count = recvmmsg(fd, messages, DATAGRAMS, MSG_WAITFORONE, NULL);
    for (int i = 0; i < count; i++) {
      if (!sends && ++received % PERIOD != 0) continue;
      parts[i].iov_len = messages[i].msg_len;
      for (int j = 0; j < DATAGRAMS; j++) copies[j] = messages[i];
      sendmmsg(fd, copies, sends ? DATAGRAMS : 1, 0);
    }
  }
}

int main(int argc, char** argv) {
  const char* role = argc > 1 ? argv[1] : "";
  bool sends = strcmp(role, "send") == 0;
  if (sends || strcmp(role, "receive") == 0) serve_datagrams(sends);
  is_broadcast = strcmp(role, "broadcast") == 0;
  epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  if (epoll_fd < 0) fail("epoll_create1");
  listener =
      (struct connection){.fd = open_on_loopback(SOCK_STREAM | SOCK_NONBLOCK),
                          .next = &listener,
                          .previous = &listener};
  watch(&listener);
  for (;;) {
    struct epoll_event events[BATCH];
    int count = epoll_wait(epoll_fd, events, BATCH, -1);
    for (int i = 0; i < count; i++) {
      struct connection* connection = events[i].data.ptr;
      if (connection == &listener)
        accept_all();
      else
        receive(connection);
    }
  }
}
