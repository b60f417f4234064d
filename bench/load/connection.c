/* SPDX-License-Identifier: MIT */
#include "connection.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "fail.h"
#include "options.h"
#include "pattern.h"

#define BATCH 256
/* Each source address has its own ports, and a connection that was closed keeps
 * one for a minute. */
#define SOURCES 32

static uint8_t chunk[PATTERN_PIECE];
static int epoll_fd = -1;
static uint32_t opened;

static int connections__epoll(void) {
  if (epoll_fd < 0) epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  if (epoll_fd < 0) fail("epoll_create1: %s", strerror(errno));
  return epoll_fd;
}

static void connection__control(struct connection* connection,
                                int how,
                                uint32_t events) {
  struct epoll_event event = {.events = events, .data.ptr = connection};
  if (epoll_ctl(connections__epoll(), how, connection->fd, &event) != 0)
    fail("epoll_ctl: %s", strerror(errno));
}

static void connection__bind(int fd) {
  int on = 1;
  struct sockaddr_in address = {.sin_family = AF_INET};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK + opened % SOURCES);
  setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  if (bind(fd, (struct sockaddr*)&address, sizeof address) != 0)
    fail("bind: %s", strerror(errno));
}

void connection_open(struct connection* connection) {
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)options.port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) fail("socket: %s", strerror(errno));
  connection__bind(fd);
  if (connect(fd, (struct sockaddr*)&address, sizeof address) != 0)
    fail("connect: %s", strerror(errno));
  int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  fcntl(fd, F_SETFL, O_NONBLOCK);
  *connection = (struct connection){.fd = fd,
                                    .index = connection->index,
                                    .base = opened * 7919ull,
                                    .own = connection->own};
  opened++;
  connection__control(connection, EPOLL_CTL_ADD, EPOLLIN);
}

struct connection* connections_allocate(uint64_t count, size_t own_size) {
  struct connection* connections = calloc(count, sizeof *connections);
  if (connections == NULL) fail("out of memory");
  for (uint64_t i = 0; i < count; i++) {
    connections[i].index = (uint32_t)i;
    if (own_size == 0) continue;
    connections[i].own = calloc(1, own_size);
    if (connections[i].own == NULL) fail("out of memory");
  }
  return connections;
}

struct connection* connections_open(uint64_t count, size_t own_size) {
  struct connection* connections = connections_allocate(count, own_size);
  for (uint64_t i = 0; i < count; i++) connection_open(&connections[i]);
  return connections;
}

void connection_close(struct connection* connection) { close(connection->fd); }

void connection_watch(struct connection* connection, uint32_t events) {
  connection__control(connection, EPOLL_CTL_MOD, events);
}

void connection_send(struct connection* connection) {
  while (connection->sent < connection->owed) {
    uint64_t length = connection->owed - connection->sent;
    ssize_t sent = send(connection->fd,
                        pattern_at(connection->base + connection->sent),
                        length < PATTERN_PIECE ? length : PATTERN_PIECE,
                        MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN) fail("send: %s", strerror(errno));
      if (!connection->is_full)
        connection_watch(connection, EPOLLIN | EPOLLOUT);
      connection->is_full = true;
      return;
    }
    connection->sent += (uint64_t)sent;
  }
  if (connection->is_full) connection_watch(connection, EPOLLIN);
  connection->is_full = false;
}

size_t connection_receive(struct connection* connection) {
  ssize_t length = recv(connection->fd, chunk, sizeof chunk, 0);
  if (length == 0) fail("the server has ended a connection");
  if (length < 0) {
    if (errno == EAGAIN || errno == EINTR) return 0;
    fail("recv: %s", strerror(errno));
  }
  connection->received += (uint64_t)length;
  return (size_t)length;
}

size_t connection_receive_checked(struct connection* connection,
                                  uint64_t base) {
  uint64_t position = connection->received;
  size_t length = connection_receive(connection);
  if (length != 0 && memcmp(chunk, pattern_at(base + position), length) != 0)
    fail("wrong data within %zu bytes after byte %llu of a connection",
         length,
         (unsigned long long)position);
  return length;
}

bool connection_receive_echo(struct connection* connection, uint32_t events) {
  if ((events & ~(uint32_t)EPOLLOUT) == 0 ||
      connection_receive_checked(connection, connection->base) == 0)
    return false;
  if (connection->received > connection->sent)
    fail("more has come back than was sent");
  return true;
}

const uint8_t* received_bytes(void) { return chunk; }

static int connections__work(connection_handler* handler, uint64_t wait_ns) {
  struct epoll_event events[BATCH];
  struct timespec wait = {.tv_sec = (time_t)(wait_ns / NS),
                          .tv_nsec = (long)(wait_ns % NS)};
  int count = epoll_pwait2(connections__epoll(), events, BATCH, &wait, NULL);
  for (int i = 0; i < count; i++) handler(events[i].data.ptr, events[i].events);
  return count;
}

void connections_turn_for(connection_handler* handler, uint64_t wait_ns) {
  connections__work(handler, wait_ns);
}

void connections_turn(connection_handler* handler) {
  if (connections__work(handler, SILENCE_MS * MS) == 0)
    fail("the server has said nothing for %d s", SILENCE_MS / 1000);
}
