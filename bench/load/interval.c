/* SPDX-License-Identifier: MIT */
#include "interval.h"

#include <unistd.h>

#include "clock.h"
#include "options.h"

static bool interval__is_warm(uint64_t ns, uint64_t messages) {
  uint64_t warm_up_ns = options.warm_up_ms * MS;
  if (messages < options.warm_up_messages) return ns >= 10 * warm_up_ns;
  return ns >= warm_up_ns;
}

void interval_begin(struct interval* interval) {
  *interval = (struct interval){.begun_ns = clock_now_ns()};
}

bool interval_goes_on(struct interval* interval, uint64_t messages) {
  uint64_t now = clock_now_ns();
  if (interval->phase == WARM_UP) {
    if (!interval__is_warm(now - interval->begun_ns, messages)) return true;
    interval->phase = COUNTED;
    interval->messages_before = messages;
    interval->load_ns = clock_cpu_ns(getpid());
    interval->cpu_ns = clock_cpu_ns(options_pid());
    interval->start_ns = clock_now_ns();
    return true;
  }
  uint64_t counted = messages - interval->messages_before;
  bool is_enough = options.messages != 0
                       ? counted >= options.messages
                       : now - interval->start_ns >= options.ms * MS;
  if (!is_enough) return true;
  interval->phase = OVER;
  interval->end_ns = now;
  interval->cpu_ns = clock_cpu_ns(options_pid()) - interval->cpu_ns;
  interval->load_ns = clock_cpu_ns(getpid()) - interval->load_ns;
  interval->messages = counted;
  return false;
}
