/* SPDX-License-Identifier: MIT */
/*
 * Peers made of the system's plain sockets, so that a mistake that both ends of
 * the library would make alike still shows. They do not block.
 */
#ifndef TESTS_RAW_H
#define TESTS_RAW_H

#include "host.h"
#include "iocp.h"

/* The address of an IPv4 or IPv6 literal. */
struct iocp_address raw_address(const char* literal, uint16_t port);

/* True when the system has the family (4 or 6) on its loopback. */
bool raw_has_family(uint16_t family);

/* A listener on port 0; its address is written. */
host_socket raw_listen(const char* literal, struct iocp_address* address_out);

/* Takes a port and does not listen, so that whoever connects is refused, and
 * nobody else gets the port meanwhile. */
host_socket raw_hold(const char* literal, struct iocp_address* address_out);

/* Two connected sockets with kernel buffers of about that many bytes, or of the
 * system's choice (0). */
void raw_pair(int32_t buffer_bytes, host_socket* a_out, host_socket* b_out);
host_socket raw_accept(host_socket listener);
/* Tries to listen at an address that somebody has, with the option that takes
 * it from him on Windows. 0 or the error. */
int32_t raw_steal(const struct iocp_address* address);

/* A listener whose backlog is full, so that a connection to it neither succeeds
 * nor fails soon; `fillers` are RAW_FILLERS sockets that fill it. */
#define RAW_FILLERS 4
host_socket raw_listen_full(struct iocp_address* address_out,
                            host_socket* fillers);

/* Connected when it returns: the system answers for a listener that has room
 * in its backlog. */
host_socket raw_connect(const struct iocp_address* address);
/* The same with a socket that was made elsewhere. */
void raw_connect_with(host_socket socket, const struct iocp_address* address);

/* The same, but the refusal is the result. */
int32_t raw_try_connect(const struct iocp_address* address,
                        host_socket* socket_out);
/* The same as raw_connect(), with kernel buffers of about that many bytes. */
host_socket raw_connect_buffered(const struct iocp_address* address,
                                 int32_t bytes);
/* Made but not connected, and a datagram socket. */
host_socket raw_open_stream(void);
host_socket raw_open_datagram(void);

/* Bytes, HOST_WOULD_BLOCK or -IOCP_E...; a receive of 0 is the end. */
int32_t raw_send(host_socket socket, const void* bytes, uint32_t length);
int32_t raw_receive(host_socket socket, void* bytes, uint32_t length);

struct iocp_address raw_name(host_socket socket);

void raw_shutdown(host_socket socket);
void raw_close(host_socket socket);
/* Closes with RST. */
void raw_reset(host_socket socket);

#endif /* TESTS_RAW_H */
