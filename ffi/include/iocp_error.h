/* SPDX-License-Identifier: MIT */
/*
 * The error codes of the library. The numbers are those of Linux on both
 * systems; functions return them negated.
 */
#ifndef IOCP_ERROR_H
#define IOCP_ERROR_H

/* X(code, number, sentence) */
#define IOCP_ERRORS(X)                                         \
  X(EPERM, 1, "operation not permitted")                       \
  X(ENOENT, 2, "no such file or folder")                       \
  X(EIO, 5, "the disk cannot be read")                         \
  X(EBADF, 9, "the port or socket is closed")                  \
  X(ENOMEM, 12, "out of memory")                               \
  X(EACCES, 13, "permission denied")                           \
  X(EFAULT, 14, "bad address")                                 \
  X(EBUSY, 16, "an operation of this kind is already pending") \
  X(EEXIST, 17, "the socket is on a port already")             \
  X(EXDEV, 18, "the port belongs to another thread")           \
  X(ENOTDIR, 20, "not a folder")                               \
  X(EISDIR, 21, "a folder")                                    \
  X(EINVAL, 22, "invalid argument")                            \
  X(ENFILE, 23, "too many open files in the system")           \
  X(EMFILE, 24, "too many open files")                         \
  X(ENOSPC, 28, "no space left on the device")                 \
  X(ESPIPE, 29, "not a regular file")                          \
  X(EROFS, 30, "the file system is read-only")                 \
  X(EPIPE, 32, "the sending direction is closed")              \
  X(ENAMETOOLONG, 36, "the name is too long")                  \
  X(ELOOP, 40, "too many symbolic links")                      \
  X(ENODATA, 61, "the file has become shorter")                \
  X(ENOTSOCK, 88, "not a socket")                              \
  X(EDESTADDRREQ, 89, "a destination address is required")     \
  X(EMSGSIZE, 90, "message too long")                          \
  X(EPROTOTYPE, 91, "a socket of another type")                \
  X(ENOPROTOOPT, 92, "option not supported")                   \
  X(ENOTSUP, 95, "operation not supported on this system")     \
  X(EAFNOSUPPORT, 97, "address family not supported")          \
  X(EADDRINUSE, 98, "address already in use")                  \
  X(EADDRNOTAVAIL, 99, "address not available")                \
  X(ENETDOWN, 100, "network is down")                          \
  X(ENETUNREACH, 101, "network is unreachable")                \
  X(ENETRESET, 102, "connection dropped by the network")       \
  X(ECONNABORTED, 103, "connection aborted")                   \
  X(ECONNRESET, 104, "connection reset by peer")               \
  X(ENOBUFS, 105, "no buffer space available")                 \
  X(EISCONN, 106, "already connected")                         \
  X(ENOTCONN, 107, "not connected")                            \
  X(ESHUTDOWN, 108, "the receiving direction has ended")       \
  X(ETIMEDOUT, 110, "timed out")                               \
  X(ECONNREFUSED, 111, "connection refused")                   \
  X(EHOSTUNREACH, 113, "host is unreachable")                  \
  X(ECANCELED, 125, "operation canceled")                      \
  X(ENOTFOUND, 200, "host name not found")                     \
  X(EUNKNOWN, 201, "unknown error")                            \
  X(EAI_AGAIN, 202, "the host name cannot be looked up now")   \
  X(EAI_FAIL, 203, "the look-up of the host name has failed")

enum iocp_error {
#define IOCP_ERROR_ENUM(code, number, sentence) IOCP_##code = number,
  IOCP_ERRORS(IOCP_ERROR_ENUM)
#undef IOCP_ERROR_ENUM
      IOCP_ERROR_NONE = 0
};

#endif /* IOCP_ERROR_H */
