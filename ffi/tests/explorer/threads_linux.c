/* SPDX-License-Identifier: MIT */
/* Threads, locks and waits of Linux on fibers, in the place of the system's. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "fiber.h"
#include "habits.h"
#include "network.h"
#include "report.h"
#include "sanitizer.h"
#include "thread.h"

/* The functions that wrap_linux.txt names; the linker has others call these. */
#define WRAPPED(type, name, ...)   \
  type __real_##name(__VA_ARGS__); \
  type __wrap_##name(__VA_ARGS__); \
  type __wrap_##name(__VA_ARGS__)

/* ---- what the fibers need of the model of Windows */

struct habits habits;

bool network_step(void) { return false; }

uint64_t network_next_ms(void) { return FIBER_FOREVER; }

static void (*threads__destructor)(void*);

void thread_ended(void** locals) {
  void* value = locals[0];
  locals[0] = NULL;
  if (value != NULL) threads__destructor(value);
}

/* ---- threads */

struct threads__start {
  void* (*run)(void*);
  void* argument;
};

static void threads__main(void* argument) {
  struct threads__start start = *(struct threads__start*)argument;
  free(argument);
  start.run(start.argument);
}

WRAPPED(int,
        pthread_create,
        pthread_t* thread,
        const pthread_attr_t* attributes,
        void* (*run)(void*),
        void* argument) {
  struct threads__start* start = malloc(sizeof *start);
  (void)attributes;
  fiber_preempt();
  if (start == NULL) abort();
  *start = (struct threads__start){run, argument};
  *thread = (pthread_t)fiber_start(threads__main, start);
  return 0;
}

static bool threads__has_ended(void* fiber) { return fiber_has_ended(fiber); }

WRAPPED(int, pthread_join, pthread_t thread, void** result) {
  struct fiber* fiber = (struct fiber*)thread;
  (void)result;
  fiber_wait(threads__has_ended, fiber, FIBER_FOREVER);
  fiber_free(fiber);
  return 0;
}

WRAPPED(pthread_t, pthread_self, void) { return fiber_number(); }

/* The library has one key. */
WRAPPED(int,
        pthread_key_create,
        pthread_key_t* key,
        void (*destructor)(void*)) {
  *key = 0;
  threads__destructor = destructor;
  return 0;
}

WRAPPED(int, pthread_setspecific, pthread_key_t key, const void* value) {
  *fiber_local(key) = (void*)(uintptr_t)value;
  return 0;
}

/* ---- locks: all bytes of the system's own are 0 when it is free, too */

struct threads__lock {
  uint32_t owner;
};

struct threads__condition {
  uint64_t wakes;
};

static bool threads__is_free(void* lock) {
  return ((struct threads__lock*)lock)->owner == 0;
}

static struct threads__lock* threads__lock(pthread_mutex_t* mutex) {
  return (struct threads__lock*)mutex;
}

WRAPPED(int, pthread_mutex_lock, pthread_mutex_t* mutex) {
  struct threads__lock* lock = threads__lock(mutex);
  fiber_preempt();
  RULE("a lock is not entered twice", lock->owner != fiber_number());
  while (lock->owner != 0) fiber_wait(threads__is_free, lock, FIBER_FOREVER);
  lock->owner = fiber_number();
  sanitizer_acquire(lock);
  return 0;
}

WRAPPED(int, pthread_mutex_trylock, pthread_mutex_t* mutex) {
  fiber_preempt();
  if (!threads__is_free(mutex)) return EBUSY;
  threads__lock(mutex)->owner = fiber_number();
  sanitizer_acquire(mutex);
  return 0;
}

WRAPPED(int, pthread_mutex_unlock, pthread_mutex_t* mutex) {
  struct threads__lock* lock = threads__lock(mutex);
  RULE("a lock is released by the thread that holds it",
       lock->owner == fiber_number());
  sanitizer_release(lock);
  lock->owner = 0;
  fiber_preempt();
  return 0;
}

WRAPPED(int, pthread_mutex_destroy, pthread_mutex_t* mutex) {
  RULE("a lock that is destroyed is free", threads__is_free(mutex));
  return 0;
}

WRAPPED(int, pthread_cond_destroy, pthread_cond_t* condition) {
  (void)condition;
  return 0;
}

struct threads__wait {
  const struct threads__condition* condition;
  uint64_t wakes;
};

static bool threads__was_woken(void* argument) {
  const struct threads__wait* wait = argument;
  return wait->condition->wakes != wait->wakes;
}

WRAPPED(int, pthread_cond_wait, pthread_cond_t* cond, pthread_mutex_t* mutex) {
  const struct threads__condition* condition =
      (const struct threads__condition*)cond;
  struct threads__wait wait = {condition, condition->wakes};
  RULE("a condition is waited for with its lock held",
       threads__lock(mutex)->owner == fiber_number());
  sanitizer_release(mutex);
  threads__lock(mutex)->owner = 0;
  if (!fiber_ends_wait()) fiber_wait(threads__was_woken, &wait, FIBER_FOREVER);
  return __wrap_pthread_mutex_lock(mutex);
}

WRAPPED(int, pthread_cond_broadcast, pthread_cond_t* condition) {
  ((struct threads__condition*)condition)->wakes++;
  return 0;
}

/* ---- calls of the system */

WRAPPED(int, clock_gettime, clockid_t clock, struct timespec* now) {
  (void)clock;
  now->tv_sec = (time_t)(fiber_now_ms() / 1000);
  now->tv_nsec = (long)(fiber_now_ms() % 1000) * 1000000;
  return 0;
}

struct threads__poll {
  struct pollfd* entries;
  nfds_t count;
};

int __real_poll(struct pollfd* entries, nfds_t count, int timeout_ms);

static bool threads__is_ready(void* argument) {
  const struct threads__poll* wait = argument;
  return __real_poll(wait->entries, wait->count, 0) != 0;
}

WRAPPED(int, poll, struct pollfd* entries, nfds_t count, int timeout_ms) {
  struct threads__poll wait = {entries, count};
  fiber_preempt();
  if (!threads__is_ready(&wait) && timeout_ms != 0)
    fiber_wait(
        threads__is_ready,
        &wait,
        timeout_ms < 0 ? FIBER_FOREVER : fiber_now_ms() + (uint64_t)timeout_ms);
  return __real_poll(entries, count, 0);
}

WRAPPED(ssize_t, read, int fd, void* bytes, size_t size) {
  fiber_preempt();
  return __real_read(fd, bytes, size);
}

WRAPPED(ssize_t, write, int fd, const void* bytes, size_t size) {
  fiber_preempt();
  return __real_write(fd, bytes, size);
}

WRAPPED(int, close, int fd) {
  fiber_preempt();
  return __real_close(fd);
}

WRAPPED(ssize_t, recv, int fd, void* bytes, size_t size, int flags) {
  fiber_preempt();
  return __real_recv(fd, bytes, size, flags);
}

WRAPPED(int,
        accept4,
        int fd,
        struct sockaddr* address,
        socklen_t* size,
        int flags) {
  fiber_preempt();
  return __real_accept4(fd, address, size, flags);
}

WRAPPED(
    int, epoll_ctl, int fd, int what, int other, struct epoll_event* event) {
  fiber_preempt();
  return __real_epoll_ctl(fd, what, other, event);
}

WRAPPED(int,
        epoll_wait,
        int fd,
        struct epoll_event* events,
        int count,
        int timeout_ms) {
  fiber_preempt();
  return __real_epoll_wait(fd, events, count, timeout_ms);
}
