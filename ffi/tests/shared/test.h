/* SPDX-License-Identifier: MIT */
/*
 * Runs the cases of a test program one after the other (or those that its
 * arguments list), each under a watchdog, and checks after each that no handle
 * was leaked. Exit code 0: all passed; 1: one failed; 77: all were skipped.
 */
#ifndef TESTS_TEST_H
#define TESTS_TEST_H

#include <stddef.h>

struct test_case {
  const char* name;
  void (*run)(void);
};

#define TEST_CASE(name) {#name, name}

#define TEST_MAIN(...)                                                   \
  int main(int argc, char** argv) {                                      \
    static const struct test_case cases[] = {__VA_ARGS__};               \
    return test_main(cases, sizeof cases / sizeof cases[0], argc, argv); \
  }

int test_main(const struct test_case* cases,
              size_t count,
              int argc,
              char** argv);

/* Skips the running case, which must return after this call. */
void test_skip(const char* reason);

#endif /* TESTS_TEST_H */
