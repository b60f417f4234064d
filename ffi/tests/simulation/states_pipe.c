/* SPDX-License-Identifier: MIT */
/* The clients of a pipe, what is asked of an end that has moved, and the file
 * of a unix socket. */
#include <stddef.h>

#include "report.h"
#include "states.h"
#include "tape.h"

/* A name that nothing else in the schedule has. */
#define PIPE__NUMBER 97
#define PIPE__CLIENTS 4
#define PIPE__WAIT_MS 100

/* Until the client has opened the pipe, or could not. */
static struct peer* pipe__open(const struct iocp_path* name) {
  struct peer* peer = peer_connect_path(name, NULL, 0, false);
  while (peer != NULL && peer_state(peer) == PEER_CONNECTING) world_pause(1);
  return peer;
}

/* A pipe has no backlog: each client needs an instance, and there are as many
 * as are accepted, before the port is polled. */
static int32_t pipe__connect(struct states_port* port,
                             const struct iocp_path* name,
                             struct peer** peer_out) {
  struct iocp_record record;
  for (uint32_t i = 0; i < PIPE__CLIENTS; i++) {
    *peer_out = pipe__open(name);
    if (*peer_out == NULL) return -IOCP_ENOTSUP;
    RULE("a pipe has an instance for each client that is accepted",
         peer_state(*peer_out) == PEER_OPEN);
  }
  for (uint32_t i = 0; i < PIPE__CLIENTS; i++)
    RULE("each client of a pipe is accepted",
         states_await(port, -1, IOCP_ACCEPTED, PIPE__WAIT_MS, &record) &&
             record.result >= 0);
  return record.result;
}

/* The end leaves the library and comes back. */
static int32_t pipe__return(struct states_port* port, int32_t id) {
  struct iocp_record record;
  iocp_close(port->id, id, IOCP_DETACH, 0);
  RULE("an end of a pipe is detached",
       states_await(port, id, IOCP_CLOSED, PIPE__WAIT_MS, &record) &&
           record.result == 0);
  double handle = (double)(uint32_t)record.detail;
  world_handle_detached(handle);
  int32_t result = iocp_add_socket(port->id, handle, IOCP_DETACHED);
  RULE("an end of a pipe that was detached is added", result >= 0);
  return result;
}

/* The last of several clients, whose server's end may have moved: what is asked
 * of it is answered as before, and its end can be read at once. */
void states_visit_pipe(void) {
  static uint8_t bytes[8];
  struct states_port port;
  struct iocp_path name;
  struct iocp_peer process;
  struct peer* peer = NULL;
  if (!world_has_local(IOCP_PIPE) || !states_open(&port)) return;
  world_path(IOCP_PIPE, PIPE__NUMBER, WORLD_USER, &name);
  int32_t listener =
      iocp_listen_path(port.id, &name, 1, 0, IOCP_MODE_DEFAULT, NULL, 0);
  int32_t id =
      listener < 0 || iocp_accept(port.id, listener, PIPE__CLIENTS) != 0
          ? -IOCP_ENOTSUP
          : pipe__connect(&port, &name, &peer);
  if (id >= 0) {
    if (tape_choose(2) != 0) id = pipe__return(&port, id);
    RULE("the server's end of a pipe has its client at the other end",
         iocp_get_peer(port.id, id, &process) == 0 &&
             process.pid == peer_process(peer));
    peer_close(peer);
    world_pause(1);
    RULE("the end of a pipe can be read at once",
         iocp_read(port.id, id, bytes, 0, sizeof bytes) == 0);
  }
  states_close(&port);
}

/* ---- the file of a unix socket */

/* A listener that is closed removes its file, so that the next one needs no
 * IOCP_REPLACE_STALE. */
void states_visit_file(void) {
  struct states_port port;
  struct iocp_path name;
  struct iocp_record record;
  if (!world_has_local(IOCP_UNIX) || !states_open(&port)) return;
  world_path(IOCP_UNIX, PIPE__NUMBER, WORLD_USER, &name);
  for (int i = 0; i < 2; i++) {
    int32_t listener =
        iocp_listen_path(port.id, &name, 1, 0, IOCP_MODE_DEFAULT, NULL, 0);
    RULE("the file of a listener that was closed is in the way of no other",
         listener >= 0 || i == 0);
    if (listener < 0) break;
    iocp_close(port.id, listener, IOCP_GRACEFUL, 0);
    RULE("a listener is closed",
         states_await(&port, listener, IOCP_CLOSED, PIPE__WAIT_MS, &record));
  }
  states_close(&port);
}
