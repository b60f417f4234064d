/* SPDX-License-Identifier: MIT */
/* The program that uses the library, and the sockets that it opens itself. */
#ifndef MODEL_PROGRAM_H
#define MODEL_PROGRAM_H

#include <stdint.h>
#include <windows.h>

/* The id of its process. */
#define PROGRAM_ID 4242u

void program_open(void);

/* The name that the system reports for a pipe of the program, instead of the
 * one by which the schedule knows it; NULL: it has none (number 0). A name is
 * "an opaque sequence of WCHARs" ("Naming Files, Paths, and Namespaces"), so
 * that it need not be UTF-16, and a pipe may have no name. */
const WCHAR* program_odd_name(uint32_t number);

#endif /* MODEL_PROGRAM_H */
