/* SPDX-License-Identifier: MIT */
#ifndef FAIL_H
#define FAIL_H

/* Says why there is no result, and ends the program. */
_Noreturn void fail(const char* format, ...)
    __attribute__((format(printf, 1, 2)));

#endif /* FAIL_H */
