/* SPDX-License-Identifier: MIT */
/*
 * Connections that were served once and then say nothing. What the server's
 * memory has grown by since just before they came is theirs; what CPU time it
 * takes meanwhile, nobody has asked for. In the end each must still be served.
 *
 * One more comes before them and stays, uncounted: with the very first one a
 * program loads code that it had not needed yet.
 */
#include <sys/epoll.h>
#include <time.h>

#include "clock.h"
#include "connection.h"
#include "fail.h"
#include "kinds.h"
#include "options.h"
#include "report.h"

/* So many come at once: fewer than any server's backlog. */
#define COMPANY 64

static uint64_t waiting_total;

static void idle__sleep(uint64_t ms) {
  struct timespec time = {.tv_sec = (time_t)(ms / 1000),
                          .tv_nsec = (long)(ms % 1000 * MS)};
  nanosleep(&time, NULL);
}

static void idle__handle(struct connection* connection, uint32_t events) {
  if ((events & ~(uint32_t)EPOLLOUT) != 0)
    connection_receive_checked(connection, connection->base);
  if (connection->sent < connection->owed) connection_send(connection);
  if (connection->received == connection->owed) waiting_total--;
}

/* Has a message echoed on each of some connections. */
static void idle__greet(struct connection* connections, uint64_t count) {
  for (uint64_t i = 0; i < count; i++) {
    connections[i].owed += options.bytes;
    connection_send(&connections[i]);
  }
  waiting_total = count;
  while (waiting_total > 0) connections_turn(idle__handle);
}

static struct connection* idle__open(uint64_t count) {
  struct connection* connections = connections_allocate(count, 0);
  for (uint64_t i = 0; i < count; i += COMPANY) {
    uint64_t company = count - i < COMPANY ? count - i : COMPANY;
    for (uint64_t j = i; j < i + company; j++) connection_open(&connections[j]);
    idle__greet(connections + i, company);
  }
  return connections;
}

void load_idle(void) {
  if (options.pid == 0) fail("idle needs --pid");
  idle__open(1);
  idle__sleep(options.settle_ms);
  struct memory before = memory_of(options_pid());
  struct connection* connections = idle__open(options.connections);
  idle__sleep(options.settle_ms);
  struct memory after = memory_of(options_pid());

  uint64_t start_ns = clock_now_ns();
  uint64_t cpu_ns = clock_cpu_ns(options_pid());
  idle__sleep(options.ms);
  cpu_ns = clock_cpu_ns(options_pid()) - cpu_ns;
  uint64_t ns = clock_now_ns() - start_ns;
  idle__greet(connections, options.connections);

  report_begin();
  report_number("connections", (double)options.connections);
  report_number("seconds", (double)ns / NS);
  report_number("serverCpuSeconds", (double)cpu_ns / NS);
  report_memory("memoryBeforeKiB", before);
  report_memory("memoryKiB", after);
  report_end();
}
