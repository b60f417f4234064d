/* SPDX-License-Identifier: MIT */
/* The file of a unix socket. */
#include <stddef.h>

#include "report.h"
#include "states.h"

#define FILE__WAIT_MS 100

/* A listener that is closed removes its file, so that the next one needs no
 * IOCP_REPLACE_STALE. */
void states_visit_file(void) {
  struct states_port port;
  struct iocp_path name;
  struct iocp_record record;
  if (!world_has_local(IOCP_UNIX) || !states_open(&port)) return;
  world_path(IOCP_UNIX, STATES_PATH_FILE, WORLD_USER, &name);
  for (int i = 0; i < 2; i++) {
    int32_t listener =
        iocp_listen_path(port.id, &name, 1, 0, IOCP_MODE_DEFAULT, NULL, 0);
    RULE("the file of a listener that was closed is in the way of no other",
         listener >= 0 || i == 0);
    if (listener < 0) break;
    iocp_close(port.id, listener, IOCP_GRACEFUL, 0);
    RULE("a listener is closed",
         states_await(&port, listener, IOCP_CLOSED, FILE__WAIT_MS, &record));
  }
  states_close(&port);
}

/* The file of a program that has ended without closing its listener is in the
 * way, unless it may be replaced (IOCP_REPLACE_STALE). */
void states_visit_left_file(void) {
  struct states_port port;
  struct iocp_path name;
  if (!world_has_local(IOCP_UNIX) || !states_open(&port)) return;
  world_path(IOCP_UNIX, STATES_PATH_LEFT_FILE, WORLD_USER, &name);
  peer_listen_path(PEER_REFUSES, &name);
  int32_t result =
      iocp_listen_path(port.id, &name, 1, 0, IOCP_MODE_DEFAULT, NULL, 0);
  /* A provider may lack what accepting needs. */
  RULE("a file that was left over is not replaced unasked",
       result == -IOCP_EADDRINUSE || result == -IOCP_ENOTSUP);
  if (result == -IOCP_EADDRINUSE) {
    result = iocp_listen_path(
        port.id, &name, 1, IOCP_REPLACE_STALE, IOCP_MODE_DEFAULT, NULL, 0);
    RULE("a file that was left over is replaced", result >= 0);
  }
  states_close(&port);
}
