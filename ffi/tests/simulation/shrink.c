/* SPDX-License-Identifier: MIT */
/*
 * As in Hypothesis: nothing is known about the meaning of the draws. Pieces of
 * the tape are removed, set to 0 or lowered, and the change stays if the same
 * rule still fails.
 */
#include "shrink.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runner.h"

/* A schedule that takes longer hangs. */
#define SHRINK__LIMIT_S 8
/* On a real system, a failure may not repeat each time. */
#define SHRINK__FIRST_TRIES 10

static struct {
  struct runner runner;
  struct shrink* shrink;
  uint32_t* candidate;
  double until;
} shrink_state;

static bool shrink__is_over(void) { return runner_now() >= shrink_state.until; }

static size_t shrink__trimmed(const uint32_t* draws, size_t count) {
  /* Past its end a tape is all zeros. */
  while (count > 0 && draws[count - 1] == 0) count--;
  return count;
}

/* Plays the candidate, and adopts it if it breaks the rule. */
static bool shrink__try(size_t count) {
  struct shrink* shrink = shrink_state.shrink;
  struct runner_page* page = shrink_state.runner.page;
  shrink->attempts++;
  runner_play(&shrink_state.runner, shrink_state.candidate, count, false);
  runner_await(&shrink_state.runner, SHRINK__LIMIT_S);
  if (strcmp(page->rule, shrink->rule) != 0) return false;
  memcpy(shrink->message, page->message, sizeof shrink->message);
  /* The draws that were used may be fewer, and have no unused values. */
  const uint32_t* draws = shrink_state.candidate;
  size_t drawn = shrink__trimmed(page->draws.draws, page->draws.count);
  count = shrink__trimmed(draws, count);
  if (drawn <= count) {
    draws = page->draws.draws;
    count = drawn;
  }
  memcpy(shrink->draws, draws, count * sizeof *draws);
  shrink->count = count;
  return true;
}

static bool shrink__remove(size_t from, size_t size) {
  const struct shrink* shrink = shrink_state.shrink;
  uint32_t* candidate = shrink_state.candidate;
  size_t rest = shrink->count - from - size;
  memcpy(candidate, shrink->draws, from * sizeof *candidate);
  memcpy(
      candidate + from, shrink->draws + from + size, rest * sizeof *candidate);
  return shrink__try(from + rest);
}

static bool shrink__zero(size_t from, size_t size) {
  const struct shrink* shrink = shrink_state.shrink;
  uint32_t* candidate = shrink_state.candidate;
  bool is_zero = true;
  for (size_t i = from; i < from + size; i++)
    if (shrink->draws[i] != 0) is_zero = false;
  if (is_zero) return false;
  memcpy(candidate, shrink->draws, shrink->count * sizeof *candidate);
  memset(candidate + from, 0, size * sizeof *candidate);
  return shrink__try(shrink->count);
}

static bool shrink__set(size_t at, uint32_t value) {
  const struct shrink* shrink = shrink_state.shrink;
  uint32_t* candidate = shrink_state.candidate;
  memcpy(candidate, shrink->draws, shrink->count * sizeof *candidate);
  candidate[at] = value;
  return shrink__try(shrink->count);
}

/* From large pieces to small ones, and from the end to the start, since later
 * draws matter to less. Returns true if a change was adopted. */
static bool shrink__pieces(bool (*change)(size_t from, size_t size)) {
  const struct shrink* shrink = shrink_state.shrink;
  bool has_changed = false;
  size_t size = 1;
  while (size * 2 <= shrink->count) size *= 2;
  for (; size != 0; size /= 2) {
    size_t end = shrink->count;
    while (end >= size && !shrink__is_over()) {
      if (change(end - size, size)) has_changed = true;
      end = end - size < shrink->count ? end - size : shrink->count;
    }
  }
  return has_changed;
}

/* Lowers each draw as far as possible. */
static bool shrink__lower(void) {
  const struct shrink* shrink = shrink_state.shrink;
  bool has_changed = false;
  for (size_t i = 0; i < shrink->count && !shrink__is_over(); i++) {
    uint32_t low = 0; /* too low, as far as known */
    while (i < shrink->count && shrink->draws[i] > low + 1 &&
           !shrink__is_over()) {
      uint32_t middle = low + (shrink->draws[i] - low) / 2;
      if (shrink__set(i, middle))
        has_changed = true;
      else
        low = middle;
    }
  }
  return has_changed;
}

static bool shrink__first(void) {
  struct shrink* shrink = shrink_state.shrink;
  for (int i = 0; i < SHRINK__FIRST_TRIES; i++) {
    memcpy(shrink_state.candidate,
           shrink->draws,
           shrink->count * sizeof *shrink->draws);
    if (shrink__try(shrink->count)) return true;
  }
  return false;
}

bool shrink_run(struct shrink* shrink, double seconds) {
  shrink_state.shrink = shrink;
  shrink_state.until = runner_now() + seconds;
  shrink_state.candidate = malloc((shrink->count + 1) * sizeof *shrink->draws);
  if (shrink_state.candidate == NULL) abort();
  runner_open(&shrink_state.runner);
  bool is_found = shrink__first();
  bool has_changed = is_found;
  while (has_changed && !shrink__is_over()) {
    has_changed = shrink__pieces(shrink__remove);
    if (shrink__pieces(shrink__zero)) has_changed = true;
    if (shrink__lower()) has_changed = true;
  }
  runner_close(&shrink_state.runner);
  free(shrink_state.candidate);
  return is_found;
}
