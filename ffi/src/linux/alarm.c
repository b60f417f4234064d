/* SPDX-License-Identifier: MIT */
#include "alarm.h"

#include <poll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "errors.h"

#define ALARM__NS 1000000000

int32_t alarm_open(struct port* port) {
  int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  if (fd < 0) return errors_fail(port);
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

bool alarm_wait(struct port* port, int fd, uint32_t timeout_us) {
  struct pollfd entries[] = {{.fd = fd, .events = POLLIN},
                             {.fd = port->engine.alarm_fd, .events = POLLIN}};
  /* A wait that is none needs no timer. */
  if (timeout_us == 0) return poll(entries, 1, 0) > 0;
  int64_t timeout_ns = (int64_t)timeout_us * 1000;
  int64_t now_ns = alarm__now_ns();
  int64_t end_ns = now_ns + timeout_ns;
  for (;;) {
    int64_t due_ns = port->engine.alarm_due_ns;
    if (due_ns <= now_ns || due_ns > end_ns) {
      due_ns = end_ns;
      if (!alarm__arm(port, due_ns)) return false;
    }
    if (poll(entries, 2, -1) < 0) return false;
    if (entries[0].revents != 0) return true;
    /* It was armed by an earlier wait, perhaps just before its end. */
    if (end_ns - due_ns <= timeout_ns / 2) return false;
    now_ns = due_ns;
  }
}
