/* SPDX-License-Identifier: MIT */
#include "connection.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "clock.h"
#include "fail.h"
#include "options.h"

#define BATCH 256
/* Each source address has its own ports, and a closed connection keeps one for
 * a minute. */
#define SOURCES 32
#define PERIOD 65521
#define PIECE 262144

static uint8_t stream[PERIOD + PIECE];
static uint8_t chunk[PIECE];
static int epoll_fd;
static uint32_t opened;

static void stream__fill(void) {
  uint32_t state = 2463534242u;
  for (size_t i = 0; i < sizeof stream; i++) {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    stream[i] = i < PERIOD ? (uint8_t)(state >> 24) : stream[i - PERIOD];
  }
}

/* PIECE bytes of the stream. */
static const uint8_t* stream__at(uint64_t position) {
  return stream + position % PERIOD;
}

static void connection__watch(struct connection* connection,
                              int how,
                              uint32_t events) {
  struct epoll_event event = {.events = events, .data.ptr = connection};
  if (epoll_ctl(epoll_fd, how, connection->fd, &event) != 0)
    fail("epoll_ctl: %s", strerror(errno));
}

void connection_open(struct connection* connection) {
  int on = 1;
  struct sockaddr_in from = {.sin_family = AF_INET};
  from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + opened % SOURCES);
  struct sockaddr_in to = {.sin_family = AF_INET,
                           .sin_port = htons((uint16_t)options.port)};
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  if (bind(fd, (struct sockaddr*)&from, sizeof from) != 0 ||
      connect(fd, (struct sockaddr*)&to, sizeof to) != 0)
    fail("connect: %s", strerror(errno));
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  fcntl(fd, F_SETFL, O_NONBLOCK);
  *connection = (struct connection){.fd = fd,
                                    .begun_ns = connection->begun_ns,
                                    .base = opened++ * 7919ull,
                                    .own = connection->own};
  connection__watch(connection, EPOLL_CTL_ADD, EPOLLIN);
}

struct connection* connections_allocate(size_t own_size) {
  if (epoll_fd == 0) {
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    stream__fill();
  }
  uint64_t count = options.connections;
  struct connection* connections = calloc(count, sizeof *connections);
  uint8_t* own = calloc(count, own_size + 1);
  if (connections == NULL || own == NULL) fail("out of memory");
  for (uint64_t i = 0; i < count; i++) connections[i].own = own + i * own_size;
  return connections;
}

struct connection* connections_open(size_t own_size) {
  struct connection* connections = connections_allocate(own_size);
  for (uint64_t i = 0; i < options.connections; i++)
    connection_open(&connections[i]);
  return connections;
}

static void connection__send(struct connection* connection) {
  while (connection->sent < connection->owed) {
    uint64_t length = connection->owed - connection->sent;
    ssize_t sent = send(connection->fd,
                        stream__at(connection->base + connection->sent),
                        length < PIECE ? length : PIECE,
                        MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN) fail("send: %s", strerror(errno));
      if (!connection->is_full)
        connection__watch(connection, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
      connection->is_full = true;
      return;
    }
    connection->sent += (uint64_t)sent;
  }
  if (connection->is_full)
    connection__watch(connection, EPOLL_CTL_MOD, EPOLLIN);
  connection->is_full = false;
}

void connection_send_message(struct connection* connection) {
  connection->owed += options.bytes;
  connection__send(connection);
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

const uint8_t* received_bytes(void) { return chunk; }

size_t connection_receive_checked(struct connection* connection,
                                  uint64_t base) {
  uint64_t position = connection->received;
  size_t length = connection_receive(connection);
  if (length != 0 && memcmp(chunk, stream__at(base + position), length) != 0)
    fail("wrong data within %zu bytes after byte %llu of a connection",
         length,
         (unsigned long long)position);
  return length;
}

bool connection_echo(struct connection* connection) {
  if (connection->sent < connection->owed) connection__send(connection);
  size_t length = connection_receive_checked(connection, connection->base);
  if (connection->received > connection->sent)
    fail("more has come back than was sent");
  return length != 0 && connection->received == connection->owed;
}

int connections_turn_for(connection_handler* handler, uint64_t wait_ns) {
  struct epoll_event events[BATCH];
  struct timespec wait = {.tv_sec = (time_t)(wait_ns / NS),
                          .tv_nsec = (long)(wait_ns % NS)};
  int count = epoll_pwait2(epoll_fd, events, BATCH, &wait, NULL);
  for (int i = 0; i < count; i++) handler(events[i].data.ptr);
  return count;
}

void connections_turn(connection_handler* handler) {
  if (connections_turn_for(handler, 10 * NS) == 0)
    fail("the server has sent nothing for 10 s");
}
