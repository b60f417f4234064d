/* SPDX-License-Identifier: MIT */
/*
 * The world that is Linux itself. Peers are plain sockets of this process, time
 * is real, and faults_linux.c is between the library and the system.
 */
#include "world.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "../shared/raw_convert.h"
#include "datagram_linux.h"
#include "faults_linux.h"
#include "report.h"
#include "tape.h"

#define WORLD__PEERS 256
#define WORLD__LISTENERS 64

const char world_name[] = "linux";

struct peer_listener {
  int fd;     /* -1: of a path that nothing listens on */
  int filler; /* of one that never answers: what fills its queue */
  struct iocp_address address;
};

struct peer {
  int fd; /* -1: none */
  bool found_nothing;
  enum peer_state state;
  struct iocp_address remote; /* of TCP */
};

struct world_thread {
  pthread_t thread;
  void (*run)(void* argument);
  void* argument;
};

static struct peer world__peers[WORLD__PEERS];
static uint32_t world__peer_count;
static struct peer_listener world__listeners[WORLD__LISTENERS];
static uint32_t world__listener_count;
static int world__receive_buffer; /* 0: the system's default */

bool world_posts_operations(void) { return false; }

bool world_is_exact(void) { return false; }
uint64_t world_calls(void) { return 0; }

bool world_has_broken(void) { return faults_have_broken(); }

bool world_detaches_ports(void) { return true; }

bool world_has_interfaces(void) { return false; }

bool world_reports_progress(void) { return true; }

bool world_is_unclear(void) { return false; }
bool world_is_strange(void) { return false; }
bool world_refuses_at_once(void) { return true; }
bool world_has_raced(void) { return false; }
bool world_refuses_when_full(void) { return false; }

/* ---- the system */

/* That of the names of local sockets. The number of the process would not do:
 * another run may have the same one in another container, with the same /tmp.
 */
static char world__folder[] = "/tmp/iocp-simulation-XXXXXX";

static void world__make_folder(void) {
  memcpy(world__folder + sizeof world__folder - 7, "XXXXXX", 6);
  RULE("the simulation has a folder", mkdtemp(world__folder) != NULL);
}

/* What is sent to a port that was just closed must not arrive at another job or
 * program, which has got the port. Without the permission all share one
 * network. */
static void world__leave_network(void) {
  static bool has_left;
  if (has_left) return;
  has_left = true;
  if (unshare(CLONE_NEWNET) < 0) return;
  struct ifreq loopback = {.ifr_name = "lo", .ifr_flags = IFF_UP};
  int fd = __real_socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  RULE("the simulation has a network",
       fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &loopback) == 0);
  __real_close(fd);
}

void world_open(void) {
  static const int buffers[] = {0, 0, 2304, 16384};
  world__peer_count = 0;
  world__listener_count = 0;
  world__receive_buffer = buffers[tape_choose(4)];
  world__make_folder();
  world__leave_network();
  faults_open();
}

void world_calm(void) { faults_end(); }

/* Not in a world that is not exact. */
void world_lack(enum world_shortage what, uint32_t per_mille) {
  (void)what, (void)per_mille;
}
void world_flood(uint32_t count) { (void)count; }

uint64_t world_now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void world_pause(uint32_t ms) {
  struct timespec left = {.tv_sec = ms / 1000,
                          .tv_nsec = (long)(ms % 1000) * 1000000};
  while (nanosleep(&left, &left) != 0 && errno == EINTR) continue;
}

void world_compute(uint32_t ms) { world_pause(ms); }

/* ---- processes */

void world_process(uint32_t process) { (void)process; }
bool world_has_processes(void) { return false; }
void world_process_ended(uint32_t process) { (void)process; }
bool world_can_exit(void) { return false; }
void world_exit(void) {}
bool world_has_exited(void) { return false; }
bool world_has_lost_passed(void) { return faults_have_lost_passed(); }

/* ---- threads */

/* The machine that runs the tests cannot be put to sleep. */
void world_sleep(uint32_t ms) { (void)ms; }

static void* world__thread(void* argument) {
  struct world_thread* thread = argument;
  thread->run(thread->argument);
  return NULL;
}

struct world_thread* world_thread_start(void (*run)(void* argument),
                                        void* argument) {
  struct world_thread* thread = malloc(sizeof *thread);
  RULE("the simulation has memory", thread != NULL);
  thread->run = run;
  thread->argument = argument;
  RULE("the simulation has threads",
       pthread_create(&thread->thread, NULL, world__thread, thread) == 0);
  return thread;
}

void world_thread_join(struct world_thread* thread) {
  pthread_join(thread->thread, NULL);
  free(thread);
}

void world_thread_delete_fiber(struct world_thread* thread) { (void)thread; }

/* ---- addresses */

static struct iocp_address world__loopback(uint16_t family) {
  struct iocp_address address = {.family = family};
  if (family == 4) address.bytes[0] = 127;
  address.bytes[family == 4 ? 3 : 15] = 1;
  return address;
}

static void world__address(int fd, struct iocp_address* out) {
  struct sockaddr_storage system;
  socklen_t size = sizeof system;
  memset(out, 0, sizeof *out);
  if (getsockname(fd, (struct sockaddr*)&system, &size) == 0)
    *out = raw_from_system(&system);
}

/* ---- listeners of peers */

static bool world__bind(int fd, uint16_t family) {
  struct sockaddr_storage system;
  struct iocp_address address = world__loopback(family);
  socklen_t size = raw_to_system(&address, &system);
  return bind(fd, (struct sockaddr*)&system, size) == 0;
}

static int world__socket(uint16_t family) {
  int fd = __real_socket(family == 4 ? AF_INET : AF_INET6,
                         SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
                         0);
  if (fd >= 0 && world__receive_buffer != 0)
    setsockopt(fd,
               SOL_SOCKET,
               SO_RCVBUF,
               &world__receive_buffer,
               sizeof world__receive_buffer);
  return fd;
}

/* Returns the result of connect(). EINPROGRESS is not a failure. */
static int world__connect(int fd, const struct iocp_address* to) {
  struct sockaddr_storage system;
  socklen_t size = raw_to_system(to, &system);
  int result = __real_connect(fd, (struct sockaddr*)&system, size);
  return result < 0 && errno == EINPROGRESS ? 0 : result;
}

struct peer_listener* peer_listen(enum peer_manner manner, uint16_t family) {
  if (world__listener_count == WORLD__LISTENERS) return NULL;
  struct peer_listener* listener = &world__listeners[world__listener_count];
  listener->filler = -1;
  listener->fd = world__socket(family);
  if (listener->fd < 0) return NULL;
  if (!world__bind(listener->fd, family)) goto fail;
  /* A bound socket refuses, and one whose queue is full does not answer. */
  if (manner != PEER_REFUSES &&
      listen(listener->fd, manner == PEER_NEVER_ANSWERS ? 0 : 64) < 0)
    goto fail;
  world__address(listener->fd, &listener->address);
  if (manner == PEER_NEVER_ANSWERS) {
    listener->filler = world__socket(family);
    world__connect(listener->filler, &listener->address);
  }
  world__listener_count++;
  return listener;

fail:
  __real_close(listener->fd);
  return NULL;
}

void peer_listener_address(const struct peer_listener* listener,
                           struct iocp_address* address_out) {
  *address_out = listener->address;
}

/* ---- peers */

static struct peer* world__peer(int fd, enum peer_state state) {
  if (fd < 0) return NULL;
  if (world__peer_count == WORLD__PEERS) {
    __real_close(fd);
    return NULL;
  }
  struct peer* peer = &world__peers[world__peer_count++];
  peer->fd = fd;
  peer->found_nothing = false;
  peer->state = state;
  memset(&peer->remote, 0, sizeof peer->remote);
  return peer;
}

/* A connection that was reset already is accepted with its address and its
 * bytes, but getpeername() fails (inet_getname() in the kernel). */
struct peer* peer_accept(struct peer_listener* listener) {
  struct sockaddr_storage system;
  socklen_t size = sizeof system;
  int fd = __real_accept4(listener->fd,
                          (struct sockaddr*)&system,
                          &size,
                          SOCK_NONBLOCK | SOCK_CLOEXEC);
  struct peer* peer = world__peer(fd, PEER_OPEN);
  if (peer != NULL && system.ss_family != AF_UNIX)
    peer->remote = raw_from_system(&system);
  return peer;
}

struct peer* peer_connect(const struct iocp_address* to) {
  int fd = world__socket(to->family);
  struct peer* peer = world__peer(fd, PEER_CONNECTING);
  if (peer == NULL) return NULL;
  peer->remote = *to;
  if (world__connect(fd, to) < 0) peer->state = PEER_FAILED;
  return peer;
}

enum peer_state peer_state(struct peer* peer) {
  struct pollfd entry = {.fd = peer->fd, .events = POLLOUT};
  int error = 0;
  socklen_t size = sizeof error;
  if (peer->state != PEER_CONNECTING || poll(&entry, 1, 0) <= 0)
    return peer->state;
  getsockopt(peer->fd, SOL_SOCKET, SO_ERROR, &error, &size);
  peer->state = error == 0 ? PEER_OPEN : PEER_FAILED;
  return peer->state;
}

void peer_addresses(struct peer* peer,
                    struct iocp_address* own_out,
                    struct iocp_address* other_out) {
  world__address(peer->fd, own_out);
  *other_out = peer->remote;
}

static int32_t world__moved(struct peer* peer, ssize_t count) {
  if (count >= 0) return (int32_t)count;
  if (errno == EAGAIN || errno == EWOULDBLOCK) return PEER_WOULD_BLOCK;
  peer->state = PEER_FAILED;
  return PEER_RESET;
}

/* With a descriptor, at which a receive ends (unix(7), SCM_RIGHTS). */
static ssize_t world__send_rights(int fd,
                                  const uint8_t* bytes,
                                  uint32_t length) {
  _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof fd)] = {0};
  int passed = __real_open("/dev/null", O_RDONLY | O_CLOEXEC);
  struct iovec part = {.iov_base = (void*)(uintptr_t)bytes, .iov_len = length};
  struct msghdr message = {.msg_iov = &part,
                           .msg_iovlen = 1,
                           .msg_control = control,
                           .msg_controllen = sizeof control};
  struct cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof passed);
  memcpy(CMSG_DATA(header), &passed, sizeof passed);
  ssize_t count = __real_sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  __real_close(passed);
  return count;
}

int32_t peer_send(struct peer* peer, const uint8_t* bytes, uint32_t length) {
  if (peer->remote.family == 0 && length != 0 && tape_chance(200))
    return world__moved(peer, world__send_rights(peer->fd, bytes, length));
  return world__moved(
      peer, __real_send(peer->fd, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT));
}

int32_t peer_receive(struct peer* peer, uint8_t* buffer, uint32_t length) {
  return world__moved(peer,
                      __real_recv(peer->fd, buffer, length, MSG_DONTWAIT));
}

/* The engine has one send in the kernel at a time. */
bool peer_has_hole(const struct peer* peer) {
  (void)peer;
  return false;
}

void peer_shutdown(struct peer* peer) { shutdown(peer->fd, SHUT_WR); }

void peer_reset(struct peer* peer) {
  struct linger linger = {.l_onoff = 1, .l_linger = 0};
  setsockopt(peer->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
  peer_close(peer);
}

void peer_close(struct peer* peer) {
  __real_close(peer->fd);
  peer->fd = -1;
  peer->state = PEER_FAILED;
}

/* ---- local sockets */

#define WORLD__PATHS 64

bool world_has_local(uint16_t family) { return family == IOCP_UNIX; }

/* Some names are abstract. */
void world_path(uint16_t family,
                uint32_t number,
                enum world_access access,
                struct iocp_path* path_out) {
  char* text = (char*)path_out->bytes;
  (void)access;
  path_out->family = family;
  int length = snprintf(
      text, sizeof path_out->bytes, "%s/%u.sock", world__folder, number);
  if (number % 4 == 1) text[0] = 0;
  path_out->length = (uint16_t)length;
}

static socklen_t world__path_to_system(const struct iocp_path* path,
                                       struct sockaddr_un* system_out) {
  *system_out = (struct sockaddr_un){.sun_family = AF_UNIX};
  memcpy(system_out->sun_path, path->bytes, path->length);
  return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path->length);
}

static void world__remove_paths(void) {
  struct iocp_path path;
  for (uint32_t i = 0; i < WORLD__PATHS; i++) {
    world_path(IOCP_UNIX, i, WORLD_USER, &path);
    path.bytes[path.length] = 0;
    if (path.bytes[0] != 0) unlink((const char*)path.bytes);
  }
  for (uint32_t i = 0; i < WORLD_FILES; i++) {
    char file[128];
    world_file_path(i, file);
    unlink(file);
  }
  rmdir(world__folder);
}

/* Names whose files are to stay. */
static char world__taken[WORLD__PATHS][128];
static uint32_t world__taken_count;

static void world__check_taken(void) {
  while (world__taken_count != 0)
    RULE("the file of another program is not removed",
         access(world__taken[--world__taken_count], F_OK) == 0);
}

static int world__local_socket(void) {
  return __real_socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

void world_plain_file(const struct iocp_path* path) {
  char text[sizeof path->bytes + 1];
  memcpy(text, path->bytes, path->length);
  text[path->length] = 0;
  int fd = __real_open(text, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  if (fd >= 0) __real_close(fd);
}

uint32_t world_file_path(uint32_t number, char path_out[128]) {
  return (uint32_t)snprintf(path_out, 128, "%s/%u.bin", world__folder, number);
}

void world_file_write(uint32_t number,
                      uint64_t lead,
                      const uint8_t* bytes,
                      uint32_t length) {
  char path[128];
  world_file_path(number, path);
  unlink(path);
  int fd = __real_open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  RULE("the simulation can write a file",
       fd >= 0 && pwrite(fd, bytes, length, (off_t)lead) == (ssize_t)length &&
           ftruncate(fd, (off_t)(lead + length)) == 0);
  __real_close(fd);
}

void world_file_shrink(uint32_t number, uint64_t size) {
  char path[128];
  world_file_path(number, path);
  struct stat status;
  RULE("the simulation can cut a file",
       stat(path, &status) == 0 && ((uint64_t)status.st_size <= size ||
                                    truncate(path, (off_t)size) == 0));
}

bool world_take_path(const struct iocp_path* path) {
  struct sockaddr_un system;
  socklen_t size = world__path_to_system(path, &system);
  if (path->bytes[0] == 0 || world__taken_count == WORLD__PATHS ||
      unlink(system.sun_path) < 0)
    return false;
  int fd = world__local_socket();
  if (fd < 0) return false;
  bool is_done = bind(fd, (struct sockaddr*)&system, size) == 0;
  __real_close(fd);
  if (is_done) {
    char* taken = world__taken[world__taken_count++];
    snprintf(taken, sizeof world__taken[0], "%s", system.sun_path);
  }
  return is_done;
}

struct peer_listener* peer_listen_path(enum peer_manner manner,
                                       const struct iocp_path* path) {
  struct sockaddr_un system;
  socklen_t size = world__path_to_system(path, &system);
  if (world__listener_count == WORLD__LISTENERS) return NULL;
  struct peer_listener* listener = &world__listeners[world__listener_count];
  listener->filler = -1;
  listener->fd = world__local_socket();
  if (listener->fd < 0) return NULL;
  if (bind(listener->fd, (struct sockaddr*)&system, size) < 0 ||
      listen(listener->fd, manner == PEER_NEVER_ANSWERS ? 0 : 64) < 0) {
    __real_close(listener->fd);
    return NULL;
  }
  /* It has ended without removing its file. */
  if (manner == PEER_REFUSES) {
    __real_close(listener->fd);
    listener->fd = -1;
  }
  if (manner == PEER_NEVER_ANSWERS) {
    listener->filler = world__local_socket();
    __real_connect(listener->filler, (struct sockaddr*)&system, size);
  }
  world__listener_count++;
  return listener;
}

struct peer* peer_connect_path(const struct iocp_path* path,
                               const uint8_t* bytes,
                               uint32_t length,
                               bool closes) {
  struct sockaddr_un system;
  socklen_t size = world__path_to_system(path, &system);
  struct peer* peer = world__peer(world__local_socket(), PEER_OPEN);
  if (peer == NULL) return NULL;
  if (__real_connect(peer->fd, (struct sockaddr*)&system, size) < 0) {
    peer->found_nothing = errno == ENOENT;
    peer->state = PEER_FAILED;
    return peer;
  }
  if (length != 0)
    RULE("a new connection has room for some bytes",
         __real_send(peer->fd, bytes, length, MSG_NOSIGNAL) == (ssize_t)length);
  if (closes) peer->state = PEER_CLOSED;
  return peer;
}

bool peer_found_nothing(const struct peer* peer) { return peer->found_nothing; }

uint32_t peer_process(const struct peer* peer) {
  (void)peer;
  return (uint32_t)getpid();
}

/* ---- the end of a schedule */

void world_close(void) {
  for (uint32_t i = 0; i < world__peer_count; i++)
    if (world__peers[i].fd >= 0) peer_reset(&world__peers[i]);
  for (uint32_t i = 0; i < world__listener_count; i++) {
    if (world__listeners[i].filler >= 0)
      __real_close(world__listeners[i].filler);
    if (world__listeners[i].fd >= 0) __real_close(world__listeners[i].fd);
  }
  datagram_close_peers();
  world__check_taken();
  world__remove_paths();
  faults_close();
}

/* ---- sockets of the program */

double world_handle_connect(struct peer_listener* listener) {
  int fd = world__socket(listener->address.family);
  if (fd < 0) return -1;
  if (world__connect(fd, &listener->address) == 0) return fd;
  __real_close(fd);
  return -1;
}

double world_handle_synchronous(struct peer_listener* listener) {
  (void)listener;
  return -1;
}

double world_handle_connect_path(const struct iocp_path* path,
                                 enum world_local_handle kind) {
  struct sockaddr_un system;
  socklen_t size = world__path_to_system(path, &system);
  int fd = kind == WORLD_LOCAL_BYTES ? world__local_socket() : -1;
  if (fd < 0) return -1;
  if (__real_connect(fd, (struct sockaddr*)&system, size) == 0) return fd;
  __real_close(fd);
  return -1;
}

bool world_handle_name(double handle, struct iocp_path* path_out) {
  (void)handle, (void)path_out;
  return false;
}

bool world_handle_blocks(double handle) {
  return (fcntl((int)handle, F_GETFL) & O_NONBLOCK) == 0;
}

double world_handle_listen(uint16_t family, struct iocp_address* address_out) {
  int fd = world__socket(family);
  if (fd < 0) return -1;
  if (world__bind(fd, family) && listen(fd, 64) == 0) {
    world__address(fd, address_out);
    return fd;
  }
  __real_close(fd);
  return -1;
}

void world_handle_given(double handle) {
  if (faults_is_librarys((int)handle)) faults_release((int)handle);
}

void world_handle_dropped(double handle) { faults_add((int)handle); }

bool world_handle_make_synchronous(double handle) {
  (void)handle;
  return false;
}

bool world_handle_fail(double handle) {
  (void)handle;
  return false;
}

bool world_handle_bind(double handle) {
  (void)handle;
  return false;
}

/* Linux returns every option, so nothing is lost. */
void world_handle_detached(double handle) { (void)handle; }

static int world__local(bool listens) {
  /* An abstract address that the system chooses. */
  struct sockaddr name = {.sa_family = AF_UNIX};
  int pair[2];
  if (!listens) {
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) return -1;
    __real_close(pair[1]);
    return pair[0];
  }
  int fd = __real_socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  if (bind(fd, &name, sizeof name.sa_family) == 0 && listen(fd, 1) == 0)
    return fd;
  __real_close(fd);
  return -1;
}

double world_handle_odd(enum world_odd odd) {
  struct iocp_address address;
  switch (odd) {
    case WORLD_DATAGRAM:
      return __real_socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    case WORLD_UNCONNECTED:
      return world__socket(4);
    case WORLD_LISTENING:
      return world_handle_listen(4, &address);
    case WORLD_LOCAL_STREAM:
    case WORLD_LOCAL_LISTENING:
      return world__local(odd == WORLD_LOCAL_LISTENING);
    default:
      return -1;
  }
}

void world_handle_close(double handle) {
  RULE("a handle that was returned does not belong to the library",
       !faults_is_librarys((int)handle));
  __real_close((int)handle);
}
