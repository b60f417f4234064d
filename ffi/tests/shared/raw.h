/* SPDX-License-Identifier: MIT */
/*
 * Peers that are plain sockets, to find errors that two ends of the library
 * would both make. They do not block.
 */
#ifndef TESTS_RAW_H
#define TESTS_RAW_H

#include "host.h"
#include "iocp.h"

/* The address of an IPv4 or IPv6 literal. */
struct iocp_address raw_address(const char* literal, uint16_t port);

/* True if the system has the family (4 or 6) on its loopback. */
bool raw_has_family(uint16_t family);

/* A listener on port 0; stores its address. */
host_socket raw_listen(const char* literal, struct iocp_address* address_out);

/* Binds a port without listening: connections to it are refused, and no other
 * program gets the port. */
host_socket raw_hold(const char* literal, struct iocp_address* address_out);

/* Two connected sockets with kernel buffers of about this size, or of the
 * system's choice (0). */
void raw_pair(int32_t buffer_bytes, host_socket* a_out, host_socket* b_out);
host_socket raw_accept(host_socket listener);
/* Tries to listen at an address in use, with the option that permits that on
 * Windows. Returns 0 or the error. */
int32_t raw_hijack(const struct iocp_address* address);

/* A listener whose backlog is full, so that a connect neither succeeds nor
 * fails soon; `fillers` are RAW_FILLERS sockets that fill it. */
#define RAW_FILLERS 4
host_socket raw_listen_full(struct iocp_address* address_out,
                            host_socket* fillers);

/* Connected on return, since the system answers for a listener that has room in
 * its backlog. */
host_socket raw_connect(const struct iocp_address* address);
/* The same with an existing socket. */
void raw_connect_with(host_socket socket, const struct iocp_address* address);

/* The same, but a refusal is returned. */
int32_t raw_try_connect(const struct iocp_address* address,
                        host_socket* socket_out);
/* The same as raw_connect(), with kernel buffers of about this size. */
host_socket raw_connect_buffered(const struct iocp_address* address,
                                 int32_t bytes);
/* Unconnected sockets: a stream, and a datagram socket. */
host_socket raw_open_stream(void);
host_socket raw_open_datagram(void);
/* A datagram socket on port 0 that blocks, for host_socket_receive_hops(). */
host_socket raw_bind_datagram(const char* literal,
                              struct iocp_address* address_out);
/* Makes it a member of a group: of IPv4 on the interface that has the address
 * `local`, of IPv6 on the one with the index. */
void raw_join(host_socket socket,
              const struct iocp_address* group,
              const struct iocp_address* local,
              uint32_t index);

/* Bytes, HOST_WOULD_BLOCK or -IOCP_E...; 0 from a receive is the end. */
int32_t raw_send(host_socket socket, const void* bytes, uint32_t length);
int32_t raw_receive(host_socket socket, void* bytes, uint32_t length);

struct iocp_address raw_local(host_socket socket);

void raw_shutdown(host_socket socket);
void raw_close(host_socket socket);
/* Closes with an RST. */
void raw_reset(host_socket socket);

#endif /* TESTS_RAW_H */
