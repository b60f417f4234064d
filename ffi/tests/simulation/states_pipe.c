/* SPDX-License-Identifier: MIT */
/* The clients of a pipe, and what is asked of an end that has moved. */
#include <stddef.h>

#include "report.h"
#include "states.h"
#include "tape.h"

#define PIPE__CLIENTS 4
#define PIPE__WAIT_MS 100
#define PIPE__BYTES 8

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

/* Bytes have come, and nothing can be read for want of memory. That is not an
 * error of the stream: it is tried again. */
static void pipe__read_short(struct states_port* port,
                             int32_t id,
                             struct peer* peer) {
  uint8_t bytes[PIPE__BYTES];
  struct iocp_record record;
  states_send(peer, PIPE__BYTES);
  world_lack(WORLD_KERNEL, WORLD_ALWAYS);
  int32_t result = iocp_read(port->id, id, bytes, 0, sizeof bytes);
  world_lack(WORLD_KERNEL, 0);
  RULE("a read that lacks memory waits for it", result == IOCP_PENDING);
  RULE("a read that has lacked memory goes on",
       states_await(port, id, IOCP_READABLE, PIPE__WAIT_MS, &record) &&
           iocp_read(port->id, id, bytes, 0, sizeof bytes) > 0);
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
  world_path(IOCP_PIPE, STATES_PATH_PIPE, WORLD_USER, &name);
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
    if (tape_choose(2) != 0) {
      pipe__read_short(&port, id, peer);
      goto out;
    }
    peer_close(peer);
    world_pause(1);
    RULE("the end of a pipe can be read at once",
         iocp_read(port.id, id, bytes, 0, sizeof bytes) == 0);
  }
out:
  states_close(&port);
}

/* ---- instances */

/* There are no handles for further instances: that is a failure of accepting,
 * which is reported once, and tried again later. */
static void pipe__run_short(struct states_port* port, int32_t listener) {
  struct iocp_record record;
  world_lack(WORLD_HANDLES, WORLD_ALWAYS);
  RULE("a listener accepts",
       iocp_accept(port->id, listener, PIPE__CLIENTS) == 0);
  states_poll(port);
  world_lack(WORLD_HANDLES, 0);
  RULE(
      "an instance that cannot be made is a failure of accepting",
      states_take(port, listener, IOCP_ACCEPTED, &record) && record.result < 0);
  RULE("a port says when an instance is tried again",
       port->timeout_ms >= 0 && port->timeout_ms <= PIPE__WAIT_MS);
  states_pass(port, PIPE__WAIT_MS);
}

/* "-IOCP_ESPIPE (no regular file)" (iocp_open_file()). */
static void pipe__open_as_file(struct states_port* port,
                               const struct iocp_path* name) {
  double size;
  RULE("a pipe cannot be opened as a file to send",
       iocp_open_file(port->id, name->bytes, name->length, &size) ==
           -IOCP_ESPIPE);
}

void states_visit_instances(void) {
  struct states_port port;
  struct iocp_path name;
  struct peer* peer;
  if (!world_has_local(IOCP_PIPE) || !states_open(&port)) return;
  world_path(IOCP_PIPE, STATES_PATH_SHORT_PIPE, WORLD_USER, &name);
  int32_t listener =
      iocp_listen_path(port.id, &name, 1, 0, IOCP_MODE_DEFAULT, NULL, 0);
  if (listener >= 0) {
    pipe__run_short(&port, listener);
    if (tape_choose(2) == 0)
      pipe__open_as_file(&port, &name);
    else
      pipe__connect(&port, &name, &peer);
  }
  states_close(&port);
}
