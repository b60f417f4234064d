/* SPDX-License-Identifier: MIT */
/*
 * The paths of unix sockets on Linux, and the removal of the file: a listener's
 * own is removed, and no other.
 *
 * It is hard because the system removes no file, and because another process
 * may have put one in its place.
 */
#include "shared/test.h"

#if defined(_WIN32)

static void files_of_sockets(void) {
  test_skip("its plain sockets are those of Linux");
}

TEST_MAIN(TEST_CASE(files_of_sockets))

#else

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "iocp.h"
#include "shared/drive.h"
#include "shared/local.h"
#include "shared/local_file.h"

#define MODE IOCP_MODE_DEFAULT

static struct iocp_path in_folder(const char* text) {
  char path[IOCP_PATH_MAX];
  snprintf(path, sizeof path, "%s/%s", local_folder(), text);
  return local_path(IOCP_UNIX, path);
}

static void check_paths(struct drive* drive,
                        const struct iocp_path* name,
                        int32_t expected) {
  check_is(local_try_listen(drive, name, 0, MODE), expected);
  check_is(local_try_listen(drive, name, IOCP_REPLACE_STALE, 0600), expected);
  check_is(local_connect_result(drive, name), expected);
}

static void wrong_paths(void) {
  struct drive drive;
  struct iocp_path file = local_open(&drive);
  close(open(local_text(&file), O_CREAT | O_WRONLY, 0600));
  struct iocp_path name = in_folder("none/x");
  check_paths(&drive, &name, -IOCP_ENOENT);
  name = file;
  memcpy(name.bytes + name.length, "/x", 2);
  name.length += 2;
  check_paths(&drive, &name, -IOCP_ENOTDIR);
  unlink(local_text(&file));
  name = local_name(IOCP_UNIX);
  check_is(local_connect_result(&drive, &name), -IOCP_ENOENT);
  check(iocp_native_error(drive.port) == ENOENT);
  /* The kernel's own file systems have no sockets. */
  name = local_path(IOCP_UNIX, "/proc/x");
  check(local_try_listen(&drive, &name, 0, MODE) < 0);
  check_is(drive_poll(&drive), 0);
  check_is(drive.header.sockets, 0);
  local_finish(&drive);
}

/* A path that is cut would be that of another file. */
static void long_paths(void) {
  struct drive drive;
  struct iocp_path name;
  local_folder_make();
  drive_open(&drive);
  for (uint16_t length = 100; length <= 120; length++) {
    name = in_folder("");
    memset(name.bytes + name.length, 'x', (size_t)(length - name.length));
    name.length = length;
    int32_t id = local_try_listen(&drive, &name, 0, MODE);
    if (length > 107) {
      check_is(id, -IOCP_ENAMETOOLONG);
      check_is(iocp_connect(drive.port, &name, NULL), -IOCP_ENAMETOOLONG);
      check_is(iocp_native_error(drive.port), 0);
      continue;
    }
    struct drive_socket* listener = drive_add(&drive, id);
    listener->is_listener = true;
    drive_accept(listener, 1);
    check(S_ISSOCK(local_mode(&name)));
    struct drive_socket* client = local_connect(&drive, &name);
    drive_until(&drive, listener->accepted_first != NULL);
    struct iocp_path seen;
    check_is(
        iocp_get_address(drive.port, client->id, IOCP_PEER, &seen, sizeof seen),
        4 + length);
    check(memcmp(&seen, &name, 4u + length) == 0);
    drive_close(client, IOCP_RESET, 0);
    drive_close_now(listener);
  }
  local_finish(&drive);
}

/* ---- removing the file */

static void only_its_own_file_is_removed(void) {
  struct drive drive;
  struct iocp_path name = local_open(&drive);
  /* Another socket has taken the path. */
  struct drive_socket* listener = local_listen(&drive, &name);
  unlink(local_text(&name));
  int raw = local_raw_bound(&name, SOCK_STREAM, 1);
  drive_close_now(listener);
  check(S_ISSOCK(local_mode(&name)));
  int client = local_raw_connect(&name);
  check(client >= 0);
  close(client);
  close(raw);
  unlink(local_text(&name));
  /* Another file. */
  listener = local_listen(&drive, &name);
  unlink(local_text(&name));
  close(open(local_text(&name), O_CREAT | O_WRONLY, 0600));
  drive_close_now(listener);
  check(S_ISREG(local_mode(&name)));
  unlink(local_text(&name));
  /* It was removed already, or is elsewhere. */
  listener = local_listen(&drive, &name);
  struct iocp_path elsewhere = local_name(IOCP_UNIX);
  char from[IOCP_PATH_MAX + 1];
  strcpy(from, local_text(&name));
  check_is(rename(from, local_text(&elsewhere)), 0);
  drive_close_now(listener);
  check(S_ISSOCK(local_mode(&elsewhere)));
  unlink(local_text(&elsewhere));
  local_finish(&drive);
}

static void relative_path_and_chdir(void) {
  struct drive drive;
  char before[4096];
  local_folder_make();
  drive_open(&drive);
  check(getcwd(before, sizeof before) != NULL);
  check_is(chdir(local_folder()), 0);
  struct iocp_path name = local_path(IOCP_UNIX, "a.sock");
  struct drive_socket* listener = local_listen(&drive, &name);
  check(S_ISSOCK(local_mode(&name)));
  check_is(chdir("/"), 0);
  struct iocp_path absolute = in_folder("a.sock");
  check(S_ISSOCK(local_mode(&absolute)));
  drive_close_now(listener);
  check_is(local_mode(&absolute), 0);
  check_is(chdir(before), 0);
  local_finish(&drive);
}

TEST_MAIN(TEST_CASE(wrong_paths),
          TEST_CASE(long_paths),
          TEST_CASE(only_its_own_file_is_removed),
          TEST_CASE(relative_path_and_chdir))

#endif
