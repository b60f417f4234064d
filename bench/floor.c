/* SPDX-License-Identifier: MIT */
/*
 * The floor: an echo server as one writes it by hand in C for Linux. One
 * thread, epoll, level triggered, so that a message costs one recv() and one
 * send() and its share of an epoll_wait().
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
#define CHUNK 65536

struct connection {
  int fd;
  /* What the system did not take; nothing is received while there is some. */
  uint8_t* kept;
  size_t kept_offset;
  size_t kept_length;
};

static uint8_t chunk[CHUNK];
static int epoll_fd;

static void fail(const char* what) {
  perror(what);
  exit(1);
}

static void watch(struct connection* connection, int how, uint32_t events) {
  struct epoll_event event = {.events = events, .data.ptr = connection};
  if (epoll_ctl(epoll_fd, how, connection->fd, &event) != 0) fail("epoll_ctl");
}

static void drop(struct connection* connection) {
  close(connection->fd);
  free(connection->kept);
  free(connection);
}

static bool would_block(void) {
  return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

static void accept_all(int listener) {
  int fd;
  while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >=
         0) {
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct connection* connection = calloc(1, sizeof *connection);
    if (connection == NULL) fail("calloc");
    connection->fd = fd;
    watch(connection, EPOLL_CTL_ADD, EPOLLIN);
  }
  if (!would_block()) fail("accept4");
}

/* Keeps the rest of `chunk` until the connection is writable. */
static void keep(struct connection* connection, size_t offset, size_t length) {
  connection->kept = malloc(length - offset);
  if (connection->kept == NULL) fail("malloc");
  memcpy(connection->kept, chunk + offset, length - offset);
  connection->kept_offset = 0;
  connection->kept_length = length - offset;
  watch(connection, EPOLL_CTL_MOD, EPOLLOUT);
}

static void echo(struct connection* connection) {
  ssize_t length = recv(connection->fd, chunk, CHUNK, 0);
  if (length < 0 && would_block()) return;
  if (length <= 0) {
    drop(connection);
    return;
  }
  ssize_t sent = send(connection->fd, chunk, (size_t)length, MSG_NOSIGNAL);
  if (sent < 0 && !would_block()) {
    drop(connection);
    return;
  }
  if (sent < length)
    keep(connection, sent < 0 ? 0 : (size_t)sent, (size_t)length);
}

static void send_kept(struct connection* connection) {
  ssize_t sent = send(connection->fd,
                      connection->kept + connection->kept_offset,
                      connection->kept_length - connection->kept_offset,
                      MSG_NOSIGNAL);
  if (sent < 0) {
    if (!would_block()) drop(connection);
    return;
  }
  connection->kept_offset += (size_t)sent;
  if (connection->kept_offset < connection->kept_length) return;
  free(connection->kept);
  connection->kept = NULL;
  watch(connection, EPOLL_CTL_MOD, EPOLLIN);
}

int main(void) {
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  struct sockaddr_in address = {.sin_family = AF_INET};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  if (listener < 0 ||
      bind(listener, (struct sockaddr*)&address, sizeof address) != 0 ||
      listen(listener, 4096) != 0 ||
      getsockname(listener, (struct sockaddr*)&address, &length) != 0)
    fail("listen");
  epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  if (epoll_fd < 0) fail("epoll_create1");
  struct connection door = {.fd = listener};
  watch(&door, EPOLL_CTL_ADD, EPOLLIN);
  printf("listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
  fflush(stdout);

  for (;;) {
    struct epoll_event events[BATCH];
    int count = epoll_wait(epoll_fd, events, BATCH, -1);
    for (int i = 0; i < count; i++) {
      struct connection* connection = events[i].data.ptr;
      if (connection == &door)
        accept_all(listener);
      else if (connection->kept != NULL)
        send_kept(connection);
      else
        echo(connection);
    }
  }
}
