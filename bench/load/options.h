/* SPDX-License-Identifier: MIT */
/* The options of the command line. Each kind of load uses some of them. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdint.h>

#define OPTIONS(X)                                                      \
  X(port)                                                               \
  X(pid) /* of the server */                                            \
  X(connections)                                                        \
  X(bytes)            /* of a message */                                \
  X(warm_up_ms)       /* not counted, ten times as long if necessary */ \
  X(warm_up_messages) /* for these */                                   \
  X(ms)               /* counted */                                     \
  X(rate)             /* messages a second */                           \
  X(settle_ms)        /* until memory is read */

#define OPTIONS__FIELD(name) uint64_t name;
struct options {
  OPTIONS(OPTIONS__FIELD)
};

extern struct options options;

/* Reads `--name value` pairs; ends the program when they are wrong. */
void options_parse(int count, char** arguments);

#endif /* OPTIONS_H */
