/* SPDX-License-Identifier: MIT */
#include "errors.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

/* The numbers of iocp_error.h are those of Linux. */
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
    case EPERM: /* a packet filter, which causes WSAEACCES on Windows */
      return -IOCP_EACCES;
    /* The same codes as those of the equivalent Windows errors. */
    case EINTR:
      return -IOCP_ECANCELED;
    case EALREADY:
    case EINPROGRESS:
      return -IOCP_EBUSY;
    case EPROTONOSUPPORT:
    case ESOCKTNOSUPPORT:
      return -IOCP_ENOTSUP;
    case EPFNOSUPPORT:
      return -IOCP_EAFNOSUPPORT;
    case EHOSTDOWN:
    case ENONET:
      return -IOCP_EHOSTUNREACH;
    case ENODEV: /* an IPv6 zone that is not an interface */
    case ENXIO:
      return -IOCP_EADDRNOTAVAIL;
    case EAGAIN: /* out of ephemeral ports; other calls check for it before */
      return -IOCP_EADDRNOTAVAIL;
    case ENOSPC: /* the limit of epoll entries per user (epoll(7)) */
      return -IOCP_ENOMEM;
    default:
      return errors__is_known(native) ? -native : -IOCP_EUNKNOWN;
  }
}

int32_t errors_of_connect(int native) {
  switch (native) {
    /* A connection that was made, ended and reset before its result was read
     * (tcp_reset() in the kernel). Elsewhere it is an error of sending only. */
    case EPIPE:
      return -IOCP_ECONNRESET;
    /* bind(2) to port 0: no port of the range is free. connect(2) reports that
     * as EADDRNOTAVAIL. */
    case EADDRINUSE:
      return -IOCP_EADDRNOTAVAIL;
    /* A router has answered (icmp_err_convert[] and icmpv6_err_convert() in the
     * kernel). */
    case ENOPROTOOPT:
    case EPROTO:
      return -IOCP_ENETUNREACH;
    case EOPNOTSUPP:
      return -IOCP_EHOSTUNREACH;
    default:
      return errors_of(native);
  }
}

int32_t errors_of_path(int native) {
  switch (native) {
    case ENOSPC: /* of the file system */
    case EDQUOT:
      return -IOCP_ENOSPC;
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

/* accept() returns errors that are already pending on the new socket; "treat
 * them like EAGAIN by retrying" (accept(2)). */
bool errors_is_of_accepted(int native) {
  switch (native) {
    case ECONNABORTED:
    case ENETDOWN:
    case EPROTO:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
    case EINTR:
      return true;
    default:
      return false;
  }
}

/* True when both directions of a unix socket have ended, as they do when the
 * peer is closed (unix_poll() in the kernel). If only the sending one has, a
 * shutdown of this side has ended it, or one of the peer's receiving side. */
static bool errors__is_hung_up(const struct socket* socket) {
  struct pollfd entry = {.fd = socket->engine.fd};
  return poll(&entry, 1, 0) > 0 && (entry.revents & POLLHUP) != 0;
}

/* True when this side has sent its FIN, perhaps before the socket was adopted.
 */
static bool errors__has_sent_fin(const struct socket* socket) {
  struct tcp_info info;
  socklen_t length = sizeof info;
  if (socket->fin_sent) return true;
  if (socket_is_local(socket)) return !errors__is_hung_up(socket);
  if (getsockopt(socket->engine.fd, IPPROTO_TCP, TCP_INFO, &info, &length) < 0)
    return false;
  switch (info.tcpi_state) {
    case TCP_FIN_WAIT1:
    case TCP_FIN_WAIT2:
    case TCP_CLOSING:
    case TCP_LAST_ACK:
    case TCP_TIME_WAIT:
      return true;
    default:
      return false;
  }
}

/* A reset is EPIPE when the peer had sent its FIN before, and for each send
 * after the first that fails (tcp_reset() and sk_stream_wait_connect() in the
 * kernel), and so is each send to a unix socket that is closed
 * (unix_stream_sendmsg()). */
int32_t errors_fail_stream(struct socket* socket) {
  if (errno == EPIPE && !errors__has_sent_fin(socket)) errno = ECONNRESET;
  return errors_fail(socket->port);
}
