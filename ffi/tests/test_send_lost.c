/* SPDX-License-Identifier: MIT */
/*
 * When a send fails for want of memory, the sends behind it fail as well: the
 * peer gets no stream in which bytes are missing.
 *
 * It is hard because the lack passes: the system takes the later bytes. A
 * filter for system calls (seccomp(2)) lets one send fail here, by its length,
 * and no other.
 */
#include <string.h>

#include "iocp.h"
#include "shared/drive.h"
#include "shared/raw.h"
#include "shared/test.h"

#if defined(__linux__) && defined(__x86_64__)

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

/* No other send has this length. */
#define LOST 12345

/* A send of LOST bytes is ENOBUFS from here on. */
static bool filter_sends(void) {
  struct sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_sendto, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
               offsetof(struct seccomp_data, args[2])),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, LOST, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOBUFS),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  struct sock_fprog program = {.len = sizeof code / sizeof code[0],
                               .filter = code};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static void nothing_follows_lost_bytes(void) {
  static char bytes[IOCP_SEND_MAX];
  static char received[65536];
  struct drive drive;
  host_socket raw;
  uint64_t sent = 0;
  if (!filter_sends()) {
    test_skip("this process may not filter its system calls");
    return;
  }
  drive_open(&drive);
  struct drive_socket* socket = drive_raw_pair(&drive, 4096, &raw);
  drive_set(socket, IOCP_SEND_CONCURRENCY, 4);
  memset(bytes, 'a', sizeof bytes);
  while (socket->sends_pending == 0) {
    check(drive_send(socket, bytes, sizeof bytes) > 0);
    sent += sizeof bytes;
  }
  memset(bytes, 'b', sizeof bytes);
  check_is(drive_send(socket, bytes, LOST), LOST);
  memset(bytes, 'c', sizeof bytes);
  check_is(drive_send(socket, bytes, 100), 100);
  check_is(socket->sends_pending, 3);
  uint64_t count = 0;
  while (socket->sends_pending != 0) {
    int32_t more = raw_receive(raw, received, sizeof received);
    for (int32_t i = 0; i < more; i++) check_is(received[i], 'a');
    if (more > 0) count += (uint64_t)more;
    drive_poll(&drive);
  }
  /* That of the last one. */
  check_is(socket->send_result, -IOCP_ENOBUFS);
  check_is(iocp_send(drive.port, socket->id, bytes, 0, 1), -IOCP_ENOBUFS);
  drive_close(socket, IOCP_GRACEFUL, DRIVE_DEADLINE_MS);
  drive_until(&drive, socket->is_closed);
  int32_t more;
  while ((more = raw_receive(raw, received, sizeof received)) > 0) {
    for (int32_t i = 0; i < more; i++) check_is(received[i], 'a');
    count += (uint64_t)more;
  }
  check(count <= sent);
  /* A reset, not an end. */
  check(more < 0);
  raw_close(raw);
  drive_finish(&drive);
}

#else

static void nothing_follows_lost_bytes(void) {
  test_skip("system calls can be filtered on Linux alone");
}

#endif

TEST_MAIN(TEST_CASE(nothing_follows_lost_bytes))
