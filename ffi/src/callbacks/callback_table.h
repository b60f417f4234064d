/* SPDX-License-Identifier: MIT */
/*
 * The sockets of the callback API by handle. A socket is removed before its
 * last callback. Several sockets may have the same handle: the caller closed
 * the older ones, and the system reused their number. All of these are served
 * by one thread, so that the last callback of an older one comes first.
 */
#ifndef IOCP_CALLBACK_TABLE_H
#define IOCP_CALLBACK_TABLE_H

#include "callbacks.h"

/* With the monitor locked. */
void callback_table_open(struct iocp_callbacks* callbacks);
void callback_table_add(struct iocp_callbacks* callbacks,
                        struct callback_socket* socket);

/* The oldest socket with that handle, or NULL. With the monitor locked. */
struct callback_socket* callback_table_find(struct iocp_callbacks* callbacks,
                                            iocp_os_socket handle);

/* Removes the socket from the table and its thread; its owner frees it. Without
 * the monitor locked. */
void callback_table_remove(struct callback_socket* socket);

#endif /* IOCP_CALLBACK_TABLE_H */
