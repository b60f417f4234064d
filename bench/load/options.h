/* SPDX-License-Identifier: MIT */
/* The options of the command line. Each kind of load uses some of them. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdint.h>

struct options {
  uint64_t port;
  uint64_t pid; /* of the server */
  uint64_t connections;
  uint64_t bytes;            /* of a message */
  uint64_t warm_up_ms;       /* not counted, ten times as long if necessary */
  uint64_t warm_up_messages; /* for these */
  uint64_t ms;               /* counted */
  uint64_t rate;             /* messages a second */
  uint64_t seed;             /* of the times of these */
  uint64_t settle_ms;        /* until memory is read */
};

extern struct options options;

/* Reads `--name value` pairs; ends the program when they are wrong. */
void options_parse(int count, char** arguments);

#endif /* OPTIONS_H */
