/* SPDX-License-Identifier: MIT */
/*
 * Connections that have one message echoed and then are idle: by how much the
 * memory of the server has grown since just before they came, and the CPU time
 * that it uses meanwhile. At the end each has one more message echoed.
 *
 * A quarter as many come before them, stay, and are not counted: with the first
 * connections a runtime compiles its code and makes room.
 */
#include <poll.h>
#include <stdio.h>

#include "clock.h"
#include "connection.h"
#include "fail.h"
#include "options.h"

/* So many connect at once: fewer than any server's backlog. */
#define GROUP 64

static uint64_t unanswered;

/* The resident memory (VmRSS) of the server. */
static uint64_t idle__resident_kib(void) {
  char line[256];
  unsigned long long kib = 0;
  snprintf(line, sizeof line, "/proc/%d/status", (int)options.pid);
  FILE* status = fopen(line, "r");
  if (status == NULL) fail("the server has ended");
  while (kib == 0 && fgets(line, sizeof line, status) != NULL)
    sscanf(line, "VmRSS: %llu kB", &kib);
  fclose(status);
  return kib;
}

static void idle__handle(struct connection* connection) {
  if (connection_echo(connection)) unanswered--;
}

static void idle__echo(struct connection* connections, uint64_t count) {
  unanswered = count;
  for (uint64_t i = 0; i < count; i++) connection_send_message(&connections[i]);
  while (unanswered > 0) connections_turn(idle__handle);
}

static void idle__open(struct connection* connections, uint64_t count) {
  for (uint64_t begin = 0; begin < count; begin += GROUP) {
    uint64_t end = begin + GROUP < count ? begin + GROUP : count;
    for (uint64_t i = begin; i < end; i++) connection_open(&connections[i]);
    idle__echo(connections + begin, end - begin);
  }
}

void load_idle(void) {
  uint64_t count = options.connections;
  idle__open(connections_allocate(0), count / 4);
  struct connection* connections = connections_allocate(0);
  poll(NULL, 0, (int)options.settle_ms);
  double before = (double)idle__resident_kib();
  idle__open(connections, count);
  poll(NULL, 0, (int)options.settle_ms);
  double grown_kib = (double)idle__resident_kib() - before;
  uint64_t start_ns = clock_now_ns();
  uint64_t cpu_ns = clock_cpu_ns((pid_t)options.pid);
  poll(NULL, 0, (int)options.ms);
  cpu_ns = clock_cpu_ns((pid_t)options.pid) - cpu_ns;
  double seconds = (double)(clock_now_ns() - start_ns) / NS;
  idle__echo(connections, count);
  printf("{\"bytesEach\":%.1f,\"seconds\":%.9f,\"serverCpuSeconds\":%.9f}\n",
         grown_kib * 1024 / (double)count,
         seconds,
         (double)cpu_ns / NS);
}
