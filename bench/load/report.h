/* SPDX-License-Identifier: MIT */
/* The result: one JSON object on a line of standard output. */
#ifndef REPORT_H
#define REPORT_H

#include "histogram.h"
#include "interval.h"
#include "memory.h"

void report_begin(void);
void report_number(const char* name, double value);
/* In microseconds: p50, p90, p99, p999, max and how many there were. */
void report_latency(const char* name, const struct histogram* histogram);
void report_memory(const char* name, struct memory memory);
/* Messages, seconds, and the server's CPU time and memory. */
void report_interval(const struct interval* interval);
void report_end(void);

#endif /* REPORT_H */
