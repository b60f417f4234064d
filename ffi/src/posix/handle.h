/* SPDX-License-Identifier: MIT */
/* Descriptors of sockets. The folder of each system implements these. */
#ifndef IOCP_POSIX_HANDLE_H
#define IOCP_POSIX_HANDLE_H

#include <stdbool.h>
#include <sys/socket.h>

#include "engine.h"

/* A new TCP socket, non-blocking and close-on-exec, or -1 with errno. */
int handle_open(int family);

/* The same for datagrams, after what the port needs for them. */
int handle_open_datagram(struct port* port, int family);

/* Accepts a connection, close-on-exec and non-blocking if asked for. Returns
 * the descriptor or -1 with errno. */
int handle_accept(int listener,
                  struct sockaddr_storage* peer_out,
                  socklen_t* length_out,
                  bool is_non_blocking);

/* Marks a descriptor as being on a port, which all ports of all processes see.
 * False, with errno: it cannot be marked. */
bool handle_claim(int fd);
void handle_unclaim(int fd);
bool handle_is_claimed(int fd);

/* The same for a listener, which several processes may share, and which the
 * next process gets when this one has ended: only ports of this process see it.
 */
bool handle_claim_listener(int fd);
void handle_unclaim_listener(int fd);
bool handle_is_claimed_listener(int fd);

/* False if the number is no descriptor. */
bool handle_of_number(double number, int* fd_out);

/* Adds the socket's handle to the queue of its port. Returns 0 or an error. */
int32_t handle_enter(struct socket* socket);

/* The kernel has no room for a send: makes sure that the queue reports it when
 * it has. */
void handle_watch_room(struct socket* socket);

/* A datagram socket has no copies any more. Otherwise each datagram that leaves
 * would make an event (see handle.c). */
void handle_ignore_room(struct socket* socket);

/* Removes it. A handle that is closed needs no removal if there is no other one
 * of its file. */
void handle_leave(struct socket* socket);

#endif /* IOCP_POSIX_HANDLE_H */
