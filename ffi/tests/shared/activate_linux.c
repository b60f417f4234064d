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
#define ACTIVATE__COUNT_MAX 8

static int activate__bind(int type,
                          int family,
                          const void* address,
                          socklen_t length) {
  int fd = socket(family, type | SOCK_CLOEXEC, 0);
  check(fd >= 0);
  check_is(bind(fd, address, length), 0);
  return fd;
}

/* Prints the port. */
static int activate__bind_ip(int type, const char* what) {
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  int fd = activate__bind(type, AF_INET, &address, length);
  check_is(getsockname(fd, (struct sockaddr*)&address, &length), 0);
  printf("%s %u\n", what, ntohs(address.sin_port));
  return fd;
}

static int activate__listen_web(void) {
  int fd = activate__bind_ip(SOCK_STREAM, "listening");
  check_is(listen(fd, 4096), 0);
  return fd;
}

static int activate__listen_local(void) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int count = snprintf(
      address.sun_path + 1, sizeof address.sun_path - 1, "iocp-%d", getpid());
  printf("local %s\n", address.sun_path + 1);
  int fd = activate__bind(
      SOCK_STREAM,
      AF_UNIX,
      &address,
      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)count));
  check_is(listen(fd, 4096), 0);
  return fd;
}

/* In the new process, whose id LISTEN_PID must have. */
static _Noreturn void activate__execute(const int* sockets,
                                        int count,
                                        char** command) {
  char text[16];
  int copies[ACTIVATE__COUNT_MAX];
  snprintf(text, sizeof text, "%d", getpid());
  setenv("LISTEN_PID", text, 1);
  snprintf(text, sizeof text, "%d", count);
  setenv("LISTEN_FDS", text, 1);
  /* Out of the way of the numbers that they get. */
  for (int i = 0; i < count; i++)
    copies[i] = fcntl(sockets[i], F_DUPFD_CLOEXEC, 100);
  /* dup2() clears the flag for close-on-exec. */
  for (int i = 0; i < count; i++)
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
    if (process == 0) {
      setenv("LISTEN_FDNAMES", "web:local", 1);
      activate__execute(sockets, ACTIVATE__COUNT, command);
    }
    printf("process %d\n", process);
    fflush(stdout);
    check_is(waitpid(process, &status, 0), process);
  }
  for (int i = 0; i < ACTIVATE__COUNT; i++) close(sockets[i]);
  return true;
}

bool activate_with(const char* kinds, char** command) {
  int sockets[ACTIVATE__COUNT_MAX];
  int count = (int)strlen(kinds);
  check(count <= ACTIVATE__COUNT_MAX);
  for (int i = 0; i < count; i++) {
    int type = kinds[i] == 'd' ? SOCK_DGRAM : SOCK_STREAM;
    sockets[i] = activate__bind_ip(type, "bound");
    if (kinds[i] == 'l') check_is(listen(sockets[i], 4096), 0);
  }
  fflush(stdout);
  activate__execute(sockets, count, command);
}
