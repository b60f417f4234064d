/* SPDX-License-Identifier: MIT */
#ifndef FAIL_H
#define FAIL_H

#include <stdio.h>
#include <stdlib.h>

/* Ends the program with a message, formatted as by printf(). */
#define fail(...) (fprintf(stderr, "load: " __VA_ARGS__), exit(1))

#endif /* FAIL_H */
