/* SPDX-License-Identifier: MIT */
/*
 * The load: a number of connections that each keep a number of messages in
 * flight to an echo server, and check every byte that comes back. After a
 * warm-up it counts for a time, or for a number of messages, and reads the CPU
 * clock of the server's process at both ends of just that interval.
 *
 * It waits for answers before it sends more, so the latencies are those of a
 * busy server, not those at a given rate.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "histogram.h"

#define BATCH 256
#define CHUNK 262144
/* A prime, so that no multiple of a message's length comes out even. */
#define PATTERN_PERIOD 65521
#define SILENCE_MS 10000
#define NS 1000000000ull

struct options {
  const char* host;
  uint64_t port;
  uint64_t connections;
  uint64_t bytes;
  uint64_t in_flight;
  uint64_t warm_up_ms;       /* not counted, and at least so many */
  uint64_t warm_up_messages; /* messages, if they come in ten times that */
  uint64_t ms;               /* counted */
  uint64_t messages;         /* counted, instead of `ms` */
  uint64_t pid;              /* of the server; 0: its CPU time is not known */
};

struct connection {
  int fd;
  bool is_full;  /* waits to be writable */
  uint64_t base; /* where in the pattern its stream begins */
  uint64_t owed; /* may be sent, in all */
  uint64_t sent;
  uint64_t received;
  uint64_t answered; /* whole messages */
  uint64_t* sent_at; /* of those in flight, a ring */
};

enum phase { WARM_UP, COUNTED, DRAIN };

static struct options options = {.host = "127.0.0.1",
                                 .connections = 1,
                                 .bytes = 64,
                                 .in_flight = 1,
                                 .warm_up_ms = 500,
                                 .ms = 1000};
static enum phase phase = WARM_UP;
static struct histogram latencies;
static uint64_t answered_total;
static uint64_t open_messages;
static uint8_t pattern[PATTERN_PERIOD + CHUNK];
static uint8_t chunk[CHUNK];
static int epoll_fd;
static clockid_t server_clock;

static void fail(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fputs("load: ", stderr);
  vfprintf(stderr, format, arguments);
  fputs("\n", stderr);
  va_end(arguments);
  exit(1);
}

static uint64_t read_clock(clockid_t clock) {
  struct timespec time;
  if (clock_gettime(clock, &time) != 0)
    fail("the server is gone: %s", strerror(errno));
  return (uint64_t)time.tv_sec * NS + (uint64_t)time.tv_nsec;
}

static uint64_t now_ns(void) { return read_clock(CLOCK_MONOTONIC); }

static uint64_t server_ns(void) {
  return options.pid == 0 ? 0 : read_clock(server_clock);
}

static void fill_pattern(void) {
  uint32_t state = 2463534242u;
  for (size_t i = 0; i < PATTERN_PERIOD; i++) {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    pattern[i] = (uint8_t)(state >> 24);
  }
  memcpy(pattern + PATTERN_PERIOD, pattern, PATTERN_PERIOD);
  for (size_t i = 2 * PATTERN_PERIOD; i < sizeof pattern; i++)
    pattern[i] = pattern[i - PATTERN_PERIOD];
}

/* At least CHUNK bytes of a connection's stream. */
static const uint8_t* stream_at(const struct connection* connection,
                                uint64_t position) {
  return pattern + (connection->base + position) % PATTERN_PERIOD;
}

static void watch(struct connection* connection, int how, uint32_t events) {
  struct epoll_event event = {.events = events, .data.ptr = connection};
  if (epoll_ctl(epoll_fd, how, connection->fd, &event) != 0)
    fail("epoll_ctl: %s", strerror(errno));
}

static void send_owed(struct connection* connection) {
  while (connection->sent < connection->owed) {
    uint64_t length = connection->owed - connection->sent;
    ssize_t sent = send(connection->fd,
                        stream_at(connection, connection->sent),
                        length < CHUNK ? length : CHUNK,
                        MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN) fail("send: %s", strerror(errno));
      if (!connection->is_full)
        watch(connection, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
      connection->is_full = true;
      return;
    }
    connection->sent += (uint64_t)sent;
  }
  if (connection->is_full) watch(connection, EPOLL_CTL_MOD, EPOLLIN);
  connection->is_full = false;
}

static void answered(struct connection* connection, uint64_t now) {
  uint64_t* sent_at =
      &connection->sent_at[connection->answered % options.in_flight];
  connection->answered++;
  answered_total++;
  if (phase == COUNTED) histogram_add(&latencies, now - *sent_at);
  if (phase == DRAIN) {
    open_messages--;
    return;
  }
  *sent_at = now;
  connection->owed += options.bytes;
}

static void receive(struct connection* connection) {
  ssize_t length = recv(connection->fd, chunk, CHUNK, 0);
  if (length == 0) fail("the server has ended a connection");
  if (length < 0) {
    if (errno == EAGAIN || errno == EINTR) return;
    fail("recv: %s", strerror(errno));
  }
  if (connection->received + (uint64_t)length > connection->sent ||
      memcmp(chunk,
             stream_at(connection, connection->received),
             (size_t)length) != 0)
    fail("wrong data within %zd bytes after byte %llu of a connection",
         length,
         (unsigned long long)connection->received);
  connection->received += (uint64_t)length;
  uint64_t now = now_ns();
  while ((connection->answered + 1) * options.bytes <= connection->received)
    answered(connection, now);
}

/* Works off what is ready now, or soon. */
static void turn(void) {
  struct epoll_event events[BATCH];
  int count = epoll_wait(epoll_fd, events, BATCH, SILENCE_MS);
  if (count == 0)
    fail("the server has said nothing for %d s", SILENCE_MS / 1000);
  for (int i = 0; i < count; i++) {
    struct connection* connection = events[i].data.ptr;
    if ((events[i].events & ~(uint32_t)EPOLLOUT) != 0) receive(connection);
    if (connection->sent < connection->owed) send_owed(connection);
  }
}

static void open_connection(struct connection* connection, uint64_t index) {
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)options.port)};
  if (inet_pton(AF_INET, options.host, &address.sin_addr) != 1)
    fail("not an IPv4 address: %s", options.host);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || connect(fd, (struct sockaddr*)&address, sizeof address) != 0)
    fail("connect: %s", strerror(errno));
  int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  fcntl(fd, F_SETFL, O_NONBLOCK);
  *connection = (struct connection){.fd = fd, .base = index * 7919};
  connection->sent_at = calloc(options.in_flight, sizeof(uint64_t));
  if (connection->sent_at == NULL) fail("out of memory");
  watch(connection, EPOLL_CTL_ADD, EPOLLIN);
}

static bool is_warm(uint64_t ns) {
  uint64_t warm_up_ns = options.warm_up_ms * (NS / 1000);
  if (answered_total < options.warm_up_messages) return ns >= 10 * warm_up_ns;
  return ns >= warm_up_ns;
}

static uint64_t number(const char* name, const char* text) {
  char* end;
  errno = 0;
  unsigned long long value = strtoull(text, &end, 10);
  if (errno != 0 || end == text || *end != '\0')
    fail("--%s needs a number, not %s", name, text);
  return value;
}

static void parse(int argc, char** argv) {
  const struct {
    const char* name;
    uint64_t* value;
  } numbers[] = {{"port", &options.port},
                 {"connections", &options.connections},
                 {"bytes", &options.bytes},
                 {"in-flight", &options.in_flight},
                 {"warm-up-ms", &options.warm_up_ms},
                 {"warm-up-messages", &options.warm_up_messages},
                 {"ms", &options.ms},
                 {"messages", &options.messages},
                 {"pid", &options.pid}};
  for (int i = 1; i < argc; i += 2) {
    const char* name = argv[i][0] == '-' ? argv[i] + 2 : "";
    if (i + 1 == argc) fail("%s needs a value", argv[i]);
    bool is_known = strcmp(name, "host") == 0;
    if (is_known) options.host = argv[i + 1];
    for (size_t j = 0; j < sizeof numbers / sizeof *numbers; j++) {
      if (strcmp(name, numbers[j].name) != 0) continue;
      *numbers[j].value = number(name, argv[i + 1]);
      is_known = true;
    }
    if (!is_known) fail("unknown option: %s", argv[i]);
  }
  if (options.port == 0 || options.connections == 0 || options.bytes == 0 ||
      options.in_flight == 0)
    fail("--port, --connections, --bytes and --in-flight must not be 0");
}

static void print(uint64_t messages, uint64_t ns, uint64_t cpu_ns) {
  const struct {
    const char* name;
    double share;
  } quantiles[] = {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p999", 0.999}};
  printf("{\"messages\":%llu,\"bytes\":%llu,\"seconds\":%.6f",
         (unsigned long long)messages,
         (unsigned long long)(messages * options.bytes),
         (double)ns / NS);
  if (options.pid != 0)
    printf(",\"serverCpuSeconds\":%.9f", (double)cpu_ns / NS);
  printf(",\"latencyUs\":{");
  for (size_t i = 0; i < sizeof quantiles / sizeof *quantiles; i++)
    printf("\"%s\":%.1f,",
           quantiles[i].name,
           (double)histogram_quantile(&latencies, quantiles[i].share) / 1000);
  printf("\"max\":%.1f}}\n", (double)latencies.max / 1000);
}

int main(int argc, char** argv) {
  parse(argc, argv);
  if (options.pid != 0 &&
      clock_getcpuclockid((pid_t)options.pid, &server_clock) != 0)
    fail("no process %llu", (unsigned long long)options.pid);
  fill_pattern();
  epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  struct connection* connections =
      calloc(options.connections, sizeof *connections);
  if (epoll_fd < 0 || connections == NULL) fail("out of memory");
  for (uint64_t i = 0; i < options.connections; i++)
    open_connection(&connections[i], i);

  uint64_t begun = now_ns();
  for (uint64_t i = 0; i < options.connections; i++) {
    for (uint64_t j = 0; j < options.in_flight; j++)
      connections[i].sent_at[j] = begun;
    connections[i].owed = options.bytes * options.in_flight;
    send_owed(&connections[i]);
  }
  while (!is_warm(now_ns() - begun)) turn();

  phase = COUNTED;
  uint64_t before = answered_total;
  uint64_t cpu_before = server_ns();
  uint64_t start = now_ns();
  uint64_t ns, messages;
  do {
    turn();
    ns = now_ns() - start;
    messages = answered_total - before;
  } while (options.messages != 0 ? messages < options.messages
                                 : ns < options.ms * (NS / 1000));
  uint64_t cpu_ns = server_ns() - cpu_before;

  /* What is in flight is waited for, so that the server sees plain ends. */
  phase = DRAIN;
  open_messages = options.connections * options.in_flight;
  while (open_messages > 0) turn();
  print(messages, ns, cpu_ns);
  return 0;
}
