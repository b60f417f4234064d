/* SPDX-License-Identifier: MIT */
/*
 * On Linux many datagrams need few system calls, a send wakes no wait, and with
 * IOCP_OFFLOAD one message carries many. (Windows has no call for several.)
 *
 * The library's calls are counted where it imports them, so the test does not
 * depend on tools or on speed.
 */
#include <string.h>

#include "iocp.h"
#include "shared/drive.h"
#include "shared/test.h"

#if defined(_WIN32)

static void few_calls(void) {
  test_skip("this system has no call for several datagrams");
}

TEST_MAIN(TEST_CASE(few_calls))

#else

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static uint32_t receives;
static uint32_t sends;
static uint32_t messages; /* of these sends */
static uint32_t controls;

int recvmmsg(int fd,
             struct mmsghdr* headers,
             unsigned count,
             int flags,
             struct timespec* timeout) {
  receives++;
  return (int)syscall(SYS_recvmmsg, fd, headers, count, flags, timeout);
}

int sendmmsg(int fd, struct mmsghdr* headers, unsigned count, int flags) {
  sends++;
  int result = (int)syscall(SYS_sendmmsg, fd, headers, count, flags);
  if (result > 0) messages += (uint32_t)result;
  return result;
}

ssize_t sendto(int fd,
               const void* buffer,
               size_t length,
               int flags,
               const struct sockaddr* to,
               socklen_t to_length) {
  sends++;
  return syscall(SYS_sendto, fd, buffer, length, flags, to, to_length);
}

int epoll_ctl(int epoll_fd, int how, int fd, struct epoll_event* event) {
  controls++;
  return (int)syscall(SYS_epoll_ctl, epoll_fd, how, fd, event);
}

#define COUNT 64
#define SEND_BATCH 64
#define RECEIVE_BATCH 16

static uint8_t memory[COUNT * (32 + 104)];

static void clear(void) { receives = sends = messages = controls = 0; }

static uint32_t pack(const struct iocp_address* to) {
  uint8_t bytes[100] = {0};
  uint32_t size = 0;
  for (int i = 0; i < COUNT; i++)
    size += drive_pack(memory + size, to, bytes, sizeof bytes);
  return size;
}

static void few_calls(void) {
  struct drive drive;
  struct iocp_address to, from;
  drive_open(&drive);
  struct drive_socket* receiver = drive_bind(&drive, "127.0.0.1", 0, &to);
  struct drive_socket* sender = drive_bind(&drive, "127.0.0.1", 0, &from);
  drive_receive(receiver, 1 << 20);
  drive_drain(&drive);
  uint32_t size = pack(&to);
  clear();
  check_is(drive_send_many(sender, memory, size, COUNT), COUNT);
  check_is(sends, COUNT / SEND_BATCH);
  check_is(messages, COUNT);
  drive_until(&drive, receiver->datagram_count == COUNT);
  check_is(receiver->datagram_records, 1);
  /* One more may find that nothing is left. */
  check(receives <= COUNT / RECEIVE_BATCH + 1);
  /* A short batch is known to be the last one. */
  drive_drain(&drive);
  clear();
  check_is(drive_send_to(sender, "x", 1, &to), 1);
  check_is(sends, 1);
  drive_until(&drive, receiver->datagram_count == COUNT + 1);
  drive_drain(&drive);
  check_is(receives, 1);
  check_is(controls, 0);
  drive_finish(&drive);
}

/* The kernel reports room for each datagram that leaves. */
static void a_send_wakes_no_wait(void) {
  struct drive drive;
  struct iocp_address to, from;
  drive_open(&drive);
  drive_bind(&drive, "127.0.0.1", 0, &to);
  struct drive_socket* sender = drive_bind(&drive, "127.0.0.1", 0, &from);
  drive_drain(&drive);
  struct iocp_address away = {.family = 4, .port = 9, .bytes = {127, 0, 0, 1}};
  for (int i = 0; i < 5; i++) {
    check_is(drive_send_to(sender, "x", 1, &away), 1);
    check_is(iocp_wait(drive.port, 20), 0);
  }
  drive_finish(&drive);
}

static void offload_merges(void) {
  struct drive drive;
  struct iocp_address to, from;
  drive_open(&drive);
  struct drive_socket* receiver = drive_bind(&drive, "127.0.0.1", 0, &to);
  struct drive_socket* sender = drive_bind(&drive, "127.0.0.1", 0, &from);
  check_is(iocp_set_option(drive.port, sender->id, IOCP_OFFLOAD, 1), 0);
  check_is(iocp_set_option(drive.port, receiver->id, IOCP_OFFLOAD, 1), 0);
  drive_receive(receiver, 1 << 20);
  drive_drain(&drive);
  uint32_t size = pack(&to);
  clear();
  check_is(drive_send_many(sender, memory, size, COUNT), COUNT);
  check_is(sends, 1);
  check_is(messages, 1);
  drive_until(&drive, receiver->datagram_count == COUNT);
  /* The loopback passes on the packet as it is. */
  check(receives <= 2);
  drive_finish(&drive);
}

TEST_MAIN(TEST_CASE(few_calls),
          TEST_CASE(a_send_wakes_no_wait),
          TEST_CASE(offload_merges))

#endif
