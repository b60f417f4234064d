/* SPDX-License-Identifier: MIT */
#include "experiment.h"

#include <string.h>

const struct theme themes[] = {
    {"Completion ports", theme_port},
    {"Packets", theme_notify},
    {"Addresses", theme_address},
    {"Accepting", theme_accept},
    {"Accepted sockets", theme_accepted},
    {"Connecting", theme_connect},
    {"Receiving", theme_receive},
    {"Sending", theme_send},
    {"Canceling", theme_cancel},
    {"Closing", theme_close},
    {"Options", theme_option},
    {"Threads and time", theme_thread},
    {NULL, NULL},
};

const struct theme controls[] = {
    {"Controls", theme_control},
    {NULL, NULL},
};

static const struct experiment* experiment__find_in(const struct theme* theme,
                                                    const char* name) {
  for (; theme->title != NULL; theme++)
    for (const struct experiment* experiment = theme->experiments;
         experiment->name != NULL;
         experiment++)
      if (strcmp(experiment->name, name) == 0) return experiment;
  return NULL;
}

const struct experiment* experiment_find(const char* name) {
  const struct experiment* found = experiment__find_in(themes, name);
  return found != NULL ? found : experiment__find_in(controls, name);
}

/* The length of the first answer in a list; `*next_out` is the rest, or
 * NULL. */
static size_t experiment__first(const char* list, const char** next_out) {
  static const char separator[] = " or ";
  const char* end = strstr(list, separator);
  *next_out = end == NULL ? NULL : end + sizeof separator - 1;
  return end == NULL ? strlen(list) : (size_t)(end - list);
}

static bool experiment__has(const char* list,
                            const char* answer,
                            size_t length) {
  while (list != NULL) {
    const char* next;
    size_t size = experiment__first(list, &next);
    if (size == length && strncmp(list, answer, length) == 0) return true;
    list = next;
  }
  return false;
}

bool experiment_agrees(const char* list, const char* answer) {
  return experiment__has(list, answer, strlen(answer));
}

bool experiment_overlaps(const char* list, const char* other) {
  while (other != NULL) {
    const char* next;
    size_t size = experiment__first(other, &next);
    if (experiment__has(list, other, size)) return true;
    other = next;
  }
  return false;
}
