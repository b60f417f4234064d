/* SPDX-License-Identifier: MIT */
#include "peer_pipe.h"

#include <stdlib.h>
#include <string.h>

#include "habits.h"
#include "report.h"
#include "tape.h"

#define PEER_PIPE__EARLY_MAX 256
#define PEER_PIPE__FIRST_ID 5000

struct pipe_peer {
  struct list_node node;
  struct list_node call_node; /* while it has not tried to connect */
  struct pipe_end* end;       /* NULL: not connected, or closed */
  WCHAR name[PIPE_NAME_MAX + 1];
  uint32_t id; /* of its process */
  bool has_failed;
  bool found_nothing; /* there was no such pipe */
  bool has_closed;
  bool closes;
  uint32_t early;
  uint8_t bytes[PEER_PIPE__EARLY_MAX];
};

struct pipe_host {
  struct list_node node;
  WCHAR name[PIPE_NAME_MAX + 1];
  uint32_t id;
};

static struct {
  struct list_node peers;
  struct list_node calls;
  struct list_node hosts;
  uint32_t call_count;
  uint32_t next_id;
} peer_pipes;

void peer_pipe_open_all(void) {
  list_open(&peer_pipes.peers);
  list_open(&peer_pipes.calls);
  list_open(&peer_pipes.hosts);
  peer_pipes.call_count = 0;
  peer_pipes.next_id = PEER_PIPE__FIRST_ID;
}

/* Their pipes are freed with all others. */
void peer_pipe_close_all(void) {
  while (!list_is_empty(&peer_pipes.peers))
    free(LIST_ENTRY(list_shift(&peer_pipes.peers), struct pipe_peer, node));
  while (!list_is_empty(&peer_pipes.hosts))
    free(LIST_ENTRY(list_shift(&peer_pipes.hosts), struct pipe_host, node));
}

/* One character of UTF-8, which is valid in the names of the simulation. */
static uint32_t peer_pipe__character(const uint8_t** bytes) {
  const uint8_t* at = *bytes;
  uint32_t character = *at++;
  uint32_t more = character >= 0xf0   ? 3
                  : character >= 0xe0 ? 2
                  : character >= 0xc0 ? 1
                                      : 0;
  if (more != 0) character &= 0x3fu >> more;
  while (more-- != 0) character = character << 6 | (*at++ & 0x3f);
  *bytes = at;
  return character;
}

void peer_pipe_name(const struct iocp_path* path, WCHAR* name) {
  const uint8_t* at = path->bytes;
  while (at < path->bytes + path->length) {
    uint32_t character = peer_pipe__character(&at);
    if (character >= 0x10000) {
      *name++ = (WCHAR)(0xd7c0 + (character >> 10));
      character = 0xdc00 + (character & 0x3ff);
    }
    *name++ = (WCHAR)character;
  }
  *name = 0;
}

static struct pipe_peer* pipe_peer__new(void) {
  struct pipe_peer* peer = calloc(1, sizeof *peer);
  if (peer == NULL) abort();
  peer->id = peer_pipes.next_id++;
  list_push(&peer_pipes.peers, &peer->node);
  return peer;
}

/* ---- servers */

struct pipe_host* pipe_host_new(enum peer_manner manner,
                                const struct iocp_path* path) {
  struct pipe_host* host = calloc(1, sizeof *host);
  if (host == NULL) abort();
  peer_pipe_name(path, host->name);
  host->id = peer_pipes.next_id++;
  list_push(&peer_pipes.hosts, &host->node);
  if (manner == PEER_REFUSES || npfs_find(host->name) != NULL) return host;
  /* Others find that it has as many instances as it may have, or not. */
  struct pipe_name* name = npfs_add_name(
      host->name, tape_choose(2) == 0 ? PIPE_UNLIMITED_INSTANCES : 1);
  name->is_foreign = true;
  /* This one never listens, so that the name stays in use. */
  npfs_disconnect(npfs_add_instance(name, host->id));
  if (manner == PEER_ACCEPTS) npfs_add_instance(name, host->id);
  return host;
}

/* An instance has a client that this server has not looked at yet. After that
 * it makes the next one, or does so only later: its pipe is busy meanwhile. */
struct pipe_peer* pipe_host_accept(struct pipe_host* host) {
  struct pipe_name* name = npfs_find(host->name);
  if (name == NULL || !name->is_foreign) return NULL;
  bool listens = false;
  struct pipe* connected = NULL;
  for (struct list_node* node = name->instances.next; node != &name->instances;
       node = node->next) {
    struct pipe* pipe = LIST_ENTRY(node, struct pipe, node);
    if (pipe->state == PIPE_LISTENING) listens = true;
    if (pipe->client != NULL && !pipe->is_served) connected = pipe;
  }
  if (!listens && (habits.is_calm || tape_choose(4) != 0))
    npfs_add_instance(name, host->id);
  if (connected == NULL) return NULL;
  connected->is_served = true;
  struct pipe_peer* peer = pipe_peer__new();
  peer->end = connected->server;
  peer->id = host->id;
  return peer;
}

/* ---- clients */

struct pipe_peer* pipe_peer_call(const struct iocp_path* path,
                                 const uint8_t* bytes,
                                 uint32_t length,
                                 bool closes) {
  struct pipe_peer* peer = pipe_peer__new();
  peer_pipe_name(path, peer->name);
  RULE("a peer has room for its first bytes", length <= PEER_PIPE__EARLY_MAX);
  if (length != 0) memcpy(peer->bytes, bytes, length);
  peer->early = length;
  peer->closes = closes;
  list_push(&peer_pipes.calls, &peer->call_node);
  peer_pipes.call_count++;
  return peer;
}

uint32_t pipe_peer_calls(void) { return peer_pipes.call_count; }

static void pipe_peer__hang_up(struct pipe_peer* peer) {
  if (!list_has(&peer->call_node)) return;
  list_remove(&peer->call_node);
  peer_pipes.call_count--;
}

void pipe_peer_step(uint32_t index) {
  DWORD error;
  struct list_node* node = peer_pipes.calls.next;
  while (index-- != 0) node = node->next;
  struct pipe_peer* peer = LIST_ENTRY(node, struct pipe_peer, call_node);
  pipe_peer__hang_up(peer);
  peer->end = npfs_connect(peer->name, peer->id, &error);
  TRACE(
      "  program %u opens a pipe: %u", peer->id, peer->end == NULL ? error : 0);
  if (peer->end == NULL) {
    peer->has_failed = true;
    peer->found_nothing = error == ERROR_FILE_NOT_FOUND;
    return;
  }
  /* The quota is at least one byte, and a program waits for the rest. */
  peer->end->pipe->quota += peer->early;
  if (peer->early != 0) npfs_write(peer->end, peer->bytes, peer->early);
  peer->end->pipe->quota -= peer->early;
  if (!peer->closes) return;
  TRACE("  program %u closes it", peer->id);
  npfs_end_close(peer->end);
  peer->end = NULL;
  peer->has_closed = true;
}

enum peer_state pipe_peer_state(const struct pipe_peer* peer) {
  if (peer->has_failed) return PEER_FAILED;
  if (peer->has_closed) return PEER_CLOSED;
  return peer->end == NULL ? PEER_CONNECTING : PEER_OPEN;
}

bool pipe_peer_found_nothing(const struct pipe_peer* peer) {
  return peer->found_nothing;
}

uint32_t pipe_peer_id(const struct pipe_peer* peer) { return peer->id; }

/* ---- transfers */

int32_t pipe_peer_send(struct pipe_peer* peer,
                       const uint8_t* bytes,
                       uint32_t length) {
  if (npfs_is_over(peer->end))
    return peer->end->pipe == NULL ? PEER_RESET : PEER_NOT_READ;
  if (length == 0) {
    npfs_write_null(peer->end);
    return 0;
  }
  length = npfs_write(peer->end, bytes, length);
  return length == 0 ? PEER_WOULD_BLOCK : (int32_t)length;
}

int32_t pipe_peer_receive(struct pipe_peer* peer,
                          uint8_t* bytes,
                          uint32_t length) {
  uint32_t count = npfs_read(peer->end, bytes, length);
  if (count != 0) return (int32_t)count;
  if (peer->end->pipe == NULL) return PEER_RESET;
  return npfs_is_over(peer->end) ? 0 : PEER_WOULD_BLOCK;
}

void pipe_peer_close(struct pipe_peer* peer, bool disconnects) {
  struct pipe_end* end = peer->end;
  pipe_peer__hang_up(peer);
  if (end != NULL && disconnects && end->is_server && end->pipe != NULL)
    npfs_disconnect(end->pipe);
  if (end != NULL) npfs_end_close(end);
  list_remove(&peer->node);
  free(peer);
}
