/* SPDX-License-Identifier: MIT */
/*
 * Local sockets for the tests: names that nothing else uses, and plain unix
 * sockets as peers.
 */
#ifndef TESTS_LOCAL_H
#define TESTS_LOCAL_H

#include "drive.h"
#include "host.h"
#include "iocp.h"

/* True if the system has sockets of a family, IOCP_UNIX or IOCP_PIPE. */
bool local_has(uint16_t family);

/* A name that is not in use; that of a unix socket is a path in a folder of
 * this process, which must exist: see local_folder_make(). */
struct iocp_path local_name(uint16_t family);

/* A name with these bytes. */
struct iocp_path local_path(uint16_t family, const char* text);

/* The folder of this process for its socket files. It must be empty when it is
 * removed, which shows that no file was left behind. */
void local_folder_make(void);
void local_folder_remove(void);
const char* local_folder(void);

/* The number of this process, and of its user where the system has one. */
uint32_t local_process(void);
uint32_t local_user(void);

/* Runs a case for each family that the system has, with a folder for its files.
 */
void local_each_family(void (*run)(struct drive* drive, uint16_t family));

/* A listener of the library; it must succeed. */
struct drive_socket* local_listen(struct drive* drive,
                                  const struct iocp_path* name);

/* A connection of the library; the call must succeed. */
struct drive_socket* local_connect(struct drive* drive,
                                   const struct iocp_path* name);

/* A connection between two sockets of the port. */
void local_pair(struct drive* drive,
                uint16_t family,
                struct drive_socket** client_out,
                struct drive_socket** server_out);

#endif /* TESTS_LOCAL_H */
