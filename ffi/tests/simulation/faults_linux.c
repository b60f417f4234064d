/* SPDX-License-Identifier: MIT */
#include "faults_linux.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "faults_datagram_linux.h"
#include "report.h"
#include "tape.h"

#define FAULTS__FDS FAULTS_FDS

ssize_t __wrap_recv(int fd, void* bytes, size_t size, int flags);
ssize_t __wrap_recvmsg(int fd, struct msghdr* message, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr* message, int flags);
ssize_t __wrap_send(int fd, const void* bytes, size_t size, int flags);
ssize_t __wrap_sendfile(int fd, int file, off_t* offset, size_t size);
int __wrap_socket(int family, int type, int protocol);
int __wrap_accept4(int fd,
                   struct sockaddr* address,
                   socklen_t* size,
                   int flags);
int __wrap_connect(int fd, const struct sockaddr* address, socklen_t size);
int __wrap_open(const char* path, int flags, ...);
int __wrap_openat(int folder, const char* path, int flags, ...);
int __wrap_close(int fd);
int __wrap_poll(struct pollfd* entries, nfds_t count, int timeout);
int __wrap_fcntl(int fd, int command, ...);
int __wrap_epoll_create1(int flags);
int __wrap_epoll_ctl(int epoll, int what, int fd, struct epoll_event* event);
int __wrap_epoll_wait(int epoll, struct epoll_event* events, int max, int ms);
int __wrap_eventfd(unsigned int value, int flags);
int __wrap_timerfd_create(int clock, int flags);
void* __wrap_memory_map(size_t size);
void __wrap_memory_unmap(void* memory, size_t size);
void* __wrap_memory_alloc(size_t size);
void __wrap_memory_free(void* memory);

ssize_t __real_sendfile(int fd, int file, off_t* offset, size_t size);
int __real_openat(int folder, const char* path, int flags, ...);
int __real_poll(struct pollfd* entries, nfds_t count, int timeout);
int __real_fcntl(int fd, int command, ...);
int __real_epoll_create1(int flags);
int __real_epoll_ctl(int epoll, int what, int fd, struct epoll_event* event);
int __real_epoll_wait(int epoll, struct epoll_event* events, int max, int ms);
int __real_eventfd(unsigned int value, int flags);
int __real_timerfd_create(int clock, int flags);
void* __real_memory_map(size_t size);
void __real_memory_unmap(void* memory, size_t size);
void* __real_memory_alloc(size_t size);
void __real_memory_free(void* memory);

static struct {
  bool is_on;
  bool has_broken;
  bool has_lost_passed;
  pthread_t thread;
  uint32_t rates[FAULTS_KINDS];
  int send_buffer;     /* 0: the system's default */
  bool lacks_sendfile; /* for the file system */
} faults;

struct faults__fd {
  atomic_bool is_librarys;
  bool is_owed; /* an edge */
  int epoll;    /* its epoll instance; 0: none */
  struct epoll_event event;
};
static struct faults__fd faults__fds[FAULTS__FDS];
static int faults__owed[FAULTS__FDS];
static uint32_t faults__owed_count;

static atomic_int faults__fd_count;
static atomic_int faults__block_count;
static atomic_llong faults__mapped;

/* ---- how this system behaves */

static uint32_t faults__rate(void) {
  static const uint32_t rates[] = {0, 0, 20, 100, 300};
  return rates[tape_choose(sizeof rates / sizeof rates[0])];
}

void faults_open(void) {
  static const int buffers[] = {0, 0, 4096, 16384};
  memset(&faults, 0, sizeof faults);
  faults.thread = pthread_self();
  faults.send_buffer = buffers[tape_choose(4)];
  faults.lacks_sendfile = tape_chance(100);
  faults.is_on = tape_chance(600);
  if (!faults.is_on) return;
  for (int i = 0; i < FAULTS_OPERATION; i++) faults.rates[i] = faults__rate();
  /* These end connections, so most systems do not have them. */
  if (tape_chance(150)) faults.rates[FAULTS_OPERATION] = 30;
}

void faults_end(void) {
  faults.is_on = false;
  faults_forget_late();
  faults_pay();
}

bool faults_have_broken(void) { return faults.has_broken; }

bool faults_have_lost_passed(void) { return faults.has_lost_passed; }

static bool faults__is_schedules(void) {
  return pthread_equal(pthread_self(), faults.thread);
}

bool faults_happens(enum faults_kind kind) {
  return faults__is_schedules() && faults.is_on && faults.rates[kind] != 0 &&
         tape_chance(faults.rates[kind]);
}

int faults_fail(const char* call, int error) {
  TRACE("  %s: %s", call, strerror(error));
  errno = error;
  return -1;
}

void faults_close(void) {
  faults.is_on = false;
  RULE("the library closes every descriptor",
       atomic_load(&faults__fd_count) == 0);
  RULE("the library frees every block of memory",
       atomic_load(&faults__block_count) == 0);
  RULE("the library removes every mapping", atomic_load(&faults__mapped) == 0);
}

/* ---- descriptors */

bool faults_is_librarys(int fd) { return faults__fds[fd].is_librarys; }

/* Only the thread of the schedule reports the owed edges. */
static void faults__forget(struct faults__fd* entry) {
  if (!faults__is_schedules()) return;
  entry->is_owed = false;
  entry->epoll = 0;
}

static int faults__add(int fd) {
  if (fd < 0) return fd;
  RULE("the simulation has room for descriptors", fd < FAULTS__FDS);
  struct faults__fd* entry = &faults__fds[fd];
  faults__forget(entry);
  if (faults__is_schedules()) faults_set_late(fd, 0);
  atomic_store(&entry->is_librarys, true);
  atomic_fetch_add(&faults__fd_count, 1);
  return fd;
}

void faults_add(int fd) { faults__add(fd); }

void faults_release(int fd) {
  RULE("the library closes its own descriptors, and only once",
       fd >= 0 && fd < FAULTS__FDS &&
           atomic_exchange(&faults__fds[fd].is_librarys, false));
  faults__forget(&faults__fds[fd]);
  atomic_fetch_sub(&faults__fd_count, 1);
}

static void faults__limit_buffer(int fd) {
  if (fd >= 0 && faults.send_buffer != 0)
    setsockopt(fd,
               SOL_SOCKET,
               SO_SNDBUF,
               &faults.send_buffer,
               sizeof faults.send_buffer);
}

static int faults__handle_error(void) {
  static const int errors[] = {EMFILE, ENFILE, ENOBUFS, ENOMEM};
  return errors[tape_choose(4)];
}

int __wrap_socket(int family, int type, int protocol) {
  if (faults_happens(FAULTS_HANDLES))
    return faults_fail("socket", faults__handle_error());
  int fd = faults__add(__real_socket(family, type, protocol));
  faults__limit_buffer(fd);
  return fd;
}

int __wrap_accept4(int fd,
                   struct sockaddr* address,
                   socklen_t* size,
                   int flags) {
  if (faults_happens(FAULTS_HANDLES))
    return faults_fail(
        "accept4", tape_chance(300) ? ECONNABORTED : faults__handle_error());
  if (faults_happens(FAULTS_EINTR)) return faults_fail("accept4", EINTR);
  int accepted = faults__add(__real_accept4(fd, address, size, flags));
  faults__limit_buffer(accepted);
  return accepted;
}

/* A passed descriptor becomes the library's. Without room for one the system
 * discards it, and says that control data was cut (recvmsg(2), MSG_CTRUNC). */
ssize_t __wrap_recvmsg(int fd, struct msghdr* message, int flags) {
  /* Of a datagram socket. Others ask for no length. */
  if ((flags & MSG_TRUNC) != 0 && faults_receive_fails("recvmsg", fd))
    return -1;
  bool is_inbox = message->msg_name == NULL && message->msg_control != NULL;
  if (is_inbox && faults_happens(FAULTS_MEMORY))
    return faults_fail("recvmsg", ENOMEM);
  ssize_t count = __real_recvmsg(fd, message, flags);
  const struct cmsghdr* header = count < 0 ? NULL : CMSG_FIRSTHDR(message);
  int passed;
  if (header == NULL || header->cmsg_type != SCM_RIGHTS) return count;
  memcpy(&passed, CMSG_DATA(header), sizeof passed);
  if (!faults_happens(FAULTS_HANDLES)) {
    faults__add(passed);
    return count;
  }
  TRACE("  recvmsg: there is no room for a descriptor");
  faults.has_lost_passed = true;
  __real_close(passed);
  message->msg_controllen = 0;
  message->msg_flags |= MSG_CTRUNC;
  return count;
}

/* EAGAIN and ETOOMANYREFS: too much is under way (unix(7)). */
ssize_t __wrap_sendmsg(int fd, const struct msghdr* message, int flags) {
  static const int errors[] = {EAGAIN, ETOOMANYREFS, ENOBUFS, ENOMEM};
  if (message->msg_control != NULL && faults_happens(FAULTS_HANDLES))
    return faults_fail("sendmsg", errors[tape_choose(4)]);
  return __real_sendmsg(fd, message, flags);
}

int __wrap_connect(int fd, const struct sockaddr* address, socklen_t size) {
  if (faults_happens(FAULTS_HANDLES)) return faults_fail("connect", ENOBUFS);
  /* That of a datagram socket does not wait, so it cannot be interrupted when
   * it has an effect already. */
  bool is_datagram = faults_is_datagram(fd);
  if (is_datagram && faults_happens(FAULTS_EINTR))
    return faults_fail("connect", EINTR);
  int result = __real_connect(fd, address, size);
  if (is_datagram) return result;
  /* The connect continues after the signal. That of a unix socket waits only
   * for room in the backlog, and not at all if the socket is non-blocking
   * (unix_wait_for_peer()). */
  if (address->sa_family != AF_UNIX && (result == 0 || errno == EINPROGRESS) &&
      faults_happens(FAULTS_EINTR))
    return faults_fail("connect", EINTR);
  return result;
}

/* Folders, and files that have a name only. */
int __wrap_open(const char* path, int flags, ...) {
  if (faults_happens(FAULTS_HANDLES))
    return faults_fail("open", tape_choose(2) == 0 ? EMFILE : ENFILE);
  return faults__add(__real_open(path, flags));
}

int __wrap_openat(int folder, const char* path, int flags, ...) {
  if (faults_happens(FAULTS_HANDLES))
    return faults_fail("openat", tape_choose(2) == 0 ? EMFILE : ENFILE);
  return faults__add(__real_openat(folder, path, flags));
}

int __wrap_close(int fd) {
  faults_release(fd);
  return __real_close(fd);
}

/* A call of F_SETSIG or F_SETOWN marks an adopted descriptor, see
 * handle_claim(). A listener is closed right after the mark was removed. */
int __wrap_fcntl(int fd, int command, ...) {
  va_list arguments;
  va_start(arguments, command);
  int argument = va_arg(arguments, int);
  va_end(arguments);
  int result = __real_fcntl(fd, command, argument);
  bool is_mark = command == F_SETSIG || (command == F_SETOWN && argument != 0);
  if (!is_mark || result < 0) return result;
  /* A connection that was handed out is the library's already. */
  if (argument != 0 && faults_is_librarys(fd)) return result;
  if (argument != 0) {
    struct faults__fd was = faults__fds[fd];
    faults__add(fd);
    faults__fds[fd].epoll = was.epoll;
    faults__fds[fd].event = was.event;
  } else {
    faults_release(fd);
  }
  return result;
}

/* ---- transfers */

void faults_owe(int fd) {
  struct faults__fd* entry = &faults__fds[fd];
  if (entry->is_owed || entry->epoll == 0) return;
  entry->is_owed = true;
  faults__owed[faults__owed_count++] = fd;
}

void faults_pay(void) {
  while (faults__owed_count != 0) {
    int fd = faults__owed[--faults__owed_count];
    struct faults__fd* entry = &faults__fds[fd];
    if (!entry->is_owed) continue;
    entry->is_owed = false;
    __real_epoll_ctl(entry->epoll, EPOLL_CTL_MOD, fd, &entry->event);
  }
}

static int faults__operation_error(void) {
  faults.has_broken = true;
  return tape_chance(500) ? ENOMEM : ENOBUFS;
}

ssize_t __wrap_recv(int fd, void* bytes, size_t size, int flags) {
  if (faults_happens(FAULTS_EINTR)) return faults_fail("recv", EINTR);
  if (faults_happens(FAULTS_OPERATION))
    return faults_fail("recv", faults__operation_error());
  if (faults_happens(FAULTS_EAGAIN)) {
    faults_owe(fd);
    return faults_fail("recv", EAGAIN);
  }
  if (size > 1 && faults_happens(FAULTS_SHORT)) {
    size = tape_between(1, (uint32_t)size - 1);
    /* To the engine, the rest arrives later. */
    faults_owe(fd);
    TRACE("  recv: no more than %zu", size);
  }
  return __real_recv(fd, bytes, size, flags);
}

ssize_t __wrap_send(int fd, const void* bytes, size_t size, int flags) {
  if (faults_happens(FAULTS_EINTR)) return faults_fail("send", EINTR);
  if (faults_happens(FAULTS_OPERATION))
    return faults_fail("send", faults__operation_error());
  if (faults_happens(FAULTS_EAGAIN)) {
    faults_owe(fd);
    return faults_fail("send", EAGAIN);
  }
  if (size > 1 && faults_happens(FAULTS_SHORT)) {
    size = tape_between(1, (uint32_t)size - 1);
    TRACE("  send: no more than %zu", size);
  }
  return __real_send(fd, bytes, size, flags);
}

/* "mmap(2)-like operations are not available for in_fd" (sendfile(2), EINVAL).
 */
ssize_t __wrap_sendfile(int fd, int file, off_t* offset, size_t size) {
  if (faults.lacks_sendfile) return faults_fail("sendfile", EINVAL);
  if (faults_happens(FAULTS_EINTR)) return faults_fail("sendfile", EINTR);
  if (faults_happens(FAULTS_OPERATION))
    return faults_fail("sendfile", faults__operation_error());
  if (faults_happens(FAULTS_EAGAIN)) {
    faults_owe(fd);
    return faults_fail("sendfile", EAGAIN);
  }
  if (size > 1 && faults_happens(FAULTS_SHORT)) {
    size = tape_between(1, (uint32_t)size - 1);
    TRACE("  sendfile: no more than %zu", size);
  }
  return __real_sendfile(fd, file, offset, size);
}

/* ---- accept and epoll */

int __wrap_epoll_create1(int flags) {
  if (faults_happens(FAULTS_HANDLES))
    return faults_fail("epoll_create1", faults__handle_error());
  return faults__add(__real_epoll_create1(flags));
}

int __wrap_eventfd(unsigned int value, int flags) {
  if (faults_happens(FAULTS_HANDLES))
    return faults_fail("eventfd", faults__handle_error());
  return faults__add(__real_eventfd(value, flags));
}

int __wrap_timerfd_create(int clock, int flags) {
  if (faults_happens(FAULTS_HANDLES))
    return faults_fail("timerfd_create", faults__handle_error());
  return faults__add(__real_timerfd_create(clock, flags));
}

int __wrap_epoll_ctl(int epoll, int what, int fd, struct epoll_event* event) {
  if (what == EPOLL_CTL_ADD && faults_happens(FAULTS_HANDLES)) {
    /* The accepted connection is closed. */
    faults.has_broken = true;
    return faults_fail("epoll_ctl", tape_chance(500) ? ENOSPC : ENOMEM);
  }
  int result = __real_epoll_ctl(epoll, what, fd, event);
  if (result == 0 && fd < FAULTS__FDS && faults__is_schedules()) {
    faults__fds[fd].epoll = what == EPOLL_CTL_DEL ? 0 : epoll;
    if (what != EPOLL_CTL_DEL) faults__fds[fd].event = *event;
  }
  return result;
}

int __wrap_epoll_wait(int epoll, struct epoll_event* events, int max, int ms) {
  if (faults_happens(FAULTS_EINTR)) return faults_fail("epoll_wait", EINTR);
  if (faults__is_schedules()) faults_pay();
  return __real_epoll_wait(epoll, events, max, ms);
}

int __wrap_poll(struct pollfd* entries, nfds_t count, int timeout) {
  if (faults__is_schedules()) faults_pay();
  /* Only a wait is interrupted. A poll of one socket does not sleep. */
  if (count == 2 && faults_happens(FAULTS_EINTR))
    return faults_fail("poll", EINTR);
  return __real_poll(entries, count, timeout);
}

/* ---- memory */

void* __wrap_memory_map(size_t size) {
  if (faults_happens(FAULTS_MEMORY)) {
    TRACE("  mmap: out of memory");
    return NULL;
  }
  void* memory = __real_memory_map(size);
  if (memory != NULL) atomic_fetch_add(&faults__mapped, (long long)size);
  return memory;
}

void __wrap_memory_unmap(void* memory, size_t size) {
  atomic_fetch_sub(&faults__mapped, (long long)size);
  __real_memory_unmap(memory, size);
}

void* __wrap_memory_alloc(size_t size) {
  if (faults_happens(FAULTS_MEMORY)) {
    TRACE("  malloc: out of memory");
    return NULL;
  }
  void* memory = __real_memory_alloc(size);
  if (memory != NULL) atomic_fetch_add(&faults__block_count, 1);
  return memory;
}

void __wrap_memory_free(void* memory) {
  if (memory != NULL) atomic_fetch_sub(&faults__block_count, 1);
  __real_memory_free(memory);
}
