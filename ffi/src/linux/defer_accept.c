/* SPDX-License-Identifier: MIT */
/*
 * Connections without data: TCP_DEFER_ACCEPT. The kernel counts its time in
 * retransmissions, which rounds it up to 1, 3, 7 ... seconds (tcp(7)). When it
 * has passed, the kernel accepts the connection without data, and the library's
 * own timeout begins. The kernel gets a sixth of the timeout, which keeps the
 * sum below one and a half times the timeout; if that is less than a second,
 * the option is not set.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "engine.h"
#include "errors.h"

#define DEFER_ACCEPT__SHARE_MS 6000
/* Seconds, when there is no timeout. */
#define DEFER_ACCEPT__LONG 30

int32_t engine_defer_accept(struct socket* listener) {
  uint32_t timeout_ms = listener->first_byte_timeout_ms;
  /* The option is one of TCP. The library defers the others alone. */
  if (socket_is_local(listener)) return 0;
  int seconds = timeout_ms == 0 ? DEFER_ACCEPT__LONG
                                : (int)(timeout_ms / DEFER_ACCEPT__SHARE_MS);
  if (!listener->defers_accept) seconds = 0;
  if (setsockopt(listener->engine.fd,
                 IPPROTO_TCP,
                 TCP_DEFER_ACCEPT,
                 &seconds,
                 sizeof seconds) < 0)
    return errors_fail(listener->port);
  return 0;
}

/* Every accepted connection is a socket here, with a timer of its own. */
void engine_watch_accepts(struct socket* listener) { (void)listener; }

uint32_t engine_watch_ms(const struct socket* listener) {
  (void)listener;
  return 0;
}
