/* SPDX-License-Identifier: MIT */
#include "environment.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"

#define ENVIRONMENT__DESCRIPTORS 512
#define ENVIRONMENT__NS 1000000000
#define ENVIRONMENT__START_NS (1000 * (int64_t)ENVIRONMENT__NS)

static _Atomic(int64_t) now_ns;
static _Atomic(int64_t) mapped_bytes;
static int descriptors_before;
static _Atomic(int64_t) block_count;
static _Atomic(bool) is_short;
static _Atomic(bool) was_short;

/* ---- what the library calls instead of the system; see targets.js */

int fuzz_clock_gettime(clockid_t clock, struct timespec* now);
int fuzz_timerfd_settime(int fd,
                         int flags,
                         const struct itimerspec* due,
                         struct itimerspec* before);
void* fuzz_mmap(
    void* at, size_t size, int protection, int flags, int fd, off_t offset);
int fuzz_munmap(void* memory, size_t size);
void* fuzz_malloc(size_t size);
void fuzz_free(void* memory);

int fuzz_clock_gettime(clockid_t clock, struct timespec* now) {
  int64_t ns = atomic_load(&now_ns);
  (void)clock;
  now->tv_sec = (time_t)(ns / ENVIRONMENT__NS);
  now->tv_nsec = (long)(ns % ENVIRONMENT__NS);
  return 0;
}

/* The kernel knows nothing of that clock: the timer is due at once, and the
 * clock is put forward to its time. */
int fuzz_timerfd_settime(int fd,
                         int flags,
                         const struct itimerspec* due,
                         struct itimerspec* before) {
  const struct itimerspec soon = {.it_value.tv_nsec = 1};
  FUZZ_IS(flags, TFD_TIMER_ABSTIME);
  int64_t due_ns =
      due->it_value.tv_sec * ENVIRONMENT__NS + due->it_value.tv_nsec;
  int64_t ns = atomic_load(&now_ns);
  while (ns < due_ns && !atomic_compare_exchange_weak(&now_ns, &ns, due_ns)) {
  }
  return timerfd_settime(fd, 0, &soon, before);
}

/* Returns true if an allocation must fail. */
static bool environment__refuses(void) {
  if (!atomic_load(&is_short)) return false;
  atomic_store(&was_short, true);
  errno = ENOMEM;
  return true;
}

void* fuzz_mmap(
    void* at, size_t size, int protection, int flags, int fd, off_t offset) {
  if (environment__refuses()) return MAP_FAILED;
  void* memory = mmap(at, size, protection, flags, fd, offset);
  if (memory != MAP_FAILED) atomic_fetch_add(&mapped_bytes, (int64_t)size);
  return memory;
}

int fuzz_munmap(void* memory, size_t size) {
  atomic_fetch_sub(&mapped_bytes, (int64_t)size);
  return munmap(memory, size);
}

void* fuzz_malloc(size_t size) {
  if (environment__refuses()) return NULL;
  atomic_fetch_add(&block_count, 1);
  return malloc(size);
}

void fuzz_free(void* memory) {
  if (memory != NULL) atomic_fetch_sub(&block_count, 1);
  free(memory);
}

void environment_shorten(bool how) {
  atomic_store(&is_short, how);
  if (how) atomic_store(&was_short, false);
}

bool environment_was_short(void) { return atomic_load(&was_short); }

void environment_pass(uint32_t ms) {
  atomic_fetch_add(&now_ns, (int64_t)ms * 1000000);
}

void environment_close_off(bool is_closed) {
  struct rlimit limit;
  FUZZ_IS(getrlimit(RLIMIT_NOFILE, &limit), 0);
  /* Open descriptors stay. poll(2) accepts no more entries than this. */
  limit.rlim_cur = is_closed ? 3 : limit.rlim_max;
  if (limit.rlim_cur > ENVIRONMENT__DESCRIPTORS)
    limit.rlim_cur = ENVIRONMENT__DESCRIPTORS;
  FUZZ_IS(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* ---- a private network */

static void environment__set(const char* name, const char* value) {
  char path[100];
  snprintf(path, sizeof path, "/proc/sys/net/ipv4/%s", name);
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return;
  /* Without it, inputs that fill a connection are rarer, nothing more. */
  if (write(fd, value, strlen(value)) < 0) perror(path);
  close(fd);
}

/* Without this, which needs root, nothing runs: the addresses of an input may
 * be those of other machines. */
static void environment__isolate(void) {
  struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP};
  FUZZ_IS(unshare(CLONE_NEWNET), 0);
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  FUZZ_CHECK(fd >= 0);
  FUZZ_IS(ioctl(fd, SIOCSIFFLAGS, &request), 0);
  close(fd);
  /* With small buffers a connection is soon full. */
  environment__set("tcp_wmem", "4096 8192 8192");
  environment__set("tcp_rmem", "4096 8192 8192");
  /* Otherwise thousands of inputs per second would use up all ports. */
  environment__set("tcp_max_tw_buckets", "2048");
  environment__set("ip_local_port_range", "2048 65000");
}

void environment_open(void) {
  static bool is_open;
  if (is_open) return;
  is_open = true;
  signal(SIGPIPE, SIG_IGN);
  environment__isolate();
}

/* ---- leaks */

static int environment__descriptors(void) {
  static struct pollfd entries[ENVIRONMENT__DESCRIPTORS];
  int count = 0;
  for (int fd = 0; fd < ENVIRONMENT__DESCRIPTORS; fd++)
    entries[fd] = (struct pollfd){.fd = fd};
  /* One call checks all of them. */
  FUZZ_CHECK(poll(entries, ENVIRONMENT__DESCRIPTORS, 0) >= 0);
  for (int fd = 0; fd < ENVIRONMENT__DESCRIPTORS; fd++)
    count += (entries[fd].revents & POLLNVAL) == 0;
  return count;
}

void environment_begin(void) {
  atomic_store(&now_ns, ENVIRONMENT__START_NS);
  atomic_store(&was_short, false);
  descriptors_before = environment__descriptors();
}

void environment_end(void) {
  FUZZ_IS(atomic_load(&block_count), 0);
  FUZZ_IS(atomic_load(&mapped_bytes), 0);
  FUZZ_IS(environment__descriptors(), descriptors_before);
}
