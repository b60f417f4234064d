/* SPDX-License-Identifier: MIT */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdint.h>
#include <sys/types.h>

/* What all kinds of load are told; each uses what concerns it. */
struct options {
  uint64_t port;
  uint64_t pid; /* of the server; 0: its CPU time and memory are not known */
  uint64_t connections;
  uint64_t bytes; /* of a message */
  uint64_t in_flight;
  uint64_t warm_up_ms;       /* not counted, and at least so many */
  uint64_t warm_up_messages; /* messages, if they come in ten times that */
  uint64_t ms;               /* counted */
  uint64_t messages;         /* counted, instead of `ms` */
  uint64_t rate;             /* messages a second, at random moments, or else */
  uint64_t gap_min_us;       /* a message after so long, evenly spread */
  uint64_t gap_max_us;
  uint64_t settle_ms; /* until memory is read */
  uint64_t seed;
  char** command; /* a program and its arguments, NULL at the end: after "--" */
};

extern struct options options;

/* Reads them from `--name value`; ends the program when they are wrong. */
void options_parse(int count, char** arguments);

pid_t options_pid(void);

#endif /* OPTIONS_H */
