/* SPDX-License-Identifier: MIT */
#include "alarm.h"

#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "errors.h"

#define ALARM__NS 1000000000

int32_t alarm_open(struct port* port) {
  int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  if (fd < 0) return errors_fail(port);
  /* Edge triggered, since nothing reads it. */
  struct epoll_event event = {.events = EPOLLIN | EPOLLET,
                              .data.u64 = ALARM_EVENT};
  if (epoll_ctl(port->engine.epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0) {
    int32_t result = errors_fail(port);
    close(fd);
    return result;
  }
  port->engine.alarm_fd = fd;
  port->engine.alarm_due_ns = 0;
  return 0;
}

void alarm_close(struct port* port) { close(port->engine.alarm_fd); }

static int64_t alarm__now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * ALARM__NS + now.tv_nsec;
}

/* Arming it anew takes back that it has expired. */
static bool alarm__arm(struct port* port, int64_t due_ns) {
  struct itimerspec due = {.it_value = {.tv_sec = due_ns / ALARM__NS,
                                        .tv_nsec = due_ns % ALARM__NS}};
  port->engine.alarm_due_ns = due_ns;
  return timerfd_settime(
             port->engine.alarm_fd, TFD_TIMER_ABSTIME, &due, NULL) == 0;
}

bool alarm_wait(struct port* port,
                bool (*wait)(struct port* port),
                uint32_t timeout_us) {
  int64_t timeout_ns = (int64_t)timeout_us * 1000;
  int64_t now_ns = alarm__now_ns();
  int64_t end_ns = now_ns + timeout_ns;
  for (;;) {
    int64_t due_ns = port->engine.alarm_due_ns;
    if (due_ns <= now_ns || due_ns > end_ns) {
      due_ns = end_ns;
      if (!alarm__arm(port, due_ns)) return false;
    }
    if (wait(port)) return true;
    now_ns = alarm__now_ns();
    /* Otherwise something else has come, which is nothing to deliver. If the
     * alarm was armed by an earlier wait, it may come just after the begin. */
    if (now_ns >= due_ns && end_ns - due_ns <= timeout_ns / 2) return false;
  }
}
