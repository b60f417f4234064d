/* SPDX-License-Identifier: MIT */
/* Security descriptors: who may do what with a pipe. */
#ifndef MODEL_SECURITY_H
#define MODEL_SECURITY_H

#include <stdbool.h>
#include <windows.h>

/* Access rights of a pipe ("Named Pipe Security and Access Rights").
 * FILE_APPEND_DATA has the number of FILE_CREATE_PIPE_INSTANCE. */
#define SECURITY_MAY_READ 0x1u
#define SECURITY_MAY_WRITE 0x2u
#define SECURITY_MAY_CREATE_INSTANCE 0x4u
/* DELETE, WRITE_DAC and WRITE_OWNER. */
#define SECURITY_MAY_CHANGE 0xD0000u

struct security {
  DWORD user;   /* what the current user may do */
  DWORD others; /* what any other local user may do */
};

/* A violation if the descriptor is no memory of the program, was freed, or
 * lets everyone do everything. */
struct security security_of(const SECURITY_ATTRIBUTES* attributes);

/* A function of advapi32.dll. */
FARPROC security_function(const char* name);

#endif /* MODEL_SECURITY_H */
