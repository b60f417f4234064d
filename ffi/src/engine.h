/* SPDX-License-Identifier: MIT */
/*
 * What an engine does for the rest of the library. ffi/src/windows/ and
 * ffi/src/linux/ implement it; everything above it is common.
 *
 * Every function runs on the port's thread unless it says otherwise. Results
 * are >= 0 or -IOCP_E...; a failing function leaves the system's number in
 * port->native_error. An engine never writes records: it tells what has
 * happened by socket_ready(), and the common code asks with engine_take() and
 * the like when it has room for the answer. That keeps the order of records in
 * one place, and a full record array needs no memory.
 */
#ifndef IOCP_ENGINE_H
#define IOCP_ENGINE_H

#include "iocp.h"
#include "port.h"
#include "socket.h"

/* engine_take(), engine_send(): nothing moved, and nothing is wrong. */
#define ENGINE_WOULD_BLOCK (-1000)

/* Opens and closes the kernel's queue. The close may run on any thread; by then
 * all sockets are closed and no wait runs. */
int32_t engine_open(struct port* port);
void engine_close(struct port* port);

/* Blocks until the kernel's queue has something. Any thread. 1, 0 or error. */
int32_t engine_wait(struct port* port, int32_t timeout_ms);

/* The same on the port's thread, for microseconds where the system can do so.
 * Returns 1 when the queue has something, otherwise 0. */
int32_t engine_wait_here(struct port* port, uint32_t timeout_us);

/* Makes a running or the next engine_wait() return. Any thread. */
int32_t engine_wake(struct port* port);

/* Dequeues one batch without blocking and marks the sockets it concerns.
 * Returns true when the batch was full. */
bool engine_poll(struct port* port);

/* socket_new() has zeroed socket->engine; these fill it. On failure they leave
 * no handle behind. */
int32_t engine_adopt(struct socket* socket, double os_socket, uint32_t flags);
int32_t engine_listen(struct socket* socket,
                      const struct iocp_address* address,
                      uint32_t flags);
/* connector_done() follows, perhaps before this returns. */
int32_t engine_connect(struct socket* socket,
                       const struct iocp_address* remote,
                       const struct iocp_address* local);

/* accept_target has changed. Windows tops up the posted AcceptEx calls. */
void engine_accept(struct socket* listener);

/* Takes the next connection of a listener into `accepted`, a new slot. Returns
 * 0, ENGINE_WOULD_BLOCK (READY_ACCEPT will follow when there is one),
 * -IOCP_ECONNABORTED (that one has gone; try the next), or another error. */
int32_t engine_take_accept(struct socket* listener, struct socket* accepted);

/* Looks after accepts that are posted and hold a connection whose peer says
 * nothing; every so many milliseconds (0: there is no need to). */
void engine_watch_accepts(struct socket* listener);
uint32_t engine_watch_ms(const struct socket* listener);

/* defers_accept or first_byte_timeout_ms have changed. */
int32_t engine_defer_accept(struct socket* listener);

/* Has the system hold `backlog` connections from now on. */
int32_t engine_set_backlog(struct socket* listener, uint32_t backlog);

/* True when the stream can be received from: bytes, its end or an error. */
bool engine_has_data(struct socket* socket);

/* Lets the kernel tell when the stream can be received from: posts receives of
 * up to `bytes` in all (0: a zero-byte one), as the socket's options say.
 * READY_RECEIVE follows. A no-op while enough are in flight, and on Linux,
 * where the edge comes by itself. */
void engine_arm_receive(struct socket* socket, uint32_t bytes);

/* Takes received bytes: with posted_only, those alone that an operation has
 * received. Returns > 0 bytes, 0 at the end of the stream, ENGINE_WOULD_BLOCK,
 * or an error. `more_out` is set when it is worth calling again without
 * waiting. */
int32_t engine_take(struct socket* socket,
                    void* buffer,
                    uint32_t length,
                    bool* more_out);

/* Sends without blocking. Returns bytes, ENGINE_WOULD_BLOCK or an error. */
int32_t engine_send(struct socket* socket, const void* buffer, uint32_t length);

/* The copies of struct kept are to leave as the kernel has room, in order. When
 * one has left or failed: stream_kept_done(); until then stream_kept_moved() as
 * it goes. */
void engine_send_kept(struct socket* socket);

/* How many bytes of the stream the peer's system has acknowledged, counted from
 * somewhere. False: this system does not say. */
bool engine_acknowledged(struct socket* socket, uint64_t* bytes_out);

/* FIN. No send is in flight. */
int32_t engine_shutdown(struct socket* socket);

/* A step of a close, and only that: everything in flight is told to end. A
 * listener's handle is closed here, so that its address is free at once. */
void engine_cancel(struct socket* socket);

/* True when the kernel holds nothing of this socket any more. READY_CLOSE
 * follows the last completion of a closing socket. */
bool engine_is_idle(const struct socket* socket);

/* Closes the handle. Only when idle. */
void engine_close_socket(struct socket* socket, bool reset);

/* Takes the handle out of the port and gives it back. Only when idle. */
uint32_t engine_release(struct socket* socket);

/* Adds the socket's part of `operations` and `bytes_posted` to those of many.
 * It asks the kernel nothing, so the handle may be closed. */
void engine_count_posted(const struct socket* socket, struct iocp_stats* stats);

/* Writes what the kernel holds of the socket now. */
void engine_stats(struct socket* socket, struct iocp_socket_stats* stats);

int32_t engine_name(struct socket* socket,
                    uint32_t end,
                    struct iocp_address* address_out);
/* The options of the system; the value is within its bounds. */
int32_t engine_set_option(struct socket* socket,
                          uint32_t option,
                          int32_t value);
int32_t engine_get_option(struct socket* socket, uint32_t option);

/* The longest name that engine_resolve() is given. */
#define ENGINE_NAME_MAX 255

/* Blocks. Any thread. The addresses may be at any alignment. */
int32_t engine_resolve(const char* name, void* addresses, uint32_t capacity);

#endif /* IOCP_ENGINE_H */
