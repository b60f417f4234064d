/* SPDX-License-Identifier: MIT */
/*
 * The engine: the part of the library that differs between the systems. The
 * folders of the systems implement it, in files of the same names; everything
 * above it is common.
 *
 * Every function runs on the port's thread unless it says otherwise. Results
 * are >= 0 or -IOCP_E...; a function that fails leaves the system's error
 * number in port->native_error.
 *
 * An engine never writes records. It marks sockets with socket_ready(), and the
 * common code asks it with engine_receive() and the like when it has room for
 * the answer. So the order of records is decided in one place, and a full array
 * of records needs no memory. Four results are reported by calls:
 * connector_done(), listener_failed(), sender_copy_progressed() and
 * sender_copy_done().
 */
#ifndef IOCP_ENGINE_H
#define IOCP_ENGINE_H

#include "datagram.h"
#include "datagram_sender.h"
#include "iocp.h"
#include "path.h"
#include "port.h"
#include "socket.h"

/* A result: nothing can be moved now, and nothing has failed. */
#define ENGINE_WOULD_BLOCK (-1000)

/* ---- the queue (queue.c) */

/* Opens and closes the kernel's queue. Any thread may close it; all sockets are
 * closed by then, and no wait is running. */
int32_t engine_open(struct port* port);
void engine_close(struct port* port);

/* Blocks until the kernel's queue has something. Any thread. Returns 1, 0 after
 * the timeout, or an error. */
int32_t engine_wait(struct port* port, int32_t timeout_ms);

/* The same on the port's thread, if the system can wait for microseconds. It
 * may dequeue, as engine_poll() does. Returns 1 when there is something to
 * deliver, otherwise 0. */
int32_t engine_wait_here(struct port* port, uint32_t timeout_us);

/* Makes the running engine_wait() return, or else the next one. Any thread. */
int32_t engine_wake(struct port* port);

/* Dequeues one batch without blocking and marks its sockets. Returns true when
 * the batch was full. */
bool engine_poll(struct port* port);

/* In how many milliseconds it is to be called again for the sake of the engine,
 * even if the queue stays empty; -1: no matter. */
int32_t engine_next_ms(struct port* port);

/* ---- making sockets (handle.c, listen.c, connect.c)
 *
 * socket_new() has zeroed socket->engine; these set it. When they fail, they
 * leave no handle behind. */

int32_t engine_adopt(struct socket* socket, double os_socket, uint32_t flags);
int32_t engine_adopt_listener(struct socket* socket,
                              double os_socket,
                              uint32_t flags);
int32_t engine_listen(struct socket* socket,
                      const struct iocp_address* address,
                      uint32_t flags);
/* connector_done() follows, perhaps before this returns. */
int32_t engine_connect(struct socket* socket,
                       const struct iocp_address* remote,
                       const struct iocp_address* local);

/* The same for local sockets, whose name is socket->path. A pipe's engine may
 * give a connection of a listener its path as well (path_share()).
 *
 * engine_connect_path() may return ENGINE_WOULD_BLOCK while the listener has no
 * room: then it is called again later, and connector_done() is called for it
 * only once it has returned 0. */
int32_t engine_listen_path(struct socket* socket,
                           const struct path_access* access);
int32_t engine_connect_path(struct socket* socket);

/* ---- accepting (accept.c, defer_accept.c) */

/* accept_target has changed, or is to be tried again: on Windows, posts as many
 * accepts as are missing. */
void engine_post_accepts(struct socket* listener);

/* Cancels the accepts that are posted, without an effect on connections that
 * they have accepted already. */
void engine_stop_accepts(struct socket* listener);

/* Moves the listener's next connection into `accepted`, a new slot. Returns 0,
 * ENGINE_WOULD_BLOCK (READY_ACCEPT will follow), -IOCP_ECONNABORTED (that
 * connection has ended already, try again), or another error. */
int32_t engine_accept_next(struct socket* listener, struct socket* accepted);

/* defers_accept or first_byte_timeout_ms has changed. */
int32_t engine_defer_accept(struct socket* listener);

/* Checks the posted accepts that hold a connection without data, and resets
 * those whose first-byte timeout has passed. To be called every
 * engine_watch_ms() milliseconds (0: never). */
void engine_watch_accepts(struct socket* listener);
uint32_t engine_watch_ms(const struct socket* listener);

/* Makes the system hold up to `backlog` connections. */
int32_t engine_set_backlog(struct socket* listener, uint32_t backlog);

/* Sets the handle of a part of a share, which has none (share.h). */
void engine_open_part(struct socket* part);

/* Closes a handle that was accepted, and is on no port, with a reset. */
void engine_reset_handle(iocp_os_socket handle);

/* ---- receiving (receive.c) */

/* Returns 1 when data, the end or an error can be received, 0 when not, and -1
 * when the system cannot be asked. */
int engine_has_data(struct socket* socket);

/* Makes READY_RECEIVE follow when there is something to receive: posts receives
 * of up to `bytes` in all (0: a zero-byte one), as the socket's options say. It
 * does nothing while enough are in flight, nor on Linux, where epoll reports
 * new data without being asked. */
void engine_arm_receive(struct socket* socket, uint32_t bytes);

/* Receives without blocking; with posted_only, only what an operation received.
 * Returns bytes (> 0), 0 at the end of the stream, ENGINE_WOULD_BLOCK or an
 * error. Sets `more_out` when it is worth calling again at once. */
int32_t engine_receive(struct socket* socket,
                       void* buffer,
                       uint32_t length,
                       bool* more_out);

/* ---- sending (send.c, acknowledged.c) */

/* Sends without blocking. Returns bytes, ENGINE_WOULD_BLOCK or an error. */
int32_t engine_send(struct socket* socket, const void* buffer, uint32_t length);

/* Sends the socket's send copies, in order, as the kernel has room. Calls
 * sender_copy_progressed() and sender_copy_done(). */
void engine_send_copies(struct socket* socket);

/* ---- files (file.c, send_file.c) */

/* Opens a regular file. The path has no zero byte. */
int32_t engine_open_file(struct port* port,
                         const void* path,
                         uint32_t length,
                         struct engine_file* file_out,
                         uint64_t* size_out);
void engine_close_file(struct engine_file* file);

/* Returns the bytes read, fewer than `length` only at the end of the file, or
 * an error. Blocks while the disk is read. */
int32_t engine_read_file(struct port* port,
                         const struct engine_file* file,
                         uint64_t offset,
                         void* buffer,
                         uint32_t length);

/* True if engine_send_copies() sends the copies of files without bytes over
 * this socket; otherwise their bytes have to be read before. */
bool engine_transmits_files(struct socket* socket);

/* How many bytes of the stream the peer has acknowledged, from any starting
 * point. Returns false where the system does not report it. */
bool engine_acknowledged(struct socket* socket, uint64_t* bytes_out);

/* Sends FIN. No send is in flight. */
int32_t engine_shutdown(struct socket* socket);

/* ---- datagram sockets (datagram_bind.c, datagram_receive.c, datagram_send.c,
 * membership.c)
 *
 * engine_send_copies() is for them as well; it calls datagram_copy_sent() and
 * datagram_copy_failed(). */

int32_t engine_bind(struct socket* socket,
                    const struct iocp_address* address,
                    uint32_t flags);

/* For a unix socket; socket->path is NULL for one without a name. */
int32_t engine_bind_path(struct socket* socket,
                         const struct path_access* access);

/* NULL: dissolves the connection. The header has the address. */
int32_t engine_connect_datagram(struct socket* socket,
                                const struct iocp_datagram* to,
                                const void* path);

/* Makes READY_RECEIVE follow when there is a datagram. */
void engine_arm_datagrams(struct socket* socket);

/* Receives one batch without blocking. Returns 0, ENGINE_WOULD_BLOCK or an
 * error; sets has_more and is_full of the room. */
int32_t engine_receive_datagrams(struct socket* socket,
                                 struct datagram_room* room);

/* Receives one datagram, whose path has room for IOCP_DATAGRAM_PATH_MAX bytes.
 * Returns the bytes in the buffer, ENGINE_WOULD_BLOCK or an error; several that
 * come at once are kept instead, with datagram_put(). */
int32_t engine_receive_from(struct socket* socket,
                            void* buffer,
                            uint32_t length,
                            struct iocp_datagram* header_out,
                            uint8_t* path_out);

/* Sends one datagram without blocking. Returns 0, ENGINE_WOULD_BLOCK or an
 * error. */
int32_t engine_send_to(struct socket* socket,
                       const struct iocp_datagram* header,
                       const void* path,
                       const void* data);

/* Sends the first datagrams without blocking, and advances `sending` past them.
 * Returns their number, ENGINE_WOULD_BLOCK, or the error of the first one. */
int32_t engine_send_datagrams(struct socket* socket,
                              struct datagram_sending* sending);

/* Joins or leaves a multicast group; `source` may be NULL. */
int32_t engine_membership(struct socket* socket,
                          const struct iocp_address* group,
                          const struct iocp_address* source,
                          uint32_t interface_index,
                          bool joins);

/* The index of the interface with that address, or an error. */
int32_t engine_interface_index(struct port* port,
                               const struct iocp_address* address);

/* ---- closing (cancel.c) */

/* Cancels everything in flight; only for a socket that closes. Closes the
 * handle of a listener, so that its address is free at once. */
void engine_cancel(struct socket* socket);

/* True when the kernel holds nothing of the socket any more. READY_CLOSE
 * follows the last completion of a closing socket. */
bool engine_is_idle(const struct socket* socket);

/* Closes the handle of an idle socket. */
void engine_close_socket(struct socket* socket, bool reset);

/* For the end of the process: gives what was canceled a moment to complete, as
 * far as no other thread is needed for that, and leaves the results alone; and
 * closes the handle of a socket that need not be idle. */
void engine_await_canceled(struct port* port);
void engine_close_handle(struct socket* socket, bool reset);

/* Removes the handle of an idle socket from the port, and returns it. */
uint32_t engine_release(struct socket* socket);

/* ---- addresses, options, counters (handle.c, option.c) */

int32_t engine_get_address(struct socket* socket,
                           uint32_t end,
                           struct iocp_address* address_out);

/* The same for a local socket, and the process at its other end. */
int32_t engine_get_path(struct socket* socket,
                        uint32_t end,
                        struct iocp_path* name_out);
int32_t engine_get_peer(struct socket* socket, struct iocp_peer* peer_out);

/* For options of the system; the value is within its bounds. */
int32_t engine_set_option(struct socket* socket,
                          uint32_t option,
                          int32_t value);
int32_t engine_get_option(struct socket* socket, uint32_t option);

/* Adds the socket's operations and bytes_posted. It does not call the kernel,
 * so the handle may be closed. */
void engine_count_posted(const struct socket* socket, struct iocp_stats* stats);

/* Sets the counters of what the kernel holds of the socket now. */
void engine_stats(struct socket* socket, struct iocp_socket_stats* stats);

/* Of a TCP connection (tcp_info.c). */
int32_t engine_tcp_info(struct socket* socket, struct iocp_tcp_info* info_out);

/* ---- passing sockets to other processes (inbox.c)
 *
 * As the functions of iocp.h; room and lengths were checked. */

int32_t engine_inbox(struct port* port, void* address);
int32_t engine_pass(struct port* port,
                    double os_socket,
                    const void* address,
                    uint32_t length,
                    void* ticket);
/* The handle of a listener, or a negative error. */
double engine_listener_handle(struct socket* listener);
int32_t engine_take(struct port* port, const void* ticket, uint32_t length);
int32_t engine_drop(struct port* port, double os_socket);

/* ---- names of hosts (resolve.c) */

#define ENGINE_HOST_NAME_MAX 255

/* Blocks. Any thread. The addresses may be at any alignment. */
int32_t engine_resolve(const char* name, void* addresses, uint32_t capacity);

#endif /* IOCP_ENGINE_H */
