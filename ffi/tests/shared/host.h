/* SPDX-License-Identifier: MIT */
/*
 * What the tests need of the system besides plain sockets. host_linux.c and
 * host_windows.c implement it; nothing else in the tests asks which system it
 * runs on.
 */
#ifndef TESTS_HOST_H
#define TESTS_HOST_H

#include <stdbool.h>
#include <stdint.h>

/* Once, before anything else. */
void host_start(void);

/* errno, or what GetLastError() says. */
int32_t host_last_error(void);

/* Whether a plain send() to a peer that has gone ends the process, where a
 * system does such a thing. At first it does not. */
void host_broken_pipe_ends(bool does_end);

/* Milliseconds of a clock that never goes back. */
uint64_t host_now_ms(void);
void host_sleep_ms(uint32_t duration_ms);

/* Ends the process with 1 when `seconds` pass before the next call. */
void host_watchdog(uint32_t seconds);

/* Open handles (descriptors) of the process. */
int32_t host_handle_count(void);
/* How many of them may stay open after a test for the system's own reasons. */
int32_t host_handle_slack(void);
/* Bytes of the process in memory, and how many of them the build (not the
 * library) may have kept. */
int64_t host_memory(void);
int64_t host_memory_slack(void);

/* Lets the process open only `count` more handles, or as many as it could at
 * first (-1). False where the system has no such limit. */
bool host_limit_handles(int32_t count);

typedef void host_thread_main(void* argument);
struct host_thread;
struct host_thread* host_thread_start(host_thread_main* run, void* argument);
void host_thread_join(struct host_thread* thread);

/* A child process of this program that inherits what can be inherited and does
 * nothing until it is ended. test_main() runs it when it sees HOST_CHILD. */
#define HOST_CHILD "--child"
struct host_child;
struct host_child* host_child_start(void);
void host_child_end(struct host_child* child);

/* True where the kernel is given operations, and not asked for readiness. */
bool host_posts_operations(void);

/* A SOCKET or a file descriptor. */
typedef intptr_t host_socket;

/* Nothing can move now, and nothing is wrong. */
#define HOST_WOULD_BLOCK (-1000)
/* The last failure of a call on a socket: that, or -IOCP_E... */
int32_t host_socket_error(void);
/* A stream socket for synchronous operations only (no WSA_FLAG_OVERLAPPED), or
 * -1 where there is no such thing. */
host_socket host_socket_open_synchronous(void);

void host_socket_set_blocking(host_socket socket, bool is_blocking);
void host_socket_close(host_socket socket);
/* Asks, where there is such a thing, for no packet after a success at once, as
 * other libraries do. It cannot be undone. */
void host_socket_skip_packets(host_socket socket);
/* True when a reset stands behind the end that was just received. */
bool host_socket_was_reset(host_socket socket);
/* A handle that is no socket, and its close. */
host_socket host_other_open(void);
void host_other_close(host_socket other);

#endif /* TESTS_HOST_H */
