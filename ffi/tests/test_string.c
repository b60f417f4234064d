/* SPDX-License-Identifier: MIT */
/*
 * The library for Windows has memory functions of its own in place of a C
 * runtime's. They are compared with those of the C runtime: all short lengths
 * at all alignments, and longer ones at random, with bytes around them that
 * must not change.
 */
#include <string.h>

#include "shared/check.h"
#include "shared/pattern.h"
#include "shared/test.h"

#define memcpy string_memcpy
#define memmove string_memmove
#define memset string_memset
#define memcmp string_memcmp
#include "../src/windows/string.c"
#undef memcpy
#undef memmove
#undef memset
#undef memcmp

#define SIZE 400
#define SHORT_MAX 34
#define ROUNDS 5000

static uint8_t string__source[SIZE];
static uint8_t string__wanted[SIZE];
static uint8_t string__got[SIZE];
static uint64_t string__random = 1;

static void string__fill(void) {
  for (size_t i = 0; i < SIZE; i++) {
    string__source[i] = (uint8_t)pattern_random(&string__random);
    string__wanted[i] = (uint8_t)pattern_random(&string__random);
    string__got[i] = string__wanted[i];
  }
}

static void string__check(void) {
  for (size_t i = 0; i < SIZE; i++) check_is(string__got[i], string__wanted[i]);
}

static int string__sign(int number) { return (number > 0) - (number < 0); }

static void string__copy(size_t to, size_t from, size_t size) {
  uint8_t* out = string__got + to;
  string__fill();
  memcpy(string__wanted + to, string__source + from, size);
  check(string_memcpy(out, string__source + from, size) == out);
  string__check();
  /* Within one buffer, forwards, backwards, and in place. */
  memmove(string__wanted + to, string__wanted + from, size);
  check(string_memmove(out, string__got + from, size) == out);
  string__check();
}

static void string__set(size_t to, size_t size) {
  int value = (int)pattern_random(&string__random);
  string__fill();
  memset(string__wanted + to, value, size);
  check(string_memset(string__got + to, value, size) == string__got + to);
  string__check();
}

static void string__compare(size_t at, size_t other, size_t size) {
  string__fill();
  memcpy(string__got + at, string__source + other, size);
  check(string_memcmp(string__got + at, string__source + other, size) == 0);
  if (size == 0) return;
  string__got[at + pattern_random(&string__random) % size] ^=
      (uint8_t)(1 + pattern_random(&string__random) % 255);
  check_is(
      string__sign(
          string_memcmp(string__got + at, string__source + other, size)),
      string__sign(memcmp(string__got + at, string__source + other, size)));
}

static void string__all(size_t to, size_t from, size_t size) {
  string__copy(to, from, size);
  string__set(to, size);
  string__compare(to, from, size);
}

static void short_lengths_at_all_alignments(void) {
  for (size_t size = 0; size <= SHORT_MAX; size++)
    for (size_t to = 64; to < 72; to++)
      for (size_t from = 60; from < 76; from++) string__all(to, from, size);
}

static void long_lengths_at_random(void) {
  for (int i = 0; i < ROUNDS; i++) {
    size_t to = pattern_random(&string__random) % (SIZE / 2);
    size_t from = pattern_random(&string__random) % (SIZE / 2);
    string__all(to, from, pattern_random(&string__random) % (SIZE / 2));
  }
}

TEST_MAIN(TEST_CASE(short_lengths_at_all_alignments),
          TEST_CASE(long_lengths_at_random))
