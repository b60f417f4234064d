/* SPDX-License-Identifier: MIT */
#include "habits.h"

#include "report.h"
#include "tape.h"
#include "world.h"

struct habits habits;

/* Picks one of a few distinct values, not an average. */
static uint32_t habits__rate(uint32_t low, uint32_t high) {
  switch (tape_choose(4)) {
    case 1:
      return low;
    case 2:
      return high;
    default:
      return 0;
  }
}

static void habits__draw_network(void) {
  static const uint32_t windows[] = {65536, 1, 100, 4096, 16384};
  habits.window = windows[tape_choose(5)];
  habits.immediate = habits__rate(200, 800);
  habits.splits = habits__rate(100, 700);
  habits.short_sends = habits__rate(0, 200);
  habits.stalls = habits__rate(10, 100);
  habits.shuffles = habits__rate(100, 800);
  habits.early_timeouts = habits__rate(0, 300);
  habits.late_cancels = habits__rate(100, 700);
  habits.byte_cancels = habits__rate(100, 700);
  habits.refusals = habits__rate(0, 100);
  habits.vanishings = habits__rate(50, 400);
  habits.losses = habits__rate(20, 300);
  habits.reorders = habits__rate(0, 300);
  habits.send_errors = habits__rate(500, 1000);
}

static void habits__draw_faults(void) {
  if (tape_choose(3) == 0) return;
  habits.memory_faults = habits__rate(10, 200);
  habits.kernel_faults = habits__rate(10, 200);
  habits.late_faults = habits__rate(0, 100);
  habits.silences = habits__rate(100, 700);
  habits.pool_faults = habits__rate(100, 400);
  habits.handle_faults = habits__rate(10, 200);
  habits.foreign_packets = habits__rate(5, 50);
  habits.lookups = habits__rate(50, 500);
}

static void habits__draw_version(void) {
  static const uint32_t builds[] = {
      26100, BUILD_1709, BUILD_1703, BUILD_1607, BUILD_8_1};
  habits.build = builds[tape_choose(5)];
  habits.processors = 1 + tape_choose(3);
  habits.ports = tape_chance(100) ? 1 + tape_choose(6) : 0;
  habits.exclusion = (enum habit_exclusion)tape_choose(3);
  habits.lingers_early = tape_chance(500);
}

void habits_draw(void) {
  habits = (struct habits){.starts = true, .has_ntdll = true};
  habits.steps_max = tape_choose(4);
  habits.preempts = habits__rate(20, 200);
  habits.clock_ms = tape_chance(300) ? 16 : 1;
  habits.reuse = (enum habit_reuse)tape_choose(3);
  habits__draw_network();
  habits__draw_faults();
  habits__draw_version();
  habits.children = tape_chance(100) ? 20 : 0;
  habits.unknown_errors = tape_chance(20) ? 200 : 0;
  habits.strange_errors = tape_chance(60) ? 600 : 0;
  habits.hijacks = tape_chance(100) ? 500 : 0;
  habits.is_layered = tape_chance(100);
  habits.refuses_modes = tape_chance(100);
  habits.hides_modes = tape_chance(100);
  habits.leaves_pending = tape_chance(500);
  habits.detaches_ports = tape_chance(500);
  habits.has_ntdll = !tape_chance(20);
  habits.is_wine = habits.has_ntdll && tape_chance(200);
  habits.is_client = habits.is_wine || tape_chance(300);
  habits.lacks_tcp_info = tape_chance(200);
  habits.counts_resent = tape_choose(2) == 0;
  habits.lacks_extensions = tape_chance(10);
  habits.lacks_sockaddrs = tape_chance(20);
  habits.lacks_udp_reports = tape_chance(100);
  habits.starts = !tape_chance(5);
  habits.has_broken =
      habits.lacks_extensions || habits.lacks_sockaddrs || !habits.starts;
  TRACE("the system: build %u, window %u, immediate %u, steps %u%s%s%s%s",
        habits.build,
        habits.window,
        habits.immediate,
        habits.steps_max,
        habits.is_layered ? ", layered" : "",
        habits.refuses_modes ? ", refuses modes" : "",
        habits.detaches_ports ? ", detaches ports" : "",
        habits.is_wine ? ", Wine" : "");
}

void world_lack(enum world_shortage what, uint32_t per_mille) {
  uint32_t* const rates[] = {&habits.handle_faults,
                             &habits.refused_transfers,
                             &habits.silences,
                             &habits.late_faults,
                             &habits.kernel_faults,
                             &habits.memory_faults};
  TRACE("the system lacks %u: %u", (unsigned)what, per_mille);
  *rates[what] = per_mille == 0 ? 0 : HABITS_FORCED + per_mille;
}

bool habits_fault(uint32_t per_mille) {
  if (per_mille >= HABITS_FORCED + WORLD_ALWAYS) return true;
  if (per_mille > HABITS_FORCED) return tape_chance(per_mille - HABITS_FORCED);
  return !habits.is_calm && per_mille != 0 && tape_chance(per_mille);
}

bool habits_break(uint32_t per_mille) {
  if (!habits_fault(per_mille)) return false;
  habits.has_broken = true;
  return true;
}
