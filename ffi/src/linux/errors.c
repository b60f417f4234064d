/* SPDX-License-Identifier: MIT */
#include "errors.h"

#include <errno.h>
#include <netdb.h>

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

static bool errors__is_known(int native) {
  switch (native) {
#define ERRORS__CASE(code, number, sentence) case number:
    IOCP_ERRORS(ERRORS__CASE)
#undef ERRORS__CASE
    return true;
    default:
      return false;
  }
}

int32_t errors_of(int native) {
  switch (native) {
    case EPERM: /* a filter of packets, which on Windows says WSAEACCES */
      return -IOCP_EACCES;
    /* The same as their like of Windows. */
    case EINTR:
      return -IOCP_ECANCELED;
    case EALREADY:
    case EINPROGRESS:
      return -IOCP_EBUSY;
    case EDESTADDRREQ:
      return -IOCP_EINVAL;
    case EPROTOTYPE:
    case EPROTONOSUPPORT:
    case ESOCKTNOSUPPORT:
      return -IOCP_ENOTSUP;
    case EPFNOSUPPORT:
      return -IOCP_EAFNOSUPPORT;
    case EHOSTDOWN:
    case ENONET:
      return -IOCP_EHOSTUNREACH;
    case ENODEV: /* an IPv6 zone that is no interface */
    case ENXIO:
      return -IOCP_EADDRNOTAVAIL;
    case EAGAIN: /* out of ephemeral ports, where it can happen at all */
      return -IOCP_EADDRNOTAVAIL;
    case ENOSPC: /* more in epoll instances than one user may have there */
      return -IOCP_ENOMEM;
    default:
      return errors__is_known(native) ? -native : -IOCP_EUNKNOWN;
  }
}

int32_t errors_of_connect(int native) {
  switch (native) {
    /* A connection that was made, ended and reset before its answer was taken
     * has this number (tcp_reset() in the kernel), which is said of sending
     * only. */
    case EPIPE:
      return -IOCP_ECONNRESET;
    /* bind(2) to port 0: all ports of the range are taken. connect(2) has the
     * other code for that. */
    case EADDRINUSE:
      return -IOCP_EADDRNOTAVAIL;
    /* What a router has answered (icmp_err_convert[] and
     * icmpv6_err_convert() in the kernel). */
    case ENOPROTOOPT:
    case EPROTO:
      return -IOCP_ENETUNREACH;
    case EOPNOTSUPP:
      return -IOCP_EHOSTUNREACH;
    default:
      return errors_of(native);
  }
}

int32_t errors_of_lookup(int failure) {
  switch (failure) {
    case EAI_AGAIN:
      return -IOCP_EAI_AGAIN;
    case EAI_FAIL:
      return -IOCP_EAI_FAIL;
    case EAI_MEMORY:
      return -IOCP_ENOMEM;
    case EAI_FAMILY:
      return -IOCP_EAFNOSUPPORT;
    case EAI_SYSTEM:
      return errors_of(errno);
    default: /* EAI_NONAME, EAI_NODATA, EAI_ADDRFAMILY */
      return -IOCP_ENOTFOUND;
  }
}

int32_t errors_fail(struct port* port) {
  int native = errno;
  return port_fail(port, errors_of(native), native);
}
