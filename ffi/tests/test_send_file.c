/* SPDX-License-Identifier: MIT */
/*
 * The bytes of files arrive in the order of the sends, and every file is
 * closed.
 *
 * It is hard because the system reads the file while it sends: it may be
 * closed, changed or replaced meanwhile, and its handle has to stay open until
 * then.
 */
#include <stdio.h>
#include <string.h>

#include "iocp.h"
#include "shared/drive.h"
#include "shared/local.h"
#include "shared/pattern.h"
#include "shared/raw.h"
#include "shared/test.h"

#define LENGTH 3000000
#define SEED 9

static char path[512];

/* Writes `length` bytes of the pattern, in the place of what was there. */
static void write_file(uint32_t length) {
  static uint8_t bytes[LENGTH];
  pattern_fill(bytes, length, SEED, 0);
  FILE* file = fopen(path, "wb");
  check(file != NULL);
  check_is(fwrite(bytes, 1, length, file), length);
  check_is(fclose(file), 0);
}

static void begin(struct drive* drive) {
  local_folder_make();
  snprintf(path, sizeof path, "%s/file", local_folder());
  drive_open(drive);
}

static void end(struct drive* drive) {
  if (drive != NULL) drive_finish(drive);
  remove(path);
  local_folder_remove();
}

static int32_t open_file(const struct drive* drive, double expected) {
  double size = -1;
  int32_t file =
      iocp_open_file(drive->port, path, (uint32_t)strlen(path), &size);
  check(file >= 0);
  check(size == expected);
  return file;
}

/* Sends up to `length` bytes. Returns the result, which may be an error. */
static int32_t send_part(struct drive_socket* socket,
                         int32_t file,
                         uint32_t offset,
                         uint32_t length) {
  int32_t result =
      iocp_send_file(socket->drive->port, socket->id, file, offset, length);
  drive_was_sent(socket, length, result);
  return result;
}

/* Sends parts of a file until one stays pending. Returns where it ended. */
static uint32_t fill(struct drive_socket* socket, int32_t file) {
  uint32_t offset = 0;
  while (!socket->send_pending) {
    check(offset < LENGTH);
    int32_t result = send_part(socket, file, offset, LENGTH - offset);
    check(result > 0);
    offset += (uint32_t)result & ~(uint32_t)IOCP_PENDING;
  }
  return offset;
}

static void a_file_arrives(void) {
  struct drive drive;
  host_socket raw;
  begin(&drive);
  write_file(LENGTH);
  int32_t file = open_file(&drive, LENGTH);
  struct drive_socket* socket = drive_raw_pair(&drive, 0, &raw);
  uint32_t offset = 0;
  while (offset < LENGTH) {
    int32_t result = send_part(socket, file, offset, LENGTH - offset);
    check(result > 0);
    uint32_t accepted = (uint32_t)result & ~(uint32_t)IOCP_PENDING;
    drive_raw_expect(&drive, raw, SEED, offset, accepted);
    drive_until(&drive, socket->sends_pending == 0);
    offset += accepted;
  }
  check_is(drive_stats(socket).bytes_sent, LENGTH);
  check_is(send_part(socket, file, LENGTH, 0), 0);
  check_is(iocp_close_file(drive.port, file), 0);
  raw_close(raw);
  end(&drive);
}

/* A file, bytes and so on, as many as may be pending. */
static void sends_keep_their_order(void) {
  struct drive drive;
  host_socket raw;
  static uint8_t bytes[1000];
  begin(&drive);
  write_file(LENGTH);
  int32_t file = open_file(&drive, LENGTH);
  struct drive_socket* socket = drive_raw_pair(&drive, 4096, &raw);
  drive_set(socket, IOCP_SEND_CONCURRENCY, 8);
  socket->concurrency = 8;
  uint32_t at = 0;
  for (int i = 0; i < 8; i++) {
    int32_t result;
    if (i % 2 == 0) {
      result = send_part(socket, file, at, IOCP_SEND_MAX);
    } else {
      pattern_fill(bytes, sizeof bytes, SEED, at);
      result = drive_try_send(socket, bytes, 0, sizeof bytes);
    }
    check(result > 0);
    at += (uint32_t)result & ~(uint32_t)IOCP_PENDING;
  }
  drive_shutdown(socket);
  drive_raw_expect(&drive, raw, SEED, 0, at);
  check_is(drive_raw_end(&drive, raw), 0);
  raw_close(raw);
  end(&drive);
}

/* What is pending keeps the file open, and nothing else does. */
static void a_file_is_closed_after_its_sends(void) {
  for (int kind = 0; kind < 4; kind++) {
    struct drive drive;
    host_socket raw;
    begin(&drive);
    write_file(LENGTH);
    struct drive_socket* socket = drive_raw_pair(&drive, 4096, &raw);
    int32_t handles = host_handle_count();
    int32_t file = open_file(&drive, LENGTH);
    uint32_t offset = fill(socket, file);
    check_is(iocp_close_file(drive.port, file), 0);
    check_is(iocp_close_file(drive.port, file), -IOCP_EINVAL);
    check_is(iocp_send_file(drive.port, socket->id, file, 0, 1), -IOCP_EINVAL);
    if (kind == 0) {
      drive_raw_expect(&drive, raw, SEED, 0, offset);
      drive_until(&drive, socket->sends_pending == 0);
      check(socket->send_result > 0);
      check(host_handle_count() <= handles + host_handle_slack());
    }
    if (kind == 1) drive_close(socket, IOCP_RESET, 0);
    if (kind == 2) raw_reset(raw);
    if (kind == 3) {
      drive_delete(&drive);
      check(host_handle_count() < handles + host_handle_slack());
      raw_close(raw);
      end(NULL);
      continue;
    }
    drive_until(&drive, socket->sends_pending == 0);
    check(host_handle_count() <= handles + host_handle_slack());
    if (kind != 2) raw_close(raw);
    end(&drive);
  }
}

/* iocp_delete() closes a file that its caller has not closed. */
static void a_port_closes_its_files(void) {
  struct drive drive;
  int32_t handles = host_handle_count();
  begin(&drive);
  write_file(100);
  for (int i = 0; i < 100; i++) check(open_file(&drive, 100) >= 0);
  drive_delete(&drive);
  check(host_handle_count() <= handles + host_handle_slack());
  end(NULL);
}

/* The bytes that were there are sent, and then the connection has failed. */
static void a_file_that_shrinks_is_an_error(void) {
  static uint8_t byte;
  for (int kind = 0; kind < 2; kind++) {
    struct drive drive;
    host_socket raw;
    begin(&drive);
    write_file(100000);
    int32_t file = open_file(&drive, 100000);
    struct drive_socket* socket = drive_raw_pair(&drive, 0, &raw);
    if (kind == 0) write_file(1000);
    int32_t result = send_part(socket, file, 500, kind == 0 ? 99500 : 99501);
    drive_until(&drive, socket->sends_pending == 0);
    check_is(result < 0 ? result : socket->send_result, -IOCP_ENODATA);
    check_is(drive_try_send(socket, &byte, 0, 1), -IOCP_ENODATA);
    drive_close(socket, IOCP_GRACEFUL, DRIVE_DEADLINE_MS);
    check(drive_raw_end(&drive, raw) < 0);
    raw_close(raw);
    end(&drive);
  }
}

/* Nothing is sent, and the connection is as it was. */
static void wrong_files_are_refused(void) {
  struct drive drive;
  host_socket raw;
  double size = 7;
  double not_a_number = 0;
  not_a_number /= not_a_number;
  begin(&drive);
  int32_t port = drive.port;
  uint32_t length = (uint32_t)strlen(path);
  const char* folder = local_folder();
  check_is(iocp_open_file(port, path, length, &size), -IOCP_ENOENT);
  check_is(iocp_open_file(port, folder, (uint32_t)strlen(folder), &size),
           -IOCP_EISDIR);
  check_is(iocp_open_file(port, path, 0, &size), -IOCP_EINVAL);
  check_is(iocp_open_file(port, "a\0b", 3, &size), -IOCP_EINVAL);
  check_is(iocp_open_file(port, NULL, 1, &size), -IOCP_EFAULT);
  check_is(iocp_open_file(port, path, length, NULL), -IOCP_EFAULT);
  check_is(iocp_open_file(port, path, IOCP_FILE_PATH_MAX + 1, &size),
           -IOCP_ENAMETOOLONG);
#if defined(_WIN32)
  check_is(iocp_open_file(port, "\\\\.\\NUL", 7, &size), -IOCP_ESPIPE);
  check_is(iocp_open_file(port, "a\xff", 2, &size), -IOCP_EINVAL);
#else
  check_is(iocp_open_file(port, "/dev/null", 9, &size), -IOCP_ESPIPE);
  check_is(iocp_open_file(port, "/proc/self/maps", 15, &size), -IOCP_ESPIPE);
#endif
  check(size == 7);
  write_file(100);
  int32_t file = open_file(&drive, 100);
  struct drive_socket* socket = drive_raw_pair(&drive, 0, &raw);
  int32_t id = socket->id;
  check_is(iocp_send_file(port, id, file + 1, 0, 1), -IOCP_EINVAL);
  check_is(iocp_send_file(port, id, -1, 0, 1), -IOCP_EINVAL);
  check_is(iocp_send_file(port, id, file, -1, 1), -IOCP_EINVAL);
  check_is(iocp_send_file(port, id, file, IOCP_FILE_SIZE_MAX, 1), -IOCP_EINVAL);
  check_is(iocp_send_file(port, id, file, not_a_number, 1), -IOCP_EINVAL);
  check_is(iocp_send_file(port, -1, file, 0, 1), -IOCP_EBADF);
  check_is(send_part(socket, file, 0, 100) & ~IOCP_PENDING, 100);
  drive_raw_expect(&drive, raw, SEED, 0, 100);
  drive_until(&drive, socket->sends_pending == 0);
  drive_shutdown(socket);
  check_is(iocp_send_file(port, id, file, 0, 1), -IOCP_EPIPE);
  check_is(iocp_close_file(port, -1), -IOCP_EINVAL);
  raw_close(raw);
  end(&drive);
}

/* Sends parts of a file to a peer that leaves, by `leave`. */
static void send_to_one_that_leaves(void (*leave)(host_socket raw),
                                    uint32_t length) {
  struct drive drive;
  host_socket raw;
  begin(&drive);
  write_file(LENGTH);
  int32_t file = open_file(&drive, LENGTH);
  struct drive_socket* socket = drive_raw_pair(&drive, 4096, &raw);
  leave(raw);
  /* Its FIN arrives before the first send. */
  host_sleep_ms(10);
  int32_t result = 0;
  for (int i = 0; result >= 0 && i < 1000; i++) {
    result = send_part(socket, file, 0, length);
    drive_until(&drive, socket->sends_pending == 0);
    if (socket->send_result < 0) result = socket->send_result;
    host_sleep_ms(1);
  }
  check(result == -IOCP_ECONNRESET || result == -IOCP_EPIPE);
  end(&drive);
}

/* A peer that has gone is an error, and no signal that ends the process. One
 * that has closed resets at the first bytes: on Linux within the system call
 * that sends them, which has then sent a part, and causes the signal. Under
 * Wine 10 TransmitFile() stays pending then, where WSASend() fails. */
static void a_peer_that_has_gone_is_an_error(void) {
  host_broken_pipe_ends(true);
  send_to_one_that_leaves(raw_reset, 1000);
  if (!host_posts_operations()) {
    send_to_one_that_leaves(raw_close, 1000);
    send_to_one_that_leaves(raw_close, LENGTH);
  }
  host_broken_pipe_ends(false);
}

TEST_MAIN(TEST_CASE(a_file_arrives),
          TEST_CASE(sends_keep_their_order),
          TEST_CASE(a_file_is_closed_after_its_sends),
          TEST_CASE(a_port_closes_its_files),
          TEST_CASE(a_file_that_shrinks_is_an_error),
          TEST_CASE(wrong_files_are_refused),
          TEST_CASE(a_peer_that_has_gone_is_an_error))
