/* SPDX-License-Identifier: MIT */
/*
 * What the tests need from the system besides plain sockets. Only host_linux.c
 * and host_windows.c, which implement it, depend on the system.
 */
#ifndef TESTS_HOST_H
#define TESTS_HOST_H

#include <stdbool.h>
#include <stdint.h>

/* Must be called first. */
void host_start(void);

/* errno, or GetLastError(). */
int32_t host_last_error(void);

/* Whether a plain send() to a peer that has closed ends the process, on systems
 * that can do so. Initially it does not. */
void host_broken_pipe_ends(bool does_end);

/* Milliseconds of a monotonic clock. */
uint64_t host_now_ms(void);
void host_sleep_ms(uint32_t duration_ms);

/* Ends the process with exit code 1 unless it is called again within
 * `seconds`. */
void host_watchdog(uint32_t seconds);

/* Open handles (descriptors) of the process. */
int32_t host_handle_count(void);
/* How many of them the system itself may leave open after a test. */
int32_t host_handle_slack(void);
/* Memory in use by the process, and how much of it the build (not the library)
 * may hold back. */
int64_t host_memory(void);
int64_t host_memory_slack(void);

/* Lets the process open only `count` more handles; -1 removes the limit.
 * Returns false on a system without such a limit. */
bool host_limit_handles(int32_t count);

typedef void host_thread_main(void* argument);
struct host_thread;
struct host_thread* host_thread_start(host_thread_main* run, void* argument);
void host_thread_join(struct host_thread* thread);

/* A child process of this program that inherits handles and does nothing until
 * it is ended. test_main() runs it when it sees HOST_CHILD. */
#define HOST_CHILD "--child"
struct host_child;
struct host_child* host_child_start(void);
void host_child_end(struct host_child* child);

/* True if operations are posted to the kernel; false if it reports
 * readiness. */
bool host_posts_operations(void);

/* A SOCKET or a file descriptor. */
typedef intptr_t host_socket;

/* Not an error: nothing can be transferred now. */
#define HOST_WOULD_BLOCK (-1000)
/* HOST_WOULD_BLOCK or -IOCP_E... of the last call on a socket that failed. */
int32_t host_socket_error(void);
/* A stream socket without WSA_FLAG_OVERLAPPED, or -1 on a system without
 * that. */
host_socket host_socket_open_synchronous(void);

void host_socket_set_blocking(host_socket socket, bool is_blocking);
void host_socket_close(host_socket socket);
/* Asks for no packets after immediate successes, as other libraries do. This
 * cannot be undone. Does nothing on a system without packets. */
void host_socket_skip_packets(host_socket socket);
/* How many hops were left to the next datagram (its TTL, or hop limit of IPv6),
 * for a socket that was asked to show them. */
void host_socket_show_hops(host_socket socket, bool is_ipv6);
int32_t host_socket_receive_hops(host_socket socket);
/* True if the end of the stream that was just received was a reset. */
bool host_socket_was_reset(host_socket socket);
/* A handle that is not a socket, and its close. */
host_socket host_other_open(void);
void host_other_close(host_socket other);

#endif /* TESTS_HOST_H */
