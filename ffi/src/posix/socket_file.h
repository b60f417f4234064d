/* SPDX-License-Identifier: MIT */
/*
 * The file of a unix socket that listens or receives datagrams. bind() makes
 * it, and nothing removes it when the socket is closed (unix(7)), so the
 * library does.
 *
 * A descriptor of its folder stays open: the program may change its working
 * directory before it closes the listener, and the path may be relative.
 */
#ifndef IOCP_POSIX_SOCKET_FILE_H
#define IOCP_POSIX_SOCKET_FILE_H

#include <sys/socket.h>
#include <sys/un.h>

#include "engine.h"

/* Binds the listener's handle to its path and listens, as `access` says; a
 * datagram socket does not listen.
 * Returns 0 or an error, after which there is no file. */
int32_t socket_file_listen(struct socket* listener,
                           const struct sockaddr_un* system,
                           socklen_t length,
                           const struct path_access* access);

/* Removes the file, if it is still that of the listener, whose handle must be
 * open: its socket keeps the inode, so no other file can have the number. */
void socket_file_remove(struct socket* listener);

#endif /* IOCP_POSIX_SOCKET_FILE_H */
