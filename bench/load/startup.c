/* SPDX-License-Identifier: MIT */
/*
 * Starts a server and takes the time until it says where it listens, and until
 * a first connection has had a message echoed.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "connection.h"
#include "fail.h"
#include "kinds.h"
#include "options.h"
#include "report.h"

static bool is_answered;
static pid_t child;

static void startup__handle(struct connection* connection, uint32_t events) {
  (void)events;
  connection_receive_checked(connection, connection->base);
  is_answered = connection->received == options.bytes;
}

/* Starts the command; returns what it writes. */
static FILE* startup__spawn(void) {
  int ends[2];
  if (pipe(ends) != 0) fail("pipe: %s", strerror(errno));
  child = fork();
  if (child < 0) fail("fork: %s", strerror(errno));
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(ends[1], STDOUT_FILENO);
    close(ends[0]);
    close(ends[1]);
    execv(options.command[0], options.command);
    perror(options.command[0]);
    _exit(127);
  }
  close(ends[1]);
  FILE* output = fdopen(ends[0], "r");
  if (output == NULL) fail("fdopen: %s", strerror(errno));
  return output;
}

static void startup__read_port(FILE* output) {
  char line[256];
  while (fgets(line, sizeof line, output) != NULL) {
    unsigned port;
    if (sscanf(line, "listening on 127.0.0.1:%u", &port) != 1) continue;
    options.port = port;
    return;
  }
  fail("the server has not said where it listens");
}

void load_startup(void) {
  if (options.command == NULL || options.command[0] == NULL)
    fail("startup needs -- and a command");
  uint64_t start = clock_now_ns();
  FILE* output = startup__spawn();
  startup__read_port(output);
  uint64_t listening = clock_now_ns();
  struct connection* connection = connections_open(1, 0);
  connection->owed = options.bytes;
  connection_send(connection);
  while (!is_answered) connections_turn(startup__handle);
  uint64_t answered = clock_now_ns();
  uint64_t cpu_ns = clock_cpu_ns(child);
  struct memory memory = memory_of(child);
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
  report_begin();
  report_number("listeningMs", (double)(listening - start) / MS);
  report_number("firstEchoMs", (double)(answered - start) / MS);
  report_number("serverCpuMs", (double)cpu_ns / MS);
  report_memory("memoryKiB", memory);
  report_end();
}
