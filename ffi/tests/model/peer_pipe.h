/* SPDX-License-Identifier: MIT */
/* Other programs that use named pipes, and hold the ends that do not belong to
 * the library. */
#ifndef MODEL_PEER_PIPE_H
#define MODEL_PEER_PIPE_H

#include "npfs.h"
#include "world.h"

struct pipe_peer;
struct pipe_host;

void peer_pipe_open_all(void);
void peer_pipe_close_all(void);

/* The name of a pipe as the system has it. */
void peer_pipe_name(const struct iocp_path* path, WCHAR* name);

/* A server. It has an instance that listens, except while it is busy. */
struct pipe_host* pipe_host_new(enum peer_manner manner,
                                const struct iocp_path* path);
struct pipe_peer* pipe_host_accept(struct pipe_host* host);

/* A client that opens the pipe at some time, writes `length` bytes at once, and
 * perhaps closes it at once. */
struct pipe_peer* pipe_peer_call(const struct iocp_path* path,
                                 const uint8_t* bytes,
                                 uint32_t length,
                                 bool closes);

/* Clients that have not tried to open their pipe yet; one of them does. */
uint32_t pipe_peer_calls(void);
void pipe_peer_step(uint32_t index);

enum peer_state pipe_peer_state(const struct pipe_peer* peer);
bool pipe_peer_found_nothing(const struct pipe_peer* peer);
uint32_t pipe_peer_id(const struct pipe_peer* peer);
int32_t pipe_peer_send(struct pipe_peer* peer,
                       const uint8_t* bytes,
                       uint32_t length);
int32_t pipe_peer_receive(struct pipe_peer* peer,
                          uint8_t* bytes,
                          uint32_t length);

/* It closes its end; with `disconnects`, a server disconnects its client. The
 * peer is freed. */
void pipe_peer_close(struct pipe_peer* peer, bool disconnects);

#endif /* MODEL_PEER_PIPE_H */
