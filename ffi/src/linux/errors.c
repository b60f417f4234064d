/* SPDX-License-Identifier: MIT */
#include "errors.h"

#include <errno.h>

/* The numbers of iocp_error.h are those of Linux; this holds them to it. */
#define ERRORS__SAME(code) \
  _Static_assert(IOCP_##code == code, "not the number of Linux: " #code)
ERRORS__SAME(EPERM);
ERRORS__SAME(EBADF);
ERRORS__SAME(ENOMEM);
ERRORS__SAME(EADDRINUSE);
ERRORS__SAME(ECONNRESET);
ERRORS__SAME(ETIMEDOUT);
ERRORS__SAME(ECONNREFUSED);
ERRORS__SAME(EHOSTUNREACH);
ERRORS__SAME(ECANCELED);

int32_t errors_of(int native) {
  switch (native) {
#define ERRORS__CASE(code, number, sentence) case number:
    IOCP_ERRORS(ERRORS__CASE)
#undef ERRORS__CASE
    return -native;
    case ENODEV: /* an IPv6 zone that is no interface */
      return -IOCP_EADDRNOTAVAIL;
    case EAGAIN: /* out of ephemeral ports, where it can happen at all */
      return -IOCP_EADDRNOTAVAIL;
    case ENOSPC: /* more in epoll instances than one user may have there */
      return -IOCP_ENOMEM;
    default:
      return -IOCP_EUNKNOWN;
  }
}

int32_t errors_fail(struct port* port) {
  int native = errno;
  return port_fail(port, errors_of(native), native);
}
