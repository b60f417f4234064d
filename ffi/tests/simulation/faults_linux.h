/* SPDX-License-Identifier: MIT */
/*
 * A layer between the epoll engine and Linux. The linker sends the engine's
 * calls here first (wrap_linux.txt). Here they fail, are cut short or are
 * passed on, and the library's resources are counted.
 *
 * An edge of epoll is a promise: after EAGAIN, or after fewer bytes than asked
 * for, another edge follows when there is more. A simulated fault must keep
 * this promise, so it owes an edge.
 */
#ifndef IOCP_FAULTS_LINUX_H
#define IOCP_FAULTS_LINUX_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/types.h>

/* The real functions, for callers other than the library. */
int __real_socket(int family, int type, int protocol);
int __real_accept4(int fd,
                   struct sockaddr* address,
                   socklen_t* size,
                   int flags);
int __real_connect(int fd, const struct sockaddr* address, socklen_t size);
ssize_t __real_recv(int fd, void* bytes, size_t size, int flags);
ssize_t __real_sendmsg(int fd, const struct msghdr* message, int flags);
ssize_t __real_recvmsg(int fd, struct msghdr* message, int flags);
ssize_t __real_send(int fd, const void* bytes, size_t size, int flags);
ssize_t __real_sendto(int fd,
                      const void* bytes,
                      size_t size,
                      int flags,
                      const struct sockaddr* address,
                      socklen_t length);
int __real_close(int fd);
int __real_open(const char* path, int flags, ...);

#define FAULTS_FDS 4096

/* How often something fails, of 1,000 times. */
enum faults_kind {
  FAULTS_SHORT,     /* fewer bytes, or datagrams, than asked for */
  FAULTS_EAGAIN,    /* not now */
  FAULTS_EINTR,     /* interrupted by a signal */
  FAULTS_HANDLES,   /* out of descriptors, or of memory for them */
  FAULTS_MEMORY,    /* the process is out of memory */
  FAULTS_OPERATION, /* a send or a receive fails */
  FAULTS_KINDS
};

/* Whether this call is to fail in that way. Only those of the thread of the
 * schedule do. */
bool faults_happens(enum faults_kind kind);

/* Returns -1 with that errno. */
int faults_fail(const char* call, int error);

/* Another edge of the descriptor is due. */
void faults_owe(int fd);

/* The calling thread is that of the schedule. Only it has faults; the tape
 * decides which. */
void faults_open(void);

/* No more faults from here on. */
void faults_end(void);

/* Checks that the library has freed everything. */
void faults_close(void);

/* Reports the edges that are owed. */
void faults_pay(void);

/* Whether a fault has damaged a connection. */
bool faults_have_broken(void);

/* A descriptor that the library has detached belongs to the program. */
bool faults_is_librarys(int fd);

/* The library owns this descriptor from here on. */
void faults_add(int fd);

/* A descriptor that was passed has been discarded. */
bool faults_have_lost_passed(void);

/* The library does not own this descriptor any more. */
void faults_release(int fd);

#endif /* IOCP_FAULTS_LINUX_H */
