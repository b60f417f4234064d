/* SPDX-License-Identifier: MIT */
/*
 * iocp for C programs: hand over a socket and a callback, and be called when
 * bytes have come. docs/c_callback_api.md is the manual.
 *
 *   struct iocp_callbacks* callbacks;
 *   iocp_callbacks_new(0, &callbacks);
 *   iocp_callbacks_add_socket(callbacks, socket, my_state, 4096, my_callback);
 *   ...
 *   iocp_callbacks_delete(callbacks);
 *
 * Rules that hold for every function:
 *
 * - Ownership: a socket stays its user's. He sends on it with send(), may shut
 *   it down, and closes it himself, at best in its last call or after it. The
 *   library never closes it and leaves its options and its blocking mode alone;
 *   it only receives, and meanwhile nobody else may.
 * - Threads: callbacks run on the library's completion threads. A socket stays
 *   on one of them, so its callbacks never overlap and come in order. The
 *   functions here may be called from any thread, and from a callback too.
 * - Last call: each socket that was added has exactly one, and the library has
 *   forgotten it by then. The kernel takes a socket into a completion port once
 *   in its life, so it cannot be added again.
 * - Return: >= 0 is a result, < 0 is -IOCP_E...
 */
#ifndef IOCP_CALLBACK_H
#define IOCP_CALLBACK_H

#include <stddef.h>
#include <stdint.h>

#include "iocp.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The system's own types by another name, so that no header of sockets is
 * needed here: a callback that is written with SOCKET and DWORD fits. */
#if defined(_WIN32)
typedef uintptr_t iocp_os_socket;
typedef unsigned long iocp_byte_count;
#else
typedef int iocp_os_socket;
typedef uint32_t iocp_byte_count;
#endif

/* The completion threads, and the sockets that they serve. */
struct iocp_callbacks;

/* Event types, and what the other arguments of the call are then. */
#define IOCP_CALLBACK_READ 1   /* byte_count bytes at read_buffer */
#define IOCP_CALLBACK_END 2    /* the peer has ended its stream; last call */
#define IOCP_CALLBACK_ERROR 3  /* byte_count is an IOCP_E...; last call */
#define IOCP_CALLBACK_ACCEPT 4 /* read_buffer points to the new socket */
/* byte_count is an IOCP_E...: the system is out of descriptors or memory. It is
 * told once and tried again until it works; the listener goes on. */
#define IOCP_CALLBACK_ACCEPT_FAILED 5

/* read_buffer is valid, and may be written to, until the callback returns. */
typedef void iocp_callback(iocp_os_socket socket,
                           int event_type,
                           void* read_buffer,
                           iocp_byte_count byte_count,
                           void* user_state);

#define IOCP_CALLBACKS_THREADS_MAX 256

/*
 * Starts `threads` completion threads; 0: one for each processor. Writes what
 * names them for the other functions. Returns 0, -IOCP_EINVAL, -IOCP_ENOMEM or
 * -IOCP_EMFILE. Pairs with iocp_callbacks_delete().
 */
IOCP_API int32_t iocp_callbacks_new(uint32_t threads,
                                    struct iocp_callbacks** callbacks_out);

/*
 * Waits for the callbacks in flight, has every socket that is still there told
 * its last call (IOCP_CALLBACK_ERROR, IOCP_ECANCELED), ends the threads and
 * frees everything. The sockets stay open. No callback runs once it has
 * returned. From inside a callback it is refused with -IOCP_EBUSY. Returns 0.
 */
IOCP_API int32_t iocp_callbacks_delete(struct iocp_callbacks* callbacks);

/*
 * Has `callback` called for what comes on a connected stream socket, with at
 * most `read_buffer_size` (1 or more; above IOCP_RECEIVE_MAX means that) bytes
 * at a time. The first call may come before this returns. Returns 0, or with
 * nothing changed and no call to come: -IOCP_EINVAL, -IOCP_EFAULT,
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
 * Has `callback` called with IOCP_CALLBACK_ACCEPT for each connection to a
 * listening stream socket. The new socket is the user's from then on: blocking
 * whatever its listener is, not inherited by child processes, on no port yet,
 * and *(iocp_os_socket*)read_buffer. Returns as above; -IOCP_EINVAL: the socket
 * does not listen.
 */
IOCP_API int32_t iocp_callbacks_add_listener(struct iocp_callbacks* callbacks,
                                             iocp_os_socket socket,
                                             void* user_state,
                                             iocp_callback* callback);

#ifdef __cplusplus
}
#endif

#endif /* IOCP_CALLBACK_H */
