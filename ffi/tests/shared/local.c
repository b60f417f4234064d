/* SPDX-License-Identifier: MIT */
#include "local.h"

#include <stdio.h>
#include <string.h>

#include "check.h"
#include "test.h"

struct iocp_path local_path(uint16_t family, const char* text) {
  struct iocp_path path = {.family = family};
  size_t length = strlen(text);
  check(length <= IOCP_PATH_MAX);
  path.length = (uint16_t)length;
  memcpy(path.bytes, text, length);
  return path;
}

struct iocp_path local_name(uint16_t family) {
  static unsigned count;
  char text[IOCP_PATH_MAX];
  count++;
  if (family == IOCP_PIPE)
    snprintf(text,
             sizeof text,
             "\\\\.\\pipe\\iocp-test-%u-%u",
             local_process(),
             count);
  else
    snprintf(text, sizeof text, "%s/%u.sock", local_folder(), count);
  return local_path(family, text);
}

bool local_has(uint16_t family) {
  struct iocp_path name = local_name(family);
  int32_t port = iocp_new(0);
  check(port >= 0);
  int32_t result =
      iocp_listen_path(port, &name, 1, 0, IOCP_MODE_DEFAULT, NULL, 0);
  check_is(iocp_delete(port), 0);
  if (result < 0) check_is(result, -IOCP_ENOTSUP);
  return result >= 0;
}

void local_each_family(void (*run)(struct drive* drive, uint16_t family)) {
  static const uint16_t families[] = {IOCP_UNIX, IOCP_PIPE};
  int count = 0;
  local_folder_make();
  for (int i = 0; i < 2; i++) {
    struct drive drive;
    if (!local_has(families[i])) continue;
    drive_open(&drive);
    run(&drive, families[i]);
    drive_finish(&drive);
    count++;
  }
  local_folder_remove();
  if (count == 0) test_skip("this system has no local sockets");
}

struct drive_socket* local_listen(struct drive* drive,
                                  const struct iocp_path* name) {
  struct drive_socket* listener = drive_add(
      drive,
      iocp_listen_path(drive->port, name, 64, 0, IOCP_MODE_DEFAULT, NULL, 0));
  listener->is_listener = true;
  return listener;
}

struct drive_socket* local_connect(struct drive* drive,
                                   const struct iocp_path* name) {
  struct drive_socket* socket =
      drive_add(drive, iocp_connect(drive->port, name, NULL));
  socket->connect_pending = true;
  return socket;
}

void local_pair(struct drive* drive,
                uint16_t family,
                struct drive_socket** client_out,
                struct drive_socket** server_out) {
  struct iocp_path name = local_name(family);
  struct drive_socket* listener = local_listen(drive, &name);
  drive_accept(listener, 1);
  struct drive_socket* client = local_connect(drive, &name);
  drive_until(drive,
              client->connect_result != DRIVE_NOTHING &&
                  listener->accepted_first != NULL);
  check_is(client->connect_result, 0);
  *client_out = client;
  *server_out = drive_next_accepted(listener);
  drive_close_now(listener);
  drive_forget(listener);
}
