/* SPDX-License-Identifier: MIT */
/* The calls that a step can be: each makes one call and checks its result. */
#ifndef FUZZ_CALLS_H
#define FUZZ_CALLS_H

#include "fuzz.h"
#include "iocp.h"
#include "model.h"

/* `port` and `socket` are the ids in the step's bytes, right or wrong. */
typedef void fuzz_call(const struct step* step, int32_t port, int32_t socket);

/* calls_port.c */
fuzz_call call_new;
fuzz_call call_delete;
fuzz_call call_poll;
fuzz_call call_wait;
fuzz_call call_wake;
fuzz_call call_native_error;
fuzz_call call_stats;
fuzz_call call_resolve;
fuzz_call call_abi;
fuzz_call call_thread;
fuzz_call call_pass;

/* Deletes the remaining ports of this thread. */
void calls_delete_all(void);

/* calls_group.c */
fuzz_call call_group;

/* calls_open.c */
fuzz_call call_listen;
fuzz_call call_accept;
fuzz_call call_connect;
fuzz_call call_add_socket;

/* calls_stream.c */
fuzz_call call_receive;
fuzz_call call_read;
fuzz_call call_send;
fuzz_call call_shutdown;
fuzz_call call_close;

/* The socket of the ids if it is a stream that is not closing. Otherwise NULL,
 * and the error that the call must return. */
struct model_socket* stream_find(int32_t port, int32_t id, int32_t* forced);

/* True for an error of a state that only a record will report. */
bool stream_is_unreported(const struct model_socket* socket, int32_t result);

/* Checks the result of a send of `length` bytes. */
void stream_was_sent(struct model_socket* socket,
                     int32_t result,
                     uint32_t length);

/* calls_socket.c */
fuzz_call call_get_address;
fuzz_call call_set_option;
fuzz_call call_get_option;
fuzz_call call_socket_stats;

/* calls_local.c */
fuzz_call call_local;

/* calls_others.c */
fuzz_call call_others;

/* calls_file.c; a part of the one above, since there are no more numbers. */
fuzz_call call_file;

/* calls_share.c; the same. */
fuzz_call call_share;

/* Call at the end of an input: no file of a listener may be left. */
void calls_remove_folder(void);

/* A listener with a name was stopped: its file is left for another process. */
void calls_leave_file(void);

/* calls_datagram.c */
fuzz_call call_datagram;

/* calls_peer.c: the peer, without the library. */
fuzz_call call_peer_open;
fuzz_call call_peer_send;
fuzz_call call_peer_receive;
fuzz_call call_peer_end;

#endif /* FUZZ_CALLS_H */
