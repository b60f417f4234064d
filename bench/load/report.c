/* SPDX-License-Identifier: MIT */
#include "report.h"

#include <stdio.h>

#include "clock.h"
#include "options.h"

static const char* separator = "";

static void report__name(const char* name) {
  printf("%s\"%s\":", separator, name);
  separator = ",";
}

void report_begin(void) { printf("{"); }

void report_number(const char* name, double value) {
  report__name(name);
  printf("%.9g", value);
}

void report_latency(const char* name, const struct histogram* histogram) {
  static const struct {
    const char* name;
    double share;
  } quantiles[] = {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p999", 0.999}};
  report__name(name);
  printf("{\"count\":%llu", (unsigned long long)histogram->count);
  for (size_t i = 0; i < sizeof quantiles / sizeof *quantiles; i++)
    printf(",\"%s\":%.1f",
           quantiles[i].name,
           (double)histogram_quantile(histogram, quantiles[i].share) / 1000);
  printf(",\"max\":%.1f}", (double)histogram->max / 1000);
}

void report_memory(const char* name, struct memory memory) {
  report__name(name);
  printf("{\"resident\":%llu,\"anonymous\":%llu,\"peak\":%llu}",
         (unsigned long long)memory.resident,
         (unsigned long long)memory.anonymous,
         (unsigned long long)memory.peak);
}

void report_interval(const struct interval* interval) {
  report_number("messages", (double)interval->messages);
  report_number("seconds",
                (double)(interval->end_ns - interval->start_ns) / NS);
  report_number("loadCpuSeconds", (double)interval->load_ns / NS);
  if (options.pid == 0) return;
  report_number("serverCpuSeconds", (double)interval->cpu_ns / NS);
  report_memory("memoryKiB", memory_of(options_pid()));
}

void report_end(void) { printf("}\n"); }
