/* SPDX-License-Identifier: MIT */
/*
 * Text without a C runtime, which the pinned compiler would need minutes to
 * build: ntdll.dll has the necessary functions.
 */
#ifndef PROBE_PRINT_H
#define PROBE_PRINT_H

#include <stdarg.h>
#include <stddef.h>
#include <winsock2.h>

/* Writes to `text`, which is always terminated; the rest is cut off. */
__attribute__((format(printf, 3, 4))) void print_into(char* text,
                                                      size_t size,
                                                      const char* format,
                                                      ...);
void print_list_into(char* text,
                     size_t size,
                     const char* format,
                     va_list arguments);

/* Writes to an open file or pipe. Lines of up to 2 KiB. */
__attribute__((format(printf, 2, 3))) void print(HANDLE file,
                                                 const char* format,
                                                 ...);

#endif /* PROBE_PRINT_H */
