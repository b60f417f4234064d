/* SPDX-License-Identifier: MIT */
#if !defined(_WIN32)
#include "host.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "iocp.h"

static struct rlimit host__limit;

void host_start(void) {
  /* The plain sockets of the tests may write to a peer that has closed. */
  signal(SIGPIPE, SIG_IGN);
  check(getrlimit(RLIMIT_NOFILE, &host__limit) == 0);
}

void host_broken_pipe_ends(bool does_end) {
  signal(SIGPIPE, does_end ? SIG_DFL : SIG_IGN);
}

int32_t host_last_error(void) { return errno; }

uint64_t host_now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void host_sleep_ms(uint32_t duration_ms) {
  struct timespec left = {.tv_sec = duration_ms / 1000,
                          .tv_nsec = (long)(duration_ms % 1000) * 1000000};
  while (nanosleep(&left, &left) != 0 && errno == EINTR) continue;
}

static void host__expired(int number) {
  static const char text[] = "the watchdog ended the test: it hangs\n";
  (void)number;
  /* Only calls that are safe in a signal handler. */
  if (write(2, text, sizeof text - 1) < 0) _exit(2);
  _exit(1);
}

void host_watchdog(uint32_t seconds) {
  signal(SIGALRM, host__expired);
  alarm(seconds);
}

int32_t host_handle_count(void) {
  int32_t count = 0;
  DIR* folder = opendir("/proc/self/fd");
  check(folder != NULL);
  while (readdir(folder) != NULL) count++;
  closedir(folder);
  return count - 3; /* ".", ".." and the folder's own descriptor */
}

int32_t host_handle_slack(void) { return 0; }

int64_t host_memory(void) {
  long long total, resident;
  FILE* file = fopen("/proc/self/statm", "r");
  check(file != NULL);
  check(fscanf(file, "%lld %lld", &total, &resident) == 2);
  fclose(file);
  return (int64_t)resident * sysconf(_SC_PAGESIZE);
}

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HOST__SANITIZED
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HOST__SANITIZED
#endif

int64_t host_memory_slack(void) {
#if defined(HOST__SANITIZED)
  /* Freed memory stays in quarantine, and the sanitizer finds leaks itself. */
  return 1 << 30;
#else
  return 0;
#endif
}

bool host_limit_handles(int32_t count) {
  struct rlimit limit = host__limit;
  check(setrlimit(RLIMIT_NOFILE, &limit) == 0);
  if (count >= 0) {
    /* The lowest free descriptor is given out next, so the limit is counted
     * from there, as long as no lower number is free. */
    int next = dup(2);
    check(next >= 0);
    close(next);
    for (int fd = next; count > 0; fd++)
      if (fcntl(fd, F_GETFD) < 0) {
        count--;
        next = fd + 1;
      }
    limit.rlim_cur = (rlim_t)next;
  }
  check(setrlimit(RLIMIT_NOFILE, &limit) == 0);
  return true;
}

struct host_thread {
  pthread_t thread;
  host_thread_main* run;
  void* argument;
};

static void* host__thread_main(void* argument) {
  struct host_thread* thread = argument;
  thread->run(thread->argument);
  return NULL;
}

struct host_thread* host_thread_start(host_thread_main* run, void* argument) {
  struct host_thread* thread = malloc(sizeof *thread);
  check(thread != NULL);
  thread->run = run;
  thread->argument = argument;
  check_is(pthread_create(&thread->thread, NULL, host__thread_main, thread), 0);
  return thread;
}

void host_thread_join(struct host_thread* thread) {
  check_is(pthread_join(thread->thread, NULL), 0);
  free(thread);
}

struct host_child {
  pid_t process;
};

struct host_child* host_child_start(void) {
  struct host_child* child = malloc(sizeof *child);
  check(child != NULL);
  /* After fork() the child has the inherited descriptors. The others are closed
   * when it executes the program, and then its end of the pipe closes. */
  int ends[2];
  char byte;
  check(pipe2(ends, O_CLOEXEC) == 0);
  child->process = fork();
  check(child->process >= 0);
  if (child->process == 0) {
    execl("/proc/self/exe", "child", HOST_CHILD, (char*)NULL);
    _exit(1);
  }
  close(ends[1]);
  check_is(read(ends[0], &byte, 1), 0);
  close(ends[0]);
  return child;
}

void host_child_end(struct host_child* child) {
  int status;
  check(kill(child->process, SIGKILL) == 0);
  check(waitpid(child->process, &status, 0) == child->process);
  /* If it has ended before, it did not hold the descriptors. */
  check(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  free(child);
}

int32_t host_socket_error(void) {
  /* The error codes of the library are those of Linux. */
  if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINPROGRESS)
    return HOST_WOULD_BLOCK;
  return -errno;
}

void host_socket_show_hops(host_socket socket, bool is_ipv6) {
  int one = 1;
  check_is(setsockopt((int)socket,
                      is_ipv6 ? IPPROTO_IPV6 : IPPROTO_IP,
                      is_ipv6 ? IPV6_RECVHOPLIMIT : IP_RECVTTL,
                      &one,
                      sizeof one),
           0);
}

int32_t host_socket_receive_hops(host_socket socket) {
  uint8_t bytes[16], control[64];
  int32_t hops;
  struct iovec buffer = {.iov_base = bytes, .iov_len = sizeof bytes};
  struct msghdr message = {.msg_iov = &buffer,
                           .msg_iovlen = 1,
                           .msg_control = control,
                           .msg_controllen = sizeof control};
  check(recvmsg((int)socket, &message, 0) >= 0);
  struct cmsghdr* header = CMSG_FIRSTHDR(&message);
  check(header != NULL && header->cmsg_len == CMSG_LEN(sizeof hops));
  memcpy(&hops, CMSG_DATA(header), sizeof hops);
  return hops;
}

bool host_socket_was_reset(host_socket socket) {
  (void)socket;
  return false;
}

host_socket host_socket_open_synchronous(void) { return -1; }

void host_socket_set_blocking(host_socket socket, bool is_blocking) {
  int flags = fcntl((int)socket, F_GETFL);
  check(flags >= 0);
  flags = is_blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK;
  check(fcntl((int)socket, F_SETFL, flags) == 0);
}

void host_socket_skip_packets(host_socket socket) { (void)socket; }

void host_socket_close(host_socket socket) { check_is(close((int)socket), 0); }

host_socket host_other_open(void) { return open("/dev/null", O_RDWR); }

void host_other_close(host_socket other) { check_is(close((int)other), 0); }

#else
typedef int host_linux_is_not_compiled;
#endif

bool host_posts_operations(void) { return false; }
