/* SPDX-License-Identifier: MIT */
/* The files of unix sockets on Linux, and plain sockets at them. */
#ifndef TESTS_LOCAL_FILE_H
#define TESTS_LOCAL_FILE_H

#include <sys/stat.h>

#include "drive.h"

/* The path as a string, until the next call. */
const char* local_text(const struct iocp_path* name);

/* The type and the permissions of the file; 0: there is none. */
mode_t local_mode(const struct iocp_path* name);

/* A plain socket that is bound to the name and listens, if it is a stream. */
int local_raw_bound(const struct iocp_path* name, int type, int backlog);

/* A plain connection, or -errno. */
int local_raw_connect(const struct iocp_path* name);

/* Leaves the file of a socket that is closed. */
void local_make_stale(const struct iocp_path* name);

/* The results of a listener and of a connection of the library. */
int32_t local_try_listen(struct drive* drive,
                         const struct iocp_path* name,
                         uint32_t flags,
                         uint32_t mode);
int32_t local_connect_result(struct drive* drive, const struct iocp_path* name);

/* Opens the driver, with a folder for socket files, and closes both. */
struct iocp_path local_open(struct drive* drive);
void local_finish(struct drive* drive);

#endif /* TESTS_LOCAL_FILE_H */
