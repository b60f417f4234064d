/* SPDX-License-Identifier: MIT */
/*
 * Errors of system calls: which code they get, and that a question which the
 * system does not answer is not taken for an answer.
 *
 * It is hard because these errors are rare: no memory, an ICMP message, the
 * limits of a user. A filter for system calls (seccomp(2)) lets one call fail
 * here with a chosen error. It cannot be removed, so each row has a process of
 * its own.
 */
#include "iocp.h"
#include "shared/drive.h"
#include "shared/local.h"
#include "shared/raw.h"
#include "shared/test.h"

#if defined(__linux__) && defined(__x86_64__)

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* The exit code of a process that may not filter its calls; no error of the
 * library has this number. */
#define UNFILTERED 255

/* An errno that has no code of the library. */
#define UNKNOWN_ERRNO 129 /* EKEYREJECTED */

/* The call fails with `native` from here on. */
static void refuse(long call, int native) {
  struct sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)native),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  struct sock_fprog program = {.len = sizeof code / sizeof code[0],
                               .filter = code};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
      prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
    _exit(UNFILTERED);
}

struct row {
  /* Returns an error of the library, or 0. Runs in a process of its own. */
  int32_t (*run)(const struct row* row);
  long call;
  int native;
  int32_t code;
};

static int32_t port_open(void) {
  int32_t port = iocp_new(0);
  check(port >= 0);
  return port;
}

static int32_t connecting(const struct row* row) {
  int32_t port = port_open();
  struct iocp_address address = raw_address("127.0.0.1", 9);
  refuse(row->call, row->native);
  return iocp_connect(port, &address, NULL);
}

static int32_t listening(const struct row* row) {
  int32_t port = port_open();
  struct iocp_address address = raw_address("127.0.0.1", 0);
  refuse(row->call, row->native);
  return iocp_listen(port, &address, 8, 0);
}

static int32_t listening_at_a_path(const struct row* row) {
  int32_t port = port_open();
  struct iocp_path path = local_name(IOCP_UNIX);
  refuse(row->call, row->native);
  return iocp_listen_path(port, &path, 8, 0, IOCP_MODE_DEFAULT, NULL, 0);
}

static int32_t sending(const struct row* row) {
  struct drive drive;
  host_socket raw;
  drive_open(&drive);
  struct drive_socket* socket = drive_raw_pair(&drive, 0, &raw);
  refuse(row->call, row->native);
  return iocp_send(drive.port, socket->id, "x", 0, 1);
}

static int32_t adding(const struct row* row) {
  int32_t port = port_open();
  host_socket a, b;
  raw_pair(0, &a, &b);
  refuse(row->call, row->native);
  return iocp_add_socket(port, (double)a, 0);
}

static int32_t adding_a_listener(const struct row* row) {
  int32_t port = port_open();
  struct iocp_address address;
  host_socket raw = raw_listen("127.0.0.1", &address);
  refuse(row->call, row->native);
  return iocp_add_listener(port, (double)raw, 0);
}

static int32_t deferring(const struct row* row) {
  int32_t port = port_open();
  struct iocp_address address = raw_address("127.0.0.1", 0);
  int32_t listener = iocp_listen(port, &address, 8, 0);
  check(listener >= 0);
  refuse(row->call, row->native);
  return iocp_set_option(port, listener, IOCP_DEFER_ACCEPT, 1);
}

/* The byte has come, and nothing was received so far. Returns how the
 * connection has ended after the time for its first byte. */
static int32_t first_byte(const struct row* row) {
  struct drive drive;
  struct iocp_address address;
  struct drive_socket* socket;
  drive_open(&drive);
  struct drive_socket* listener =
      drive_listen(&drive, "127.0.0.1", 0, &address);
  drive_set(listener, IOCP_FIRST_BYTE_TIMEOUT, 200);
  drive_accept(listener, 1);
  host_socket raw = raw_connect(&address);
  drive_until(&drive, (socket = drive_next_accepted(listener)) != NULL);
  socket->may_time_out = true;
  check_is(raw_send(raw, "x", 1), 1);
  if (row->call != 0) refuse(row->call, row->native);
  /* Without a wait, which is refused as well. */
  for (int i = 0; i < 60; i++) {
    drive_poll(&drive);
    host_sleep_ms(10);
  }
  return socket->is_closed ? socket->close_result : 0;
}

/* A call that is allowed has no error. */
static const struct row rows[] = {
    {connecting, SYS_connect, EPERM, IOCP_EACCES},
    {connecting, SYS_connect, EACCES, IOCP_EACCES},
    {connecting, SYS_connect, EALREADY, IOCP_EBUSY},
    {connecting, SYS_connect, EAGAIN, IOCP_EADDRNOTAVAIL},
    {connecting, SYS_connect, EADDRINUSE, IOCP_EADDRNOTAVAIL},
    {connecting, SYS_connect, EADDRNOTAVAIL, IOCP_EADDRNOTAVAIL},
    {connecting, SYS_connect, ENOPROTOOPT, IOCP_ENETUNREACH},
    {connecting, SYS_connect, EPROTO, IOCP_ENETUNREACH},
    {connecting, SYS_connect, ENETUNREACH, IOCP_ENETUNREACH},
    {connecting, SYS_connect, EOPNOTSUPP, IOCP_EHOSTUNREACH},
    {connecting, SYS_connect, EHOSTDOWN, IOCP_EHOSTUNREACH},
    {connecting, SYS_connect, ENONET, IOCP_EHOSTUNREACH},
    {connecting, SYS_connect, EHOSTUNREACH, IOCP_EHOSTUNREACH},
    {connecting, SYS_connect, EPIPE, IOCP_ECONNRESET},
    {connecting, SYS_connect, ETIMEDOUT, IOCP_ETIMEDOUT},
    {connecting, SYS_connect, UNKNOWN_ERRNO, IOCP_EUNKNOWN},
    {connecting, SYS_socket, EPROTONOSUPPORT, IOCP_ENOTSUP},
    {connecting, SYS_socket, ESOCKTNOSUPPORT, IOCP_ENOTSUP},
    {connecting, SYS_socket, EPFNOSUPPORT, IOCP_EAFNOSUPPORT},
    {connecting, SYS_socket, EAFNOSUPPORT, IOCP_EAFNOSUPPORT},
    {connecting, SYS_socket, EMFILE, IOCP_EMFILE},
    {connecting, SYS_socket, ENFILE, IOCP_ENFILE},
    {connecting, SYS_socket, ENOBUFS, IOCP_ENOBUFS},
    {connecting, SYS_socket, ENOMEM, IOCP_ENOMEM},
    {connecting, SYS_epoll_ctl, ENOSPC, IOCP_ENOMEM},
    {listening, SYS_bind, ENODEV, IOCP_EADDRNOTAVAIL},
    {listening, SYS_bind, ENXIO, IOCP_EADDRNOTAVAIL},
    {listening, SYS_bind, EADDRINUSE, IOCP_EADDRINUSE},
    {listening, SYS_bind, EACCES, IOCP_EACCES},
    {listening, SYS_listen, EADDRINUSE, IOCP_EADDRINUSE},
    {listening, SYS_epoll_ctl, ENOMEM, IOCP_ENOMEM},
    {listening_at_a_path, SYS_bind, ENOSPC, IOCP_ENOSPC},
    {listening_at_a_path, SYS_bind, EDQUOT, IOCP_ENOSPC},
    {listening_at_a_path, SYS_bind, EROFS, IOCP_EROFS},
    {sending, SYS_sendto, ENOBUFS, IOCP_ENOBUFS},
    {sending, SYS_sendto, EPERM, IOCP_EACCES},
    {sending, SYS_sendto, ECONNRESET, IOCP_ECONNRESET},
    {sending, SYS_sendto, ETIMEDOUT, IOCP_ETIMEDOUT},
    {sending, SYS_sendto, EHOSTUNREACH, IOCP_EHOSTUNREACH},
    {sending, SYS_sendto, UNKNOWN_ERRNO, IOCP_EUNKNOWN},
    {adding, SYS_getsockopt, ENOBUFS, IOCP_ENOBUFS},
    {adding, SYS_getsockopt, EBADF, IOCP_ENOTSOCK},
    {adding, SYS_getsockopt, ENOTSOCK, IOCP_ENOTSOCK},
    {adding, SYS_getpeername, ENOBUFS, IOCP_ENOBUFS},
    {adding, SYS_getpeername, ENOTCONN, IOCP_ENOTCONN},
    {adding, SYS_fcntl, ENOMEM, IOCP_ENOMEM},
    {adding, SYS_epoll_ctl, ENOSPC, IOCP_ENOMEM},
    {adding_a_listener, SYS_getsockopt, ENOBUFS, IOCP_ENOBUFS},
    {adding_a_listener, SYS_getsockname, ENOBUFS, IOCP_ENOBUFS},
    {adding_a_listener, SYS_fcntl, ENOMEM, IOCP_ENOMEM},
    {adding_a_listener, SYS_epoll_ctl, ENOMEM, IOCP_ENOMEM},
    {deferring, SYS_setsockopt, ENOBUFS, IOCP_ENOBUFS},
    {first_byte, 0, 0, 0},
    {first_byte, SYS_poll, ENOMEM, 0},
    /* A signal ends the question only when nothing has come. */
    {first_byte, SYS_poll, EINTR, IOCP_ETIMEDOUT},
};

static int32_t run(const struct row* row) {
  int status;
  pid_t child = fork();
  check(child >= 0);
  if (child == 0) {
    int32_t result = row->run(row);
    _exit(result < 0 ? -result : 0);
  }
  check_is(waitpid(child, &status, 0), child);
  check(WIFEXITED(status));
  return WEXITSTATUS(status);
}

static void codes(void) {
  local_folder_make();
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    int32_t result = run(&rows[i]);
    if (result == UNFILTERED) {
      test_skip("this process may not filter its system calls");
      break;
    }
    if (result != rows[i].code)
      printf("row %zu: call %ld, errno %d\n", i, rows[i].call, rows[i].native);
    check_is(result, rows[i].code);
  }
  local_folder_remove();
}

#else

static void codes(void) {
  test_skip("system calls can be filtered on Linux alone");
}

#endif

TEST_MAIN(TEST_CASE(codes))
