/* SPDX-License-Identifier: MIT */
/*
 * The files of unix sockets on Linux: one that is left over is replaced if that
 * is wanted, and nothing else ever is; a listener's own is removed, and no
 * other; nothing can connect before the file has its mode.
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
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "iocp.h"
#include "shared/drive.h"
#include "shared/local.h"
#include "shared/raw.h"

#define MODE IOCP_MODE_DEFAULT

static const char* text_of(const struct iocp_path* name) {
  static char text[IOCP_PATH_MAX + 1];
  memcpy(text, name->bytes, name->length);
  text[name->length] = 0;
  return text;
}

static socklen_t system_of(const struct iocp_path* name,
                           struct sockaddr_un* system_out) {
  memset(system_out, 0, sizeof *system_out);
  system_out->sun_family = AF_UNIX;
  memcpy(system_out->sun_path, name->bytes, name->length);
  return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + name->length);
}

/* A plain socket that is bound to the name and listens, if it is a stream. */
static int raw_bound(const struct iocp_path* name, int type, int backlog) {
  struct sockaddr_un system;
  socklen_t length = system_of(name, &system);
  int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
  check(fd >= 0);
  check_is(bind(fd, (struct sockaddr*)&system, length), 0);
  if (type == SOCK_STREAM) check_is(listen(fd, backlog), 0);
  return fd;
}

static int raw_connected(const struct iocp_path* name) {
  struct sockaddr_un system;
  socklen_t length = system_of(name, &system);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  check(fd >= 0);
  if (connect(fd, (struct sockaddr*)&system, length) == 0) return fd;
  int native = errno;
  close(fd);
  return -native;
}

static void make_stale(const struct iocp_path* name) {
  close(raw_bound(name, SOCK_STREAM, 1));
}

static mode_t mode_of(const struct iocp_path* name) {
  struct stat status;
  return lstat(text_of(name), &status) == 0 ? status.st_mode : 0;
}

static int32_t try_listen(struct drive* drive,
                          const struct iocp_path* name,
                          uint32_t flags,
                          uint32_t mode) {
  return iocp_listen_path(drive->port, name, 8, flags, mode, NULL, 0);
}

static int32_t connect_result(struct drive* drive,
                              const struct iocp_path* name) {
  int32_t id = iocp_connect(drive->port, name, NULL);
  if (id < 0) return id;
  struct drive_socket* socket = drive_add(drive, id);
  socket->connect_pending = true;
  drive_until(drive, socket->connect_result != DRIVE_NOTHING);
  int32_t result = socket->connect_result;
  drive_close_now(socket);
  return result;
}

/* ---- files that are left over */

static void stale_file(void) {
  struct drive drive;
  local_folder_make();
  drive_open(&drive);
  struct iocp_path name = local_name(IOCP_UNIX);
  make_stale(&name);
  check(S_ISSOCK(mode_of(&name)));
  check_is(connect_result(&drive, &name), -IOCP_ECONNREFUSED);
  check_is(try_listen(&drive, &name, 0, MODE), -IOCP_EADDRINUSE);
  check(S_ISSOCK(mode_of(&name)));
  check_is(connect_result(&drive, &name), -IOCP_ECONNREFUSED);
  int32_t id = try_listen(&drive, &name, IOCP_REPLACE_STALE, MODE);
  struct drive_socket* listener = drive_add(&drive, id);
  listener->is_listener = true;
  drive_accept(listener, 1);
  check_is(connect_result(&drive, &name), 0);
  drive_close_now(listener);
  check_is(mode_of(&name), 0);
  /* Without a file the flag changes nothing. */
  id = try_listen(&drive, &name, IOCP_REPLACE_STALE, MODE);
  drive_add(&drive, id)->is_listener = true;
  drive_finish(&drive);
  local_folder_remove();
}

static void live_file(void) {
  struct drive drive;
  local_folder_make();
  drive_open(&drive);
  struct iocp_path name = local_name(IOCP_UNIX);
  int raw = raw_bound(&name, SOCK_STREAM, 0);
  check_is(try_listen(&drive, &name, IOCP_REPLACE_STALE, MODE),
           -IOCP_EADDRINUSE);
  /* The question whether the socket lives is a connection that ends at once. */
  int asked = accept(raw, NULL, NULL);
  char byte;
  check_is(recv(asked, &byte, 1, 0), 0);
  close(asked);
  /* It may be busy. */
  int client = raw_connected(&name);
  check(client >= 0);
  check_is(raw_connected(&name), -EAGAIN);
  check_is(try_listen(&drive, &name, IOCP_REPLACE_STALE, MODE),
           -IOCP_EADDRINUSE);
  close(client);
  close(raw);
  unlink(text_of(&name));
  /* The same for a listener of the library. */
  struct drive_socket* listener = local_listen(&drive, &name);
  check_is(try_listen(&drive, &name, IOCP_REPLACE_STALE, MODE),
           -IOCP_EADDRINUSE);
  check(S_ISSOCK(mode_of(&name)));
  drive_close_now(listener);
  drive_finish(&drive);
  local_folder_remove();
}

static void check_kept(struct drive* drive,
                       const struct iocp_path* name,
                       int32_t connects) {
  mode_t mode = mode_of(name);
  check(mode != 0);
  check_is(try_listen(drive, name, 0, MODE), -IOCP_EADDRINUSE);
  check_is(try_listen(drive, name, IOCP_REPLACE_STALE, MODE), -IOCP_EADDRINUSE);
  check_is(mode_of(name), mode);
  check_is(connect_result(drive, name), connects);
}

/* No other file is removed, even if it refuses connections. */
static void other_files(void) {
  struct drive drive;
  local_folder_make();
  drive_open(&drive);
  struct iocp_path name = local_name(IOCP_UNIX);
  check_is(mkdir(text_of(&name), 0700), 0);
  check_kept(&drive, &name, -IOCP_ECONNREFUSED);
  rmdir(text_of(&name));
  close(open(text_of(&name), O_CREAT | O_WRONLY, 0600));
  check_kept(&drive, &name, -IOCP_ECONNREFUSED);
  unlink(text_of(&name));
  check_is(mkfifo(text_of(&name), 0600), 0);
  check_kept(&drive, &name, -IOCP_ECONNREFUSED);
  unlink(text_of(&name));
  check_is(symlink("nothing", text_of(&name)), 0);
  check_kept(&drive, &name, -IOCP_ENOENT);
  unlink(text_of(&name));
  check_is(symlink(strrchr(text_of(&name), '/') + 1, text_of(&name)), 0);
  check_kept(&drive, &name, -IOCP_ELOOP);
  unlink(text_of(&name));
  int datagram = raw_bound(&name, SOCK_DGRAM, 0);
  check_kept(&drive, &name, -IOCP_EPROTOTYPE);
  close(datagram);
  unlink(text_of(&name));
  /* A link to a socket that is left over is kept, and so is that socket. */
  struct iocp_path stale = local_name(IOCP_UNIX);
  make_stale(&stale);
  char target[IOCP_PATH_MAX + 1];
  strcpy(target, text_of(&stale));
  check_is(symlink(target, text_of(&name)), 0);
  check_kept(&drive, &name, -IOCP_ECONNREFUSED);
  check(S_ISSOCK(mode_of(&stale)));
  unlink(text_of(&name));
  unlink(text_of(&stale));
  drive_finish(&drive);
  local_folder_remove();
}

/* ---- paths without a file */

static struct iocp_path in_folder(const char* text) {
  char path[IOCP_PATH_MAX];
  snprintf(path, sizeof path, "%s/%s", local_folder(), text);
  return local_path(IOCP_UNIX, path);
}

static void check_paths(struct drive* drive,
                        const struct iocp_path* name,
                        int32_t expected) {
  check_is(try_listen(drive, name, 0, MODE), expected);
  check_is(try_listen(drive, name, IOCP_REPLACE_STALE, 0600), expected);
  check_is(connect_result(drive, name), expected);
}

static void wrong_paths(void) {
  struct drive drive;
  local_folder_make();
  drive_open(&drive);
  struct iocp_path file = local_name(IOCP_UNIX);
  close(open(text_of(&file), O_CREAT | O_WRONLY, 0600));
  struct iocp_path name = in_folder("none/x");
  check_paths(&drive, &name, -IOCP_ENOENT);
  name = file;
  memcpy(name.bytes + name.length, "/x", 2);
  name.length += 2;
  check_paths(&drive, &name, -IOCP_ENOTDIR);
  unlink(text_of(&file));
  name = local_name(IOCP_UNIX);
  check_is(connect_result(&drive, &name), -IOCP_ENOENT);
  check(iocp_native_error(drive.port) == ENOENT);
  /* The kernel's own file systems have no sockets. */
  name = local_path(IOCP_UNIX, "/proc/x");
  check(try_listen(&drive, &name, 0, MODE) < 0);
  check_is(drive_poll(&drive), 0);
  check_is(drive.header.sockets, 0);
  drive_finish(&drive);
  local_folder_remove();
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
    int32_t id = try_listen(&drive, &name, 0, MODE);
    if (length > 107) {
      check_is(id, -IOCP_ENAMETOOLONG);
      check_is(iocp_connect(drive.port, &name, NULL), -IOCP_ENAMETOOLONG);
      check_is(iocp_native_error(drive.port), 0);
      continue;
    }
    struct drive_socket* listener = drive_add(&drive, id);
    listener->is_listener = true;
    drive_accept(listener, 1);
    check(S_ISSOCK(mode_of(&name)));
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
  drive_finish(&drive);
  local_folder_remove();
}

/* ---- permissions */

static void check_mode(struct drive* drive,
                       uint32_t mode,
                       mode_t mask,
                       mode_t expected) {
  struct iocp_path name = local_name(IOCP_UNIX);
  mode_t before = umask(mask);
  int32_t id = try_listen(drive, &name, 0, mode);
  umask(before);
  struct drive_socket* listener = drive_add(drive, id);
  listener->is_listener = true;
  check_is(mode_of(&name), S_IFSOCK | expected);
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
  drive_finish(&drive);
  local_folder_remove();
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
    int fd = raw_connected(&name);
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
  local_folder_make();
  drive_open(&drive);
  struct iocp_path name = local_name(IOCP_UNIX);
  strcpy(watch.path, text_of(&name));
  /* Takes away a bit that has to be added, and leaves some to be removed. */
  mode_t before = umask(020);
  struct host_thread* thread = host_thread_start(watch_main, &watch);
  for (int i = 0; i < 2000 || atomic_load(&watch.connections) == 0; i++) {
    int32_t id = try_listen(&drive, &name, 0, 0620);
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
  drive_finish(&drive);
  local_folder_remove();
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
  if (mode_of(unread) != (S_IFSOCK | 0600)) return 18;
  if (iocp_delete(port) != 0) return 19;
  return mode_of(unread) == 0 ? 0 : 20;
}

static void no_permission(void) {
  struct drive drive;
  local_folder_make();
  drive_open(&drive);
  check_is(chmod(local_folder(), 0755), 0);
  struct iocp_path closed = local_name(IOCP_UNIX);
  int32_t id = try_listen(&drive, &closed, 0, 0);
  drive_add(&drive, id)->is_listener = true;
  struct iocp_path folder = local_name(IOCP_UNIX);
  check_is(mkdir(text_of(&folder), 0), 0);
  struct iocp_path inside = folder;
  memcpy(inside.bytes + inside.length, "/x", 2);
  inside.length += 2;
  struct iocp_path other = local_name(IOCP_UNIX);
  check_is(mkdir(text_of(&other), 0700), 0);
  check_is(chmod(text_of(&other), 0333), 0);
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
  rmdir(text_of(&folder));
  rmdir(text_of(&other));
  drive_finish(&drive);
  local_folder_remove();
}

/* ---- removing the file */

static void only_its_own_file_is_removed(void) {
  struct drive drive;
  local_folder_make();
  drive_open(&drive);
  struct iocp_path name = local_name(IOCP_UNIX);
  /* Another socket has taken the path. */
  struct drive_socket* listener = local_listen(&drive, &name);
  unlink(text_of(&name));
  int raw = raw_bound(&name, SOCK_STREAM, 1);
  drive_close_now(listener);
  check(S_ISSOCK(mode_of(&name)));
  int client = raw_connected(&name);
  check(client >= 0);
  close(client);
  close(raw);
  unlink(text_of(&name));
  /* Another file. */
  listener = local_listen(&drive, &name);
  unlink(text_of(&name));
  close(open(text_of(&name), O_CREAT | O_WRONLY, 0600));
  drive_close_now(listener);
  check(S_ISREG(mode_of(&name)));
  unlink(text_of(&name));
  /* It was removed already, or is elsewhere. */
  listener = local_listen(&drive, &name);
  struct iocp_path elsewhere = local_name(IOCP_UNIX);
  char from[IOCP_PATH_MAX + 1];
  strcpy(from, text_of(&name));
  check_is(rename(from, text_of(&elsewhere)), 0);
  drive_close_now(listener);
  check(S_ISSOCK(mode_of(&elsewhere)));
  unlink(text_of(&elsewhere));
  drive_finish(&drive);
  local_folder_remove();
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
  check(S_ISSOCK(mode_of(&name)));
  check_is(chdir("/"), 0);
  struct iocp_path absolute = in_folder("a.sock");
  check(S_ISSOCK(mode_of(&absolute)));
  drive_close_now(listener);
  check_is(mode_of(&absolute), 0);
  check_is(chdir(before), 0);
  drive_finish(&drive);
  local_folder_remove();
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
      int client = raw_connected(&racer->name);
      check(client >= 0);
      close(client);
      atomic_store(racer->winners, 0);
      check_is(iocp_delete(port), 0);
      check_is(mode_of(&racer->name), 0);
      port = iocp_new(0);
      make_stale(&racer->name);
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
  make_stale(&name);
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
  unlink(text_of(&name));
  local_folder_remove();
}

/* The lock is one that other programs may hold as well. */
static void folder_is_locked(void) {
  struct drive drive;
  local_folder_make();
  drive_open(&drive);
  struct iocp_path name = local_name(IOCP_UNIX);
  int folder = open(local_folder(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  check_is(flock(folder, LOCK_EX), 0);
  uint64_t start_ms = host_now_ms();
  check_is(try_listen(&drive, &name, IOCP_REPLACE_STALE, MODE), -IOCP_EBUSY);
  check(host_now_ms() - start_ms >= 100);
  check_is(mode_of(&name), 0);
  /* What removes no file needs no lock. */
  drive_close_now(local_listen(&drive, &name));
  flock(folder, LOCK_UN);
  int32_t id = try_listen(&drive, &name, IOCP_REPLACE_STALE, MODE);
  drive_add(&drive, id)->is_listener = true;
  /* The library's own lock is gone. */
  check_is(flock(folder, LOCK_EX | LOCK_NB), 0);
  close(folder);
  drive_finish(&drive);
  local_folder_remove();
}

static void out_of_handles(void) {
  struct drive drive;
  local_folder_make();
  drive_open(&drive);
  struct iocp_path name = local_name(IOCP_UNIX);
  make_stale(&name);
  /* A socket, the folder, the socket that asks, and the file. */
  for (int i = 0; i < 3; i++) {
    check(host_limit_handles(i));
    int32_t result = try_listen(&drive, &name, IOCP_REPLACE_STALE, 0777);
    host_limit_handles(-1);
    /* Without a socket that asks, nothing is removed. */
    check_is(result, i < 2 ? -IOCP_EMFILE : -IOCP_EADDRINUSE);
    check(S_ISSOCK(mode_of(&name)));
  }
  unlink(text_of(&name));
  check(host_limit_handles(2));
  int32_t result = try_listen(&drive, &name, 0, 0600);
  host_limit_handles(-1);
  check_is(result, -IOCP_EMFILE);
  /* A file without its mode is not left behind. */
  check_is(mode_of(&name), 0);
  check(host_limit_handles(0));
  check_is(iocp_connect(drive.port, &name, NULL), -IOCP_EMFILE);
  host_limit_handles(-1);
  drive_finish(&drive);
  local_folder_remove();
}

TEST_MAIN(TEST_CASE(stale_file),
          TEST_CASE(live_file),
          TEST_CASE(other_files),
          TEST_CASE(wrong_paths),
          TEST_CASE(long_paths),
          TEST_CASE(modes),
          TEST_CASE(mode_is_set_before_the_first_connect),
          TEST_CASE(no_permission),
          TEST_CASE(only_its_own_file_is_removed),
          TEST_CASE(relative_path_and_chdir),
          TEST_CASE(one_of_several_wins),
          TEST_CASE(folder_is_locked),
          TEST_CASE(out_of_handles))

#endif
