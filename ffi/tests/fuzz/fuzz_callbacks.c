/* SPDX-License-Identifier: MIT */
/*
 * Every function of iocp_callback.h in any order: sets that are NULL; handles
 * that are not sockets, closed, of another set or added twice; sizes at their
 * bounds; calls from inside a callback; sockets that their user closes at any
 * time. The order of the threads is not decided by the input, so an input may
 * run in more than one way. The contract is the same for all of them.
 *
 * Calls of one socket never overlap, each has exactly one last call and none
 * after it, and a delete leaks nothing: no thread, descriptor or memory.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "environment.h"
#include "fuzz.h"
#include "iocp_callback.h"

#define FUZZ__SETS 2
#define FUZZ__HANDLES 32
#define FUZZ__ADDED 64

/* What the calls of a socket do, as bits. */
#define FUZZ__CLOSES 1      /* the handle, in the last call */
#define FUZZ__ADDS 2        /* accepted sockets, to the same set */
#define FUZZ__DELETES 4     /* which is refused */
#define FUZZ__SENDS_BACK 8  /* the bytes that were received */
#define FUZZ__ADDS_AGAIN 16 /* see fuzz__add_again() */

/* A socket that was added, or for which adding has failed. */
struct fuzz__added {
  struct iocp_callbacks* set;
  int fd;
  size_t size;
  uint8_t does;
  bool is_listener;
  atomic_bool is_running;
  atomic_bool is_over; /* it has had its last call */
};

static struct iocp_callbacks* sets[FUZZ__SETS];
static struct fuzz__added added[FUZZ__ADDED];
static _Atomic(uint32_t) added_count;
/* The handles of the input, without those that a callback closes. */
static int handles[FUZZ__HANDLES];
static uint32_t handle_count;

static void fuzz__keep(int fd) {
  FUZZ_CHECK(fd >= 0);
  if (handle_count == FUZZ__HANDLES)
    close(fd);
  else
    handles[handle_count++] = fd;
}

static int fuzz__draw(uint8_t choice) {
  static const int wild[] = {-1, INT32_MIN, INT32_MAX, 4000};
  if (choice >= 240 || handle_count == 0) return wild[choice % 4];
  return handles[choice % handle_count];
}

/* ---- in a callback */

static iocp_callback fuzz__called;

static struct fuzz__added* fuzz__enter(struct iocp_callbacks* set,
                                       int fd,
                                       size_t size,
                                       uint8_t does) {
  uint32_t index = atomic_fetch_add(&added_count, 1);
  if (index >= FUZZ__ADDED) return NULL;
  added[index] =
      (struct fuzz__added){.set = set, .fd = fd, .size = size, .does = does};
  return &added[index];
}

/* The call may come before the add returns, so everything is set before. */
static void fuzz__add_accepted(const struct fuzz__added* by, int fd) {
  struct fuzz__added* one = (by->does & FUZZ__ADDS) == 0
                                ? NULL
                                : fuzz__enter(by->set, fd, 100, FUZZ__CLOSES);
  if (one != NULL &&
      iocp_callbacks_add_socket(by->set, fd, one, 100, fuzz__called) == 0)
    return;
  if (one != NULL) atomic_store(&one->is_over, true);
  close(fd);
}

/* Refused, unless the handle was closed meanwhile and another socket has its
 * number: then that one is added. */
static void fuzz__add_again(struct iocp_callbacks* set, int fd) {
  struct fuzz__added* one = fuzz__enter(set, fd, 1, 0);
  if (one != NULL &&
      iocp_callbacks_add_socket(set, fd, one, 1, fuzz__called) < 0)
    atomic_store(&one->is_over, true);
}

static void fuzz__check_call(const struct fuzz__added* one,
                             int event_type,
                             const void* buffer,
                             uint32_t count) {
  switch (event_type) {
    case IOCP_CALLBACK_READ:
      FUZZ_CHECK(!one->is_listener && buffer != NULL);
      FUZZ_CHECK(count != 0 && count <= one->size);
      FUZZ_CHECK(count <= IOCP_RECEIVE_MAX);
      break;
    case IOCP_CALLBACK_END:
      FUZZ_CHECK(!one->is_listener);
      break;
    case IOCP_CALLBACK_ERROR:
      FUZZ_CHECK(count != 0 && count != IOCP_EUNKNOWN);
      break;
    case IOCP_CALLBACK_ACCEPT:
      FUZZ_CHECK(one->is_listener && count == sizeof(int));
      break;
    default:
      FUZZ_IS(event_type, IOCP_CALLBACK_ACCEPT_FAILED);
      FUZZ_CHECK(one->is_listener && count != 0);
  }
}

static void fuzz__called(iocp_os_socket socket,
                         int event_type,
                         void* buffer,
                         iocp_byte_count count,
                         void* user_state) {
  struct fuzz__added* one = user_state;
  bool is_last =
      event_type == IOCP_CALLBACK_END || event_type == IOCP_CALLBACK_ERROR;
  FUZZ_IS(socket, one->fd);
  FUZZ_CHECK(!atomic_exchange(&one->is_running, true));
  FUZZ_CHECK(!atomic_load(&one->is_over));
  fuzz__check_call(one, event_type, buffer, count);
  if ((one->does & FUZZ__DELETES) != 0)
    FUZZ_IS(iocp_callbacks_delete(one->set), -IOCP_EBUSY);
  if (event_type == IOCP_CALLBACK_READ && (one->does & FUZZ__SENDS_BACK) != 0)
    send(socket, buffer, count, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (event_type == IOCP_CALLBACK_ACCEPT)
    fuzz__add_accepted(one, *(int*)buffer);
  if (!is_last && (one->does & FUZZ__ADDS_AGAIN) != 0)
    fuzz__add_again(one->set, socket);
  /* There is no call after the last one, so its state is free. */
  if (is_last) atomic_store(&one->is_over, true);
  atomic_store(&one->is_running, false);
  if (is_last && (one->does & FUZZ__CLOSES) != 0) close(socket);
}

/* ---- the steps */

static void fuzz__new(const struct step* step) {
  static const uint32_t counts[] = {
      IOCP_CALLBACKS_THREADS_MAX + 1, 1u << 31, UINT32_MAX};
  struct iocp_callbacks** slot = &sets[step->a % FUZZ__SETS];
  struct iocp_callbacks* unused;
  if (step->b >= 224) {
    FUZZ_IS(iocp_callbacks_new(counts[step->b % 3], &unused), -IOCP_EINVAL);
    FUZZ_CHECK(unused == NULL);
    FUZZ_IS(iocp_callbacks_new(1, NULL), -IOCP_EFAULT);
    return;
  }
  if (*slot != NULL) return;
  int32_t result = iocp_callbacks_new(1 + step->b % 2, slot);
  FUZZ_CHECK(result == 0 ||
             (result == -IOCP_ENOMEM && environment_was_short()));
  FUZZ_CHECK((*slot != NULL) == (result == 0));
}

static void fuzz__delete(const struct step* step) {
  struct iocp_callbacks** slot = &sets[step->a % FUZZ__SETS];
  if (*slot == NULL) {
    FUZZ_IS(iocp_callbacks_delete(NULL), -IOCP_EFAULT);
    return;
  }
  FUZZ_IS(iocp_callbacks_delete(*slot), 0);
  uint32_t count = atomic_load(&added_count);
  for (uint32_t i = 0; i < count && i < FUZZ__ADDED; i++)
    FUZZ_CHECK(added[i].set != *slot || atomic_load(&added[i].is_over));
  *slot = NULL;
}

/* Checks that the header allows the result; returns true if the socket was
 * added. */
static bool fuzz__was_added(int32_t result, bool is_wrong) {
  if (result == 0) {
    FUZZ_CHECK(!is_wrong);
    return true;
  }
  switch (result) {
    case -IOCP_EINVAL:
    case -IOCP_EFAULT:
    case -IOCP_ENOTSOCK:
    case -IOCP_ENOTCONN:
    case -IOCP_EEXIST:
      break;
    default:
      FUZZ_IS(result, -IOCP_ENOMEM);
      FUZZ_CHECK(environment_was_short());
  }
  return false;
}

static void fuzz__drop(int fd) {
  for (uint32_t i = 0; i < handle_count; i++) {
    if (handles[i] != fd) continue;
    handles[i] = handles[--handle_count];
    return;
  }
}

static void fuzz__add(const struct step* step, bool is_listener) {
  static const size_t sizes[] = {
      1, 100, IOCP_RECEIVE_MAX, IOCP_RECEIVE_MAX + 1, SIZE_MAX, 0};
  struct iocp_callbacks* set = sets[step->a % FUZZ__SETS];
  int fd = fuzz__draw(step->b);
  size_t size = is_listener ? 1 : sizes[step->c % 6];
  uint8_t does = step->d % 32;
  iocp_callback* callback = step->e >= 240 ? NULL : fuzz__called;
  struct fuzz__added* one = fuzz__enter(set, fd, size, does);
  if (one == NULL) return;
  one->is_listener = is_listener;
  /* After a callback has closed it, its number may be that of another
   * socket. */
  bool closes = (does & FUZZ__CLOSES) != 0;
  int32_t result =
      is_listener ? iocp_callbacks_add_listener(set, fd, one, callback)
                  : iocp_callbacks_add_socket(set, fd, one, size, callback);
  if (!fuzz__was_added(result, set == NULL || callback == NULL || size == 0))
    atomic_store(&one->is_over, true);
  else if (closes)
    fuzz__drop(fd);
}

static void fuzz__add_socket(const struct step* step) {
  fuzz__add(step, false);
}

static void fuzz__add_listener(const struct step* step) {
  fuzz__add(step, true);
}

static int fuzz__listen(struct sockaddr_in* address_out) {
  socklen_t length = sizeof *address_out;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  FUZZ_CHECK(fd >= 0);
  *address_out = (struct sockaddr_in){.sin_family = AF_INET,
                                      .sin_addr = {htonl(INADDR_LOOPBACK)}};
  FUZZ_IS(bind(fd, (struct sockaddr*)address_out, length), 0);
  FUZZ_IS(listen(fd, 4), 0);
  FUZZ_IS(getsockname(fd, (struct sockaddr*)address_out, &length), 0);
  return fd;
}

static int fuzz__connect(const struct sockaddr_in* address) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  FUZZ_CHECK(fd >= 0);
  int failed = connect(fd, (const struct sockaddr*)address, sizeof *address);
  FUZZ_CHECK(failed == 0 || errno == EINPROGRESS || errno == ECONNREFUSED);
  return fd;
}

static void fuzz__open(const struct step* step) {
  struct sockaddr_in address;
  socklen_t length = sizeof address;
  int fd, fds[2];
  switch (step->a % 8) {
    case 0:
      FUZZ_IS(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
      fuzz__keep(fds[0]);
      fuzz__keep(fds[1]);
      break;
    case 1:
      fuzz__keep(eventfd(0, EFD_CLOEXEC));
      break;
    case 2:
      fuzz__keep(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
      break;
    case 3:
      fuzz__keep(fuzz__listen(&address));
      break;
    case 4:
      /* To a listener, if the chosen handle is one. */
      fd = fuzz__draw(step->b);
      memset(&address, 0, sizeof address);
      if (getsockname(fd, (struct sockaddr*)&address, &length) == 0 &&
          address.sin_family == AF_INET && address.sin_port != 0)
        fuzz__keep(fuzz__connect(&address));
      break;
    default:
      fd = fuzz__listen(&address);
      fuzz__keep(fuzz__connect(&address));
      fuzz__keep(accept4(fd, NULL, NULL, SOCK_CLOEXEC));
      close(fd);
  }
}

static void fuzz__send(const struct step* step) {
  static const uint8_t bytes[8192];
  int fd = fuzz__draw(step->a);
  if (fd >= 0)
    send(fd,
         bytes,
         step->b < 128 ? 10 : sizeof bytes,
         MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* Ends or resets the connection, or closes it while it may be in a set. */
static void fuzz__end(const struct step* step) {
  struct linger linger = {.l_onoff = 1, .l_linger = 0};
  if (handle_count == 0) return;
  int fd = handles[step->a % handle_count];
  if (step->b % 4 == 0) {
    shutdown(fd, SHUT_WR);
    return;
  }
  if (step->b % 4 == 1)
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
  fuzz__drop(fd);
  FUZZ_IS(close(fd), 0);
}

/* Lets the other threads run, or advances the clock. */
static void fuzz__yield(const struct step* step) {
  if (step->a >= 128) environment_pass(1000);
  for (int i = 0; i < step->a % 8; i++) sched_yield();
}

/* Append only, since the corpus contains the numbers. */
static void (*const fuzz__steps[])(const struct step* step) = {
    fuzz__yield,
    fuzz__new,
    fuzz__delete,
    fuzz__add_socket,
    fuzz__add_listener,
    fuzz__open,
    fuzz__send,
    fuzz__end,
};

static void fuzz__run(const struct step* step) {
  uint32_t count = sizeof fuzz__steps / sizeof fuzz__steps[0];
  uint32_t index = (step->call & STEP_CALL) % count;
  environment_shorten((step->call & STEP_NO_MEMORY) != 0);
  fuzz__steps[index](step);
  environment_shorten(false);
}

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const struct step first = {0};
  struct step step;
  size_t count = size / sizeof step;
  environment_open();
  environment_begin();
  memset(added, 0, sizeof added);
  atomic_store(&added_count, 0);
  handle_count = 0;
  fuzz__new(&first);
  for (size_t i = 0; i < count && i < STEPS_MAX; i++) {
    memcpy(&step, data + i * sizeof step, sizeof step);
    fuzz_note(i, &step);
    fuzz__run(&step);
  }
  for (uint8_t i = 0; i < FUZZ__SETS; i++) fuzz__delete(&(struct step){.a = i});
  while (handle_count != 0) FUZZ_IS(close(handles[--handle_count]), 0);
  environment_end();
  return 0;
}
