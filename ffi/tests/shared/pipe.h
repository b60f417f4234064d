/* SPDX-License-Identifier: MIT */
/*
 * Named pipes for the tests: those of the library through the driver, and plain
 * ones, made with the functions of Windows alone, as the other end. Plain calls
 * wait, for at most PIPE_WAIT_MS, while the driver polls.
 */
#ifndef TESTS_PIPE_H
#define TESTS_PIPE_H

#include "drive.h"

/* A name that no other test has. */
struct iocp_path pipe_path(const char* prefix);

/* The result of iocp_listen_path() with the defaults. */
int32_t pipe_try_listen(struct drive* drive, const struct iocp_path* path);
struct drive_socket* pipe_listen(struct drive* drive,
                                 const struct iocp_path* path);
struct drive_socket* pipe_connect(struct drive* drive,
                                  const struct iocp_path* path);
struct drive_socket* pipe_accepted(struct drive_socket* listener);

/* Opens the driver with a listener that keeps `accepts` accepts posted. */
struct drive_socket* pipe_open_listener(struct drive* drive,
                                        struct iocp_path* path_out,
                                        uint32_t accepts);
/* Opens the driver with a connection between two sockets of its port. */
void pipe_open_pair(struct drive* drive,
                    struct drive_socket** client_out,
                    struct drive_socket** server_out);
/* Opens the driver with a client of a plain server. */
struct drive_socket* pipe_open_client(struct drive* drive, void** plain_out);

/* A connection between two sockets of the port. */
void pipe_pair(struct drive* drive,
               struct drive_socket** client_out,
               struct drive_socket** server_out);

/* ---- plain ends; a handle of Windows */

#define PIPE_WAIT_MS 30000

/* Opens a pipe for overlapped calls, and waits while it is busy. */
void* pipe_plain_connect(struct drive* drive, const struct iocp_path* path);
/* Opens it once. Returns NULL and the error. */
void* pipe_plain_try_connect(const struct iocp_path* path,
                             uint32_t* native_out);
/* The only instance of a pipe. */
void* pipe_plain_make(const struct iocp_path* path);
/* The rights of each entry of its DACL. Returns how many entries there are. */
#define PIPE_ENTRIES_MAX 4
uint32_t pipe_plain_rights(const struct iocp_path* path,
                           uint32_t rights_out[PIPE_ENTRIES_MAX]);
/* Waits for its client. */
void pipe_plain_accept(struct drive* drive, void* pipe);

/* Move the pattern `seed`. The first returns the error that ended it, or 0. */
uint32_t pipe_plain_expect(struct drive* drive,
                           void* pipe,
                           uint64_t seed,
                           uint64_t position,
                           uint64_t length);
void pipe_plain_send(struct drive* drive,
                     void* pipe,
                     uint64_t seed,
                     uint64_t position,
                     uint64_t length);
/* A write of no bytes. */
void pipe_plain_send_nothing(struct drive* drive, void* pipe);
/* The error of a read that finds no bytes; fails if there are some. */
uint32_t pipe_plain_end(struct drive* drive, void* pipe);
void pipe_plain_disconnect(void* pipe);
void pipe_plain_close(void* pipe);

#endif /* TESTS_PIPE_H */
