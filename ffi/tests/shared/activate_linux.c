/* SPDX-License-Identifier: MIT */
#include "activate.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

#define ACTIVATE__FIRST 3
#define ACTIVATE__COUNT 2

static int activate__listen(int family, const void* address, socklen_t length) {
  int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  check(fd >= 0);
  check_is(bind(fd, address, length), 0);
  check_is(listen(fd, 4096), 0);
  return fd;
}

static int activate__listen_web(void) {
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  int fd = activate__listen(AF_INET, &address, length);
  check_is(getsockname(fd, (struct sockaddr*)&address, &length), 0);
  printf("listening %u\n", ntohs(address.sin_port));
  return fd;
}

static int activate__listen_local(void) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int count = snprintf(
      address.sun_path + 1, sizeof address.sun_path - 1, "iocp-%d", getpid());
  printf("local %s\n", address.sun_path + 1);
  return activate__listen(
      AF_UNIX,
      &address,
      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)count));
}

/* In the new process, whose id LISTEN_PID must have. */
static void activate__execute(const int* sockets, char** command) {
  char pid[16];
  int copies[ACTIVATE__COUNT];
  snprintf(pid, sizeof pid, "%d", getpid());
  setenv("LISTEN_PID", pid, 1);
  setenv("LISTEN_FDS", "2", 1);
  setenv("LISTEN_FDNAMES", "web:local", 1);
  /* Out of the way of the numbers that they get. */
  for (int i = 0; i < ACTIVATE__COUNT; i++)
    copies[i] = fcntl(sockets[i], F_DUPFD_CLOEXEC, 100);
  /* dup2() clears the flag for close-on-exec. */
  for (int i = 0; i < ACTIVATE__COUNT; i++)
    if (dup2(copies[i], ACTIVATE__FIRST + i) < 0) _exit(126);
  execv(command[0], command);
  _exit(127);
}

bool activate(uint32_t runs, char** command) {
  int sockets[ACTIVATE__COUNT] = {activate__listen_web(),
                                  activate__listen_local()};
  for (uint32_t i = 0; i < runs; i++) {
    int status;
    pid_t process = fork();
    check(process >= 0);
    if (process == 0) activate__execute(sockets, command);
    printf("process %d\n", process);
    fflush(stdout);
    check_is(waitpid(process, &status, 0), process);
  }
  for (int i = 0; i < ACTIVATE__COUNT; i++) close(sockets[i]);
  return true;
}
