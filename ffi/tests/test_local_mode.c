/* SPDX-License-Identifier: MIT */
/*
 * The permissions of the files of unix sockets on Linux.
 *
 * It is hard because bind() makes the file with the mode of the process, and
 * nothing may connect before the file has its own.
 */
#include "shared/test.h"

#if defined(_WIN32)

static void files_of_sockets(void) {
  test_skip("its plain sockets are those of Linux");
}

TEST_MAIN(TEST_CASE(files_of_sockets))

#else

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "iocp.h"
#include "shared/drive.h"
#include "shared/local.h"
#include "shared/local_file.h"

#define MODE IOCP_MODE_DEFAULT

static void check_mode(struct drive* drive,
                       uint32_t mode,
                       mode_t mask,
                       mode_t expected) {
  struct iocp_path name = local_name(IOCP_UNIX);
  mode_t before = umask(mask);
  int32_t id = local_try_listen(drive, &name, 0, mode);
  umask(before);
  struct drive_socket* listener = drive_add(drive, id);
  listener->is_listener = true;
  check_is(local_mode(&name), S_IFSOCK | expected);
  drive_close_now(listener);
}

static void modes(void) {
  struct drive drive;
  local_folder_make();
  drive_open(&drive);
  check_mode(&drive, MODE, 022, 0755);
  check_mode(&drive, MODE, 077, 0700);
  check_mode(&drive, 0600, 0, 0600);
  check_mode(&drive, 0600, 0777, 0600);
  check_mode(&drive, 0666, 022, 0666);
  check_mode(&drive, 0777, 0777, 0777);
  check_mode(&drive, 0, 022, 0);
  local_finish(&drive);
}

struct watch {
  char path[IOCP_PATH_MAX + 1];
  atomic_bool ends;
  atomic_uint listeners; /* how many there were */
  atomic_uint seen;      /* all bits that the file ever had */
  atomic_uint connections;
};

/* Looks at the file all the time, and tries to connect to it. */
static void watch_main(void* argument) {
  struct watch* watch = argument;
  struct iocp_path name = local_path(IOCP_UNIX, watch->path);
  while (!atomic_load(&watch->ends)) {
    struct stat status;
    if (lstat(watch->path, &status) == 0)
      atomic_fetch_or(&watch->seen, status.st_mode & 0777);
    unsigned before = atomic_load(&watch->listeners);
    int fd = local_raw_connect(&name);
    if (fd < 0) continue;
    close(fd);
    /* The file is not that of the next listener. */
    if (lstat(watch->path, &status) != 0 ||
        atomic_load(&watch->listeners) != before)
      continue;
    check_is(status.st_mode & 0777, 0620);
    atomic_fetch_add(&watch->connections, 1);
  }
}

static void mode_is_set_before_the_first_connect(void) {
  struct watch watch = {.ends = false};
  struct drive drive;
  struct iocp_path name = local_open(&drive);
  strcpy(watch.path, local_text(&name));
  /* Takes away a bit that has to be added, and leaves some to be removed. */
  mode_t before = umask(020);
  struct host_thread* thread = host_thread_start(watch_main, &watch);
  for (int i = 0; i < 2000 || atomic_load(&watch.connections) == 0; i++) {
    int32_t id = local_try_listen(&drive, &name, 0, 0620);
    check(id >= 0);
    if (i % 16 == 0) host_sleep_ms(1);
    check_is(iocp_close(drive.port, id, IOCP_RESET, 0), 0);
    struct drive_socket* socket = drive_add(&drive, id);
    socket->close_pending = true;
    drive_until(&drive, socket->is_closed);
    drive_forget(socket);
    atomic_fetch_add(&watch.listeners, 1);
  }
  atomic_store(&watch.ends, true);
  host_thread_join(thread);
  umask(before);
  check_is(atomic_load(&watch.seen), 0620);
  local_finish(&drive);
}

/* Runs in a process of its own, which may give up its rights. */
static int refused_main(const struct iocp_path* closed,
                        const struct iocp_path* inside,
                        const struct iocp_path* unread) {
  if (getuid() == 0 && setuid(65534) != 0) return 10;
  int32_t port = iocp_new(0);
  if (iocp_connect(port, closed, NULL) != -IOCP_EACCES) return 11;
  if (iocp_connect(port, inside, NULL) != -IOCP_EACCES) return 12;
  if (iocp_listen_path(port, inside, 1, 0, MODE, NULL, 0) != -IOCP_EACCES)
    return 13;
  if (iocp_listen_path(port, inside, 1, IOCP_REPLACE_STALE, 0600, NULL, 0) !=
      -IOCP_EACCES)
    return 14;
  if (iocp_native_error(port) != EACCES) return 15;
  /* A folder that cannot be read cannot be locked. */
  if (iocp_listen_path(port, unread, 1, IOCP_REPLACE_STALE, MODE, NULL, 0) !=
      -IOCP_EACCES)
    return 16;
  if (iocp_listen_path(port, unread, 1, 0, 0600, NULL, 0) < 0) return 17;
  if (local_mode(unread) != (S_IFSOCK | 0600)) return 18;
  if (iocp_delete(port) != 0) return 19;
  return local_mode(unread) == 0 ? 0 : 20;
}

static void no_permission(void) {
  struct drive drive;
  local_folder_make();
  drive_open(&drive);
  check_is(chmod(local_folder(), 0755), 0);
  struct iocp_path closed = local_name(IOCP_UNIX);
  int32_t id = local_try_listen(&drive, &closed, 0, 0);
  drive_add(&drive, id)->is_listener = true;
  struct iocp_path folder = local_name(IOCP_UNIX);
  check_is(mkdir(local_text(&folder), 0), 0);
  struct iocp_path inside = folder;
  memcpy(inside.bytes + inside.length, "/x", 2);
  inside.length += 2;
  struct iocp_path other = local_name(IOCP_UNIX);
  check_is(mkdir(local_text(&other), 0700), 0);
  check_is(chmod(local_text(&other), 0333), 0);
  struct iocp_path unread = other;
  memcpy(unread.bytes + unread.length, "/x", 2);
  unread.length += 2;
  int status = 0;
  pid_t child = fork();
  check(child >= 0);
  if (child == 0) _exit(refused_main(&closed, &inside, &unread));
  check_is(waitpid(child, &status, 0), child);
  check(WIFEXITED(status));
  check_is(WEXITSTATUS(status), 0);
  rmdir(local_text(&folder));
  rmdir(local_text(&other));
  local_finish(&drive);
}

TEST_MAIN(TEST_CASE(modes),
          TEST_CASE(mode_is_set_before_the_first_connect),
          TEST_CASE(no_permission))

#endif
