/* SPDX-License-Identifier: MIT */
/* The one case of a test of pipes on a system without them. */
#ifndef TESTS_PIPE_REFUSED_H
#define TESTS_PIPE_REFUSED_H

#include "drive.h"

static void pipe_refused(void) {
  static const char name[] = "\\\\.\\pipe\\iocp-test";
  struct iocp_path path = {.family = IOCP_PIPE, .length = sizeof name - 1};
  struct drive drive;
  drive_open(&drive);
  for (size_t i = 0; i < sizeof name; i++) path.bytes[i] = (uint8_t)name[i];
  check_is(
      iocp_listen_path(drive.port, &path, 16, 0, IOCP_MODE_DEFAULT, NULL, 0),
      -IOCP_ENOTSUP);
  check_is(iocp_connect(drive.port, &path, NULL), -IOCP_ENOTSUP);
  drive_finish(&drive);
}

#endif /* TESTS_PIPE_REFUSED_H */
