/* SPDX-License-Identifier: MIT */
/*
 * What a system is asked: one small experiment for each rule of the model of
 * Windows (ffi/tests/model) that a system can answer.
 *
 * An experiment is a function that opens its own sockets at 127.0.0.1, calls
 * answer() once and returns. It runs in a process of its own (child.h), so one
 * that hangs or crashes is a finding and does not end the others.
 */
#ifndef PROBE_EXPERIMENT_H
#define PROBE_EXPERIMENT_H

#include <stdbool.h>
#include <stddef.h>

struct experiment {
  const char* name; /* on the command line; NULL ends a table */
  const char* rule;
  /* The answers of the model, separated by " or ": if the documentation leaves
   * something open, the model has several. */
  const char* model;
  /* The answers of the documentation, or NULL if it has none. */
  const char* documented;
  const char* source; /* the source of the rule */
  void (*run)(void);
};

struct theme {
  const char* title;
  const struct experiment* experiments;
};

extern const struct experiment theme_accept[];
extern const struct experiment theme_accepted[];
extern const struct experiment theme_address[];
extern const struct experiment theme_cancel[];
extern const struct experiment theme_close[];
extern const struct experiment theme_connect[];
extern const struct experiment theme_control[];
extern const struct experiment theme_notify[];
extern const struct experiment theme_option[];
extern const struct experiment theme_port[];
extern const struct experiment theme_receive[];
extern const struct experiment theme_send[];
extern const struct experiment theme_thread[];

/* These end with a title of NULL. `themes` are the rules of the model.
 * `controls` is one theme whose results are known on every system: it shows
 * that the probe notices a difference, a hang and a crash. */
extern const struct theme themes[];
extern const struct theme controls[];

/* By its name, in all themes, or NULL. */
const struct experiment* experiment_find(const char* name);

/* Whether `answer` is one of the answers in `list`. */
bool experiment_agrees(const char* list, const char* answer);

/* Whether two such lists have an answer in common. */
bool experiment_overlaps(const char* list, const char* other);

#endif /* PROBE_EXPERIMENT_H */
