/* SPDX-License-Identifier: MIT */
/*
 * iocp for C programs: add a socket with a callback, which is called when data
 * arrives. The manual is docs/c_callback_api.md.
 *
 *   struct iocp_callbacks* callbacks;
 *   iocp_callbacks_new(0, &callbacks);
 *   iocp_callbacks_add_socket(callbacks, socket, my_state, 4096, my_callback);
 *   ...
 *   iocp_callbacks_delete(callbacks);
 *
 * Rules for every function:
 *
 * - Ownership. The caller owns the socket: it sends with send(), may call
 *   shutdown(), and closes the socket, preferably in its last callback or
 *   later. The library never closes it, and changes neither its options nor its
 *   blocking mode. It only receives, and nothing else may receive on the socket
 *   meanwhile.
 * - Threads. Callbacks run on the completion threads of the library. A socket
 *   stays on one of them, so its callbacks never overlap, and come in order.
 *   Any thread may call the functions here, a callback included.
 * - Last callback. Every socket that was added has exactly one, and has been
 *   removed from the library before it. A socket can be added only once in its
 *   life, because the library does not remove it from its completion port.
 * - Results. >= 0 is a success, < 0 is -IOCP_E...
 */
#ifndef IOCP_CALLBACK_H
#define IOCP_CALLBACK_H

#include <stddef.h>
#include <stdint.h>

#include "iocp.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The types of the system, without its headers. A callback declared with SOCKET
 * and DWORD is compatible with them. */
#if defined(_WIN32)
typedef uintptr_t iocp_os_socket;
typedef unsigned long iocp_byte_count;
#else
typedef int iocp_os_socket;
typedef uint32_t iocp_byte_count;
#endif

/* The completion threads and their sockets. */
struct iocp_callbacks;

/* Event types, and the meaning of the other arguments. */
#define IOCP_CALLBACK_READ 1   /* byte_count bytes at read_buffer */
#define IOCP_CALLBACK_END 2    /* the peer has sent its FIN; last callback */
#define IOCP_CALLBACK_ERROR 3  /* byte_count is an IOCP_E...; last callback */
#define IOCP_CALLBACK_ACCEPT 4 /* read_buffer points to the new socket */
/* byte_count is an IOCP_E...: the system is out of descriptors or memory. It is
 * reported once, and accepting is retried until it succeeds. */
#define IOCP_CALLBACK_ACCEPT_FAILED 5

/* read_buffer is valid, and may be written to, until the callback returns. */
typedef void iocp_callback(iocp_os_socket socket,
                           int event_type,
                           void* read_buffer,
                           iocp_byte_count byte_count,
                           void* user_state);

#define IOCP_CALLBACKS_THREADS_MAX 256

/*
 * Starts `threads` completion threads (0: one for each processor), and writes
 * the pointer for the other functions. Returns 0, -IOCP_EINVAL, -IOCP_ENOMEM or
 * -IOCP_EMFILE. Pairs with iocp_callbacks_delete().
 */
IOCP_API int32_t iocp_callbacks_new(uint32_t threads,
                                    struct iocp_callbacks** callbacks_out);

/*
 * Waits for running callbacks, calls the last callback of every remaining
 * socket (IOCP_CALLBACK_ERROR, IOCP_ECANCELED), ends the threads and frees
 * everything. The sockets stay open. No callback runs after it has returned.
 * Returns 0, or -IOCP_EBUSY when called from a callback.
 */
IOCP_API int32_t iocp_callbacks_delete(struct iocp_callbacks* callbacks);

/*
 * Adds a connected stream socket. `callback` is called with received data, at
 * most `read_buffer_size` bytes at a time (1 or more; IOCP_RECEIVE_MAX is the
 * most). The first callback may run before this returns. Returns 0, or an error
 * with nothing changed and no callback to come: -IOCP_EINVAL, -IOCP_EFAULT,
 * -IOCP_ENOTSOCK, -IOCP_ENOTCONN (not a connected stream), -IOCP_EEXIST (it is
 * or was on a port), -IOCP_ENOTSUP (it was made without WSA_FLAG_OVERLAPPED),
 * -IOCP_ENOMEM, -IOCP_EBADF (a delete is under way).
 */
IOCP_API int32_t iocp_callbacks_add_socket(struct iocp_callbacks* callbacks,
                                           iocp_os_socket socket,
                                           void* user_state,
                                           size_t read_buffer_size,
                                           iocp_callback* callback);

/*
 * Adds a listening stream socket. `callback` is called with
 * IOCP_CALLBACK_ACCEPT for each connection; the new socket is
 * *(iocp_os_socket*)read_buffer. The callback owns it: it is a blocking one,
 * whatever its listener is, is not inherited by child processes, and is on no
 * port yet. Returns as above; -IOCP_EINVAL: the socket does not listen.
 */
IOCP_API int32_t iocp_callbacks_add_listener(struct iocp_callbacks* callbacks,
                                             iocp_os_socket socket,
                                             void* user_state,
                                             iocp_callback* callback);

#ifdef __cplusplus
}
#endif

#endif /* IOCP_CALLBACK_H */
