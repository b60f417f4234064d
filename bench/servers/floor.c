/* SPDX-License-Identifier: MIT */
/*
 * floor ROLE: the floor, a server as one writes it by hand in C for Linux. One
 * thread, epoll, level triggered, so that a message that is echoed costs one
 * recv() and one send() and its share of an epoll_wait(). The roles:
 *
 *   echo       sends back what comes
 *   sink       takes what comes, and answers the peer's end with its length
 *   source     sends the pattern of load.c for as long as the peer is there
 *   broadcast  sends what comes to every connection, its own too
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

#include "pattern.h"

#define BATCH 256
#define CHUNK PATTERN_BLOCK
/* After so many blocks a source lets others have their turn. */
#define BLOCKS 16

struct connection {
  int fd;
  /* What the system did not take; nothing is received while there is some. */
  uint8_t* kept;
  size_t kept_offset;
  size_t kept_length;
  uint64_t moved; /* by a sink or a source */
  /* All connections are in a ring that begins and ends at the door. */
  struct connection* next;
  struct connection* previous;
};

struct role {
  const char* name;
  uint32_t events;
  void (*ready)(struct connection* connection);
};

static const struct role* role;
static struct connection door;
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

/* Only by its own event: others of the same batch may name it. */
static void drop(struct connection* connection) {
  connection->previous->next = connection->next;
  connection->next->previous = connection->previous;
  close(connection->fd);
  free(connection->kept);
  free(connection);
}

static bool would_block(void) {
  return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

static void accept_all(void) {
  int fd;
  while ((fd = accept4(door.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >=
         0) {
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct connection* connection = calloc(1, sizeof *connection);
    if (connection == NULL) fail("calloc");
    connection->fd = fd;
    connection->next = &door;
    connection->previous = door.previous;
    door.previous->next = connection;
    door.previous = connection;
    watch(connection, EPOLL_CTL_ADD, role->events);
  }
  if (!would_block()) fail("accept4");
}

/* Keeps bytes behind what is kept, until the connection is writable. */
static void keep(struct connection* connection,
                 const uint8_t* bytes,
                 size_t length) {
  bool was_empty = connection->kept == NULL;
  size_t left = connection->kept_length - connection->kept_offset;
  if (left > 0)
    memmove(connection->kept, connection->kept + connection->kept_offset, left);
  connection->kept = realloc(connection->kept, left + length);
  if (connection->kept == NULL) fail("realloc");
  memcpy(connection->kept + left, bytes, length);
  connection->kept_offset = 0;
  connection->kept_length = left + length;
  if (was_empty) watch(connection, EPOLL_CTL_MOD, EPOLLOUT);
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
  connection->kept_offset = 0;
  connection->kept_length = 0;
  watch(connection, EPOLL_CTL_MOD, role->events);
}

/* Sends from `chunk`. False: the connection is broken, which it will be told
 * of by its own next event. */
static bool send_or_keep(struct connection* connection, size_t length) {
  ssize_t sent = 0;
  if (connection->kept == NULL)
    sent = send(connection->fd, chunk, length, MSG_NOSIGNAL);
  if (sent < 0) {
    if (!would_block()) return false;
    sent = 0;
  }
  if ((size_t)sent < length)
    keep(connection, chunk + sent, length - (size_t)sent);
  return true;
}

static void echo(struct connection* connection) {
  ssize_t length = recv(connection->fd, chunk, CHUNK, 0);
  if (length < 0 && would_block()) return;
  if (length <= 0 || !send_or_keep(connection, (size_t)length))
    drop(connection);
}

static void sink(struct connection* connection) {
  ssize_t length = recv(connection->fd, chunk, CHUNK, 0);
  if (length < 0 && would_block()) return;
  if (length > 0) {
    connection->moved += (uint64_t)length;
    return;
  }
  if (length == 0)
    send(connection->fd, &connection->moved, sizeof(uint64_t), MSG_NOSIGNAL);
  drop(connection);
}

static void source(struct connection* connection) {
  for (int i = 0; i < BLOCKS; i++) {
    ssize_t sent = send(
        connection->fd, pattern_at(connection->moved), CHUNK, MSG_NOSIGNAL);
    if (sent < 0 && !would_block()) drop(connection);
    if (sent < 0) return;
    connection->moved += (uint64_t)sent;
    if (sent < CHUNK) return;
  }
}

static void broadcast(struct connection* connection) {
  ssize_t length = recv(connection->fd, chunk, CHUNK, 0);
  if (length < 0 && would_block()) return;
  if (length <= 0) {
    drop(connection);
    return;
  }
  for (struct connection* to = door.next; to != &door; to = to->next)
    send_or_keep(to, (size_t)length);
}

static const struct role roles[] = {{"echo", EPOLLIN, echo},
                                    {"sink", EPOLLIN, sink},
                                    {"source", EPOLLOUT, source},
                                    {"broadcast", EPOLLIN, broadcast}};

static void choose_role(int argc, char** argv) {
  const char* name = argc > 1 ? argv[argc - 1] : "echo";
  for (size_t i = 0; i < sizeof roles / sizeof *roles; i++)
    if (strcmp(roles[i].name, name) == 0) role = &roles[i];
  if (role != NULL) return;
  fprintf(stderr, "floor: no role %s\n", name);
  exit(2);
}

static void open_door(void) {
  struct sockaddr_in address = {.sin_family = AF_INET};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0 || bind(fd, (struct sockaddr*)&address, sizeof address) != 0 ||
      listen(fd, 4096) != 0 ||
      getsockname(fd, (struct sockaddr*)&address, &length) != 0)
    fail("listen");
  door = (struct connection){.fd = fd, .next = &door, .previous = &door};
  watch(&door, EPOLL_CTL_ADD, EPOLLIN);
  printf("listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
  fflush(stdout);
}

int main(int argc, char** argv) {
  choose_role(argc, argv);
  pattern_fill();
  epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  if (epoll_fd < 0) fail("epoll_create1");
  open_door();
  for (;;) {
    struct epoll_event events[BATCH];
    int count = epoll_wait(epoll_fd, events, BATCH, -1);
    for (int i = 0; i < count; i++) {
      struct connection* connection = events[i].data.ptr;
      if (connection == &door)
        accept_all();
      else if (connection->kept != NULL)
        send_kept(connection);
      else
        role->ready(connection);
    }
  }
}
