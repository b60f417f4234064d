/* SPDX-License-Identifier: MIT */
/*
 * The files of unix sockets that are left over, on Linux: one is replaced if
 * that is wanted, and nothing else ever is; of several listeners one gets the
 * path.
 *
 * It is hard because the system neither removes the file of a socket nor says
 * whether a socket is behind it, and because between any two calls another
 * process may replace the file.
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
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "iocp.h"
#include "shared/drive.h"
#include "shared/local.h"
#include "shared/local_file.h"

#define MODE IOCP_MODE_DEFAULT

static void stale_file(void) {
  struct drive drive;
  struct iocp_path name = local_open(&drive);
  local_make_stale(&name);
  check(S_ISSOCK(local_mode(&name)));
  check_is(local_connect_result(&drive, &name), -IOCP_ECONNREFUSED);
  check_is(local_try_listen(&drive, &name, 0, MODE), -IOCP_EADDRINUSE);
  check(S_ISSOCK(local_mode(&name)));
  check_is(local_connect_result(&drive, &name), -IOCP_ECONNREFUSED);
  int32_t id = local_try_listen(&drive, &name, IOCP_REPLACE_STALE, MODE);
  struct drive_socket* listener = drive_add(&drive, id);
  listener->is_listener = true;
  drive_accept(listener, 1);
  check_is(local_connect_result(&drive, &name), 0);
  drive_close_now(listener);
  check_is(local_mode(&name), 0);
  /* Without a file the flag changes nothing. */
  id = local_try_listen(&drive, &name, IOCP_REPLACE_STALE, MODE);
  drive_add(&drive, id)->is_listener = true;
  local_finish(&drive);
}

static void live_file(void) {
  struct drive drive;
  struct iocp_path name = local_open(&drive);
  int raw = local_raw_bound(&name, SOCK_STREAM, 0);
  check_is(local_try_listen(&drive, &name, IOCP_REPLACE_STALE, MODE),
           -IOCP_EADDRINUSE);
  /* The question whether the socket lives is a connection that ends at once. */
  int asked = accept(raw, NULL, NULL);
  char byte;
  check_is(recv(asked, &byte, 1, 0), 0);
  close(asked);
  /* It may be busy. */
  int client = local_raw_connect(&name);
  check(client >= 0);
  check_is(local_raw_connect(&name), -EAGAIN);
  check_is(local_try_listen(&drive, &name, IOCP_REPLACE_STALE, MODE),
           -IOCP_EADDRINUSE);
  close(client);
  close(raw);
  unlink(local_text(&name));
  /* The same for a listener of the library. */
  struct drive_socket* listener = local_listen(&drive, &name);
  check_is(local_try_listen(&drive, &name, IOCP_REPLACE_STALE, MODE),
           -IOCP_EADDRINUSE);
  check(S_ISSOCK(local_mode(&name)));
  drive_close_now(listener);
  local_finish(&drive);
}

static void check_kept(struct drive* drive,
                       const struct iocp_path* name,
                       int32_t connects) {
  mode_t mode = local_mode(name);
  check(mode != 0);
  check_is(local_try_listen(drive, name, 0, MODE), -IOCP_EADDRINUSE);
  check_is(local_try_listen(drive, name, IOCP_REPLACE_STALE, MODE),
           -IOCP_EADDRINUSE);
  check_is(local_mode(name), mode);
  check_is(local_connect_result(drive, name), connects);
}

/* No other file is removed, even if it refuses connections. */
static void other_files(void) {
  struct drive drive;
  struct iocp_path name = local_open(&drive);
  check_is(mkdir(local_text(&name), 0700), 0);
  check_kept(&drive, &name, -IOCP_ECONNREFUSED);
  rmdir(local_text(&name));
  close(open(local_text(&name), O_CREAT | O_WRONLY, 0600));
  check_kept(&drive, &name, -IOCP_ECONNREFUSED);
  unlink(local_text(&name));
  check_is(mkfifo(local_text(&name), 0600), 0);
  check_kept(&drive, &name, -IOCP_ECONNREFUSED);
  unlink(local_text(&name));
  check_is(symlink("nothing", local_text(&name)), 0);
  check_kept(&drive, &name, -IOCP_ENOENT);
  unlink(local_text(&name));
  check_is(symlink(strrchr(local_text(&name), '/') + 1, local_text(&name)), 0);
  check_kept(&drive, &name, -IOCP_ELOOP);
  unlink(local_text(&name));
  int datagram = local_raw_bound(&name, SOCK_DGRAM, 0);
  check_kept(&drive, &name, -IOCP_EPROTOTYPE);
  close(datagram);
  unlink(local_text(&name));
  /* A link to a socket that is left over is kept, and so is that socket. */
  struct iocp_path stale = local_name(IOCP_UNIX);
  local_make_stale(&stale);
  char target[IOCP_PATH_MAX + 1];
  strcpy(target, local_text(&stale));
  check_is(symlink(target, local_text(&name)), 0);
  check_kept(&drive, &name, -IOCP_ECONNREFUSED);
  check(S_ISSOCK(local_mode(&stale)));
  unlink(local_text(&name));
  unlink(local_text(&stale));
  local_finish(&drive);
}

/* ---- listeners that start together */

#define RACERS 4
#define RACES 200

struct racer {
  struct iocp_path name;
  pthread_barrier_t* barrier;
  atomic_int* winners;
  uint32_t flags;
};

/* Each race begins with a file that is left over, and exactly one of the
 * listeners gets the path, to which a client can connect then. */
static void racer_main(void* argument) {
  struct racer* racer = argument;
  int32_t port = iocp_new(0);
  for (int i = 0; i < RACES; i++) {
    pthread_barrier_wait(racer->barrier);
    int32_t id =
        iocp_listen_path(port, &racer->name, 8, racer->flags, MODE, NULL, 0);
    /* A busy machine may hold a racer up while it has the lock. */
    if (id < 0)
      check(id == -IOCP_EADDRINUSE || id == -IOCP_EBUSY);
    else
      atomic_fetch_add(racer->winners, 1);
    pthread_barrier_wait(racer->barrier);
    if (id >= 0) {
      check_is(atomic_load(racer->winners), 1);
      int client = local_raw_connect(&racer->name);
      check(client >= 0);
      close(client);
      atomic_store(racer->winners, 0);
      check_is(iocp_delete(port), 0);
      check_is(local_mode(&racer->name), 0);
      port = iocp_new(0);
      local_make_stale(&racer->name);
    }
    pthread_barrier_wait(racer->barrier);
  }
  check_is(iocp_delete(port), 0);
}

static void one_of_several_wins(void) {
  struct racer racers[RACERS];
  struct host_thread* threads[RACERS];
  pthread_barrier_t barrier;
  atomic_int winners = 0;
  local_folder_make();
  struct iocp_path name = local_name(IOCP_UNIX);
  local_make_stale(&name);
  check_is(pthread_barrier_init(&barrier, NULL, RACERS), 0);
  for (int i = 0; i < RACERS; i++) {
    racers[i] = (struct racer){.name = name,
                               .barrier = &barrier,
                               .winners = &winners,
                               .flags = IOCP_REPLACE_STALE};
    threads[i] = host_thread_start(racer_main, &racers[i]);
  }
  for (int i = 0; i < RACERS; i++) host_thread_join(threads[i]);
  pthread_barrier_destroy(&barrier);
  unlink(local_text(&name));
  local_folder_remove();
}

/* The lock is one that other programs may hold as well. */
static void folder_is_locked(void) {
  struct drive drive;
  struct iocp_path name = local_open(&drive);
  int folder = open(local_folder(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  check_is(flock(folder, LOCK_EX), 0);
  uint64_t start_ms = host_now_ms();
  check_is(local_try_listen(&drive, &name, IOCP_REPLACE_STALE, MODE),
           -IOCP_EBUSY);
  check(host_now_ms() - start_ms >= 100);
  check_is(local_mode(&name), 0);
  /* What removes no file needs no lock. */
  drive_close_now(local_listen(&drive, &name));
  flock(folder, LOCK_UN);
  int32_t id = local_try_listen(&drive, &name, IOCP_REPLACE_STALE, MODE);
  drive_add(&drive, id)->is_listener = true;
  /* The library's own lock is gone. */
  check_is(flock(folder, LOCK_EX | LOCK_NB), 0);
  close(folder);
  local_finish(&drive);
}

static void out_of_handles(void) {
  struct drive drive;
  struct iocp_path name = local_open(&drive);
  local_make_stale(&name);
  /* A socket, the folder, the socket that asks, and the file. */
  for (int i = 0; i < 3; i++) {
    check(host_limit_handles(i));
    int32_t result = local_try_listen(&drive, &name, IOCP_REPLACE_STALE, 0777);
    host_limit_handles(-1);
    /* Without a socket that asks, nothing is removed. */
    check_is(result, i < 2 ? -IOCP_EMFILE : -IOCP_EADDRINUSE);
    check(S_ISSOCK(local_mode(&name)));
  }
  unlink(local_text(&name));
  check(host_limit_handles(2));
  int32_t result = local_try_listen(&drive, &name, 0, 0600);
  host_limit_handles(-1);
  check_is(result, -IOCP_EMFILE);
  /* A file without its mode is not left behind. */
  check_is(local_mode(&name), 0);
  check(host_limit_handles(0));
  check_is(iocp_connect(drive.port, &name, NULL), -IOCP_EMFILE);
  host_limit_handles(-1);
  local_finish(&drive);
}

TEST_MAIN(TEST_CASE(stale_file),
          TEST_CASE(live_file),
          TEST_CASE(other_files),
          TEST_CASE(one_of_several_wins),
          TEST_CASE(folder_is_locked),
          TEST_CASE(out_of_handles))

#endif
