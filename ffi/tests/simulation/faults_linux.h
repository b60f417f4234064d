/* SPDX-License-Identifier: MIT */
/*
 * What is put between the epoll engine and Linux. The linker sends the engine's
 * calls here first (wrap_linux.txt); here they fail, are cut short or go on to
 * the system, and what the library holds is counted.
 *
 * An edge of epoll is a promise: after EAGAIN, or after less than was asked
 * for, another one comes when there is more. A fault that says so owes it.
 */
#ifndef IOCP_FAULTS_LINUX_H
#define IOCP_FAULTS_LINUX_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/types.h>

/* The system's own, for those who are not the library. */
int __real_socket(int family, int type, int protocol);
int __real_accept4(int fd,
                   struct sockaddr* address,
                   socklen_t* size,
                   int flags);
int __real_connect(int fd, const struct sockaddr* address, socklen_t size);
ssize_t __real_recv(int fd, void* bytes, size_t size, int flags);
ssize_t __real_send(int fd, const void* bytes, size_t size, int flags);
int __real_close(int fd);

/* The thread that calls this is the schedule's, the only one to meet faults;
 * the tape decides what this system is like. */
void faults_open(void);

/* There are no more of them. */
void faults_end(void);

/* Whether the library has given everything back. */
void faults_close(void);

/* The edges that are owed. */
void faults_pay(void);

/* Whether one has gone to the connection itself. */
bool faults_have_broken(void);

/* A descriptor that the library has given back is the program's. */
bool faults_is_librarys(int fd);

/* The library has this descriptor no more. */
void faults_give(int fd);

#endif /* IOCP_FAULTS_LINUX_H */
