/* SPDX-License-Identifier: MIT */
#include "raw_convert.h"
/* After Winsock's header, which must come first. */
#include "raw.h"

#include <string.h>

#include "check.h"

struct iocp_address raw_address(const char* literal, uint16_t port) {
  struct iocp_address address;
  memset(&address, 0, sizeof address);
  address.family = strchr(literal, ':') == NULL ? 4 : 6;
  address.port = port;
  check_is(
      inet_pton(
          address.family == 4 ? AF_INET : AF_INET6, literal, address.bytes),
      1);
  return address;
}

static host_socket raw__open(int family, int type) {
  raw_handle handle = socket(family, type, 0);
  check((host_socket)handle >= 0);
  return (host_socket)handle;
}

host_socket raw_open_stream(void) { return raw__open(AF_INET, SOCK_STREAM); }

host_socket raw_open_datagram(void) { return raw__open(AF_INET, SOCK_DGRAM); }

static int raw__family(const struct iocp_address* address) {
  return address->family == 4 ? AF_INET : AF_INET6;
}

static host_socket raw__open_for(const struct iocp_address* address) {
  return raw__open(raw__family(address), SOCK_STREAM);
}

bool raw_has_family(uint16_t family) {
  struct iocp_address address =
      raw_address(family == 4 ? "127.0.0.1" : "::1", 0);
  struct sockaddr_storage system;
  raw_length length = raw_to_system(&address, &system);
  raw_handle handle = socket(family == 4 ? AF_INET : AF_INET6, SOCK_STREAM, 0);
  if ((host_socket)handle < 0) return false;
  bool has_it = bind(handle, (struct sockaddr*)&system, length) == 0;
  host_socket_close((host_socket)handle);
  return has_it;
}

struct iocp_address raw_local(host_socket socket) {
  struct sockaddr_storage system;
  raw_length length = sizeof system;
  check_is(getsockname((raw_handle)socket, (struct sockaddr*)&system, &length),
           0);
  return raw_from_system(&system);
}

/* Small buffers have an effect only if they are set before the connect. */
static void raw__set_buffers(host_socket socket, int32_t bytes) {
  check_is(setsockopt((raw_handle)socket,
                      SOL_SOCKET,
                      SO_SNDBUF,
                      (const void*)&bytes,
                      sizeof bytes),
           0);
  check_is(setsockopt((raw_handle)socket,
                      SOL_SOCKET,
                      SO_RCVBUF,
                      (const void*)&bytes,
                      sizeof bytes),
           0);
}

static host_socket raw__bind(const char* literal,
                             int type,
                             int32_t buffer_bytes,
                             struct iocp_address* address_out) {
  struct iocp_address address = raw_address(literal, 0);
  struct sockaddr_storage system;
  raw_length length = raw_to_system(&address, &system);
  host_socket bound = raw__open(raw__family(&address), type);
  if (buffer_bytes != 0) raw__set_buffers(bound, buffer_bytes);
  check_is(bind((raw_handle)bound, (struct sockaddr*)&system, length), 0);
  *address_out = raw_local(bound);
  return bound;
}

host_socket raw_bind_datagram(const char* literal,
                              struct iocp_address* address_out) {
  host_socket bound = raw__bind(literal, SOCK_DGRAM, 0, address_out);
  host_socket_show_hops(bound, address_out->family == 6);
  return bound;
}

void raw_join(host_socket socket,
              const struct iocp_address* group,
              const struct iocp_address* local,
              uint32_t index) {
  struct ip_mreq ipv4;
  struct ipv6_mreq ipv6 = {.ipv6mr_interface = index};
  memcpy(&ipv4.imr_multiaddr, group->bytes, sizeof ipv4.imr_multiaddr);
  memcpy(&ipv4.imr_interface, local->bytes, sizeof ipv4.imr_interface);
  memcpy(&ipv6.ipv6mr_multiaddr, group->bytes, sizeof ipv6.ipv6mr_multiaddr);
  bool is_ipv4 = group->family == 4;
  check_is(setsockopt((raw_handle)socket,
                      is_ipv4 ? IPPROTO_IP : IPPROTO_IPV6,
                      is_ipv4 ? IP_ADD_MEMBERSHIP : IPV6_JOIN_GROUP,
                      is_ipv4 ? (const void*)&ipv4 : (const void*)&ipv6,
                      is_ipv4 ? sizeof ipv4 : sizeof ipv6),
           0);
}

static host_socket raw__listen(const char* literal,
                               int32_t buffer_bytes,
                               struct iocp_address* address_out) {
  host_socket listener =
      raw__bind(literal, SOCK_STREAM, buffer_bytes, address_out);
  check_is(listen((raw_handle)listener, 128), 0);
  return listener;
}

host_socket raw_hold(const char* literal, struct iocp_address* address_out) {
  return raw__bind(literal, SOCK_STREAM, 0, address_out);
}

host_socket raw_listen(const char* literal, struct iocp_address* address_out) {
  return raw__listen(literal, 0, address_out);
}

void raw_pair(int32_t buffer_bytes, host_socket* a_out, host_socket* b_out) {
  struct iocp_address address;
  host_socket listener = raw__listen("127.0.0.1", buffer_bytes, &address);
  *a_out = raw_connect_buffered(&address, buffer_bytes);
  *b_out = raw_accept(listener);
  host_socket_close(listener);
}

int32_t raw_hijack(const struct iocp_address* address) {
  struct sockaddr_storage system;
  raw_length length = raw_to_system(address, &system);
  host_socket thief = raw__open_for(address);
  int one = 1;
  int32_t result = 0;
  check_is(setsockopt((raw_handle)thief,
                      SOL_SOCKET,
                      SO_REUSEADDR,
                      (const void*)&one,
                      sizeof one),
           0);
  if (bind((raw_handle)thief, (struct sockaddr*)&system, length) != 0 ||
      listen((raw_handle)thief, 1) != 0)
    result = host_socket_error();
  host_socket_close(thief);
  return result;
}

host_socket raw_listen_full(struct iocp_address* address_out,
                            host_socket* fillers) {
  struct sockaddr_storage system;
  host_socket listener = raw_listen("127.0.0.1", address_out);
  raw_length length = raw_to_system(address_out, &system);
  /* A second call changes the backlog. */
  check_is(listen((raw_handle)listener, 0), 0);
  for (int i = 0; i < RAW_FILLERS; i++) {
    fillers[i] = raw__open_for(address_out);
    host_socket_set_blocking(fillers[i], false);
    connect((raw_handle)fillers[i], (struct sockaddr*)&system, length);
  }
  return listener;
}

host_socket raw_accept(host_socket listener) {
  raw_handle handle = accept((raw_handle)listener, NULL, NULL);
  check((host_socket)handle >= 0);
  host_socket_set_blocking((host_socket)handle, false);
  return (host_socket)handle;
}

static int32_t raw__connect(const struct iocp_address* address,
                            int32_t buffer_bytes,
                            host_socket* socket_out) {
  struct sockaddr_storage system;
  raw_length length = raw_to_system(address, &system);
  host_socket socket = raw__open_for(address);
  if (buffer_bytes != 0) raw__set_buffers(socket, buffer_bytes);
  if (connect((raw_handle)socket, (struct sockaddr*)&system, length) != 0) {
    int32_t error = host_socket_error();
    host_socket_close(socket);
    return error;
  }
  host_socket_set_blocking(socket, false);
  *socket_out = socket;
  return 0;
}

void raw_connect_with(host_socket socket, const struct iocp_address* address) {
  struct sockaddr_storage system;
  raw_length length = raw_to_system(address, &system);
  check_is(connect((raw_handle)socket, (struct sockaddr*)&system, length), 0);
}

int32_t raw_try_connect(const struct iocp_address* address,
                        host_socket* socket_out) {
  return raw__connect(address, 0, socket_out);
}

host_socket raw_connect(const struct iocp_address* address) {
  return raw_connect_buffered(address, 0);
}

host_socket raw_connect_buffered(const struct iocp_address* address,
                                 int32_t bytes) {
  host_socket socket = -1;
  check_is(raw__connect(address, bytes, &socket), 0);
  return socket;
}

int32_t raw_send(host_socket socket, const void* bytes, uint32_t length) {
  int count = (int)send((raw_handle)socket, bytes, length, 0);
  return count >= 0 ? count : host_socket_error();
}

int32_t raw_receive(host_socket socket, void* bytes, uint32_t length) {
  int count = (int)recv((raw_handle)socket, bytes, length, 0);
  return count >= 0 ? count : host_socket_error();
}

void raw_shutdown(host_socket socket) {
  check_is(shutdown((raw_handle)socket, SD_SEND), 0);
}

void raw_close(host_socket socket) { host_socket_close(socket); }

void raw_reset(host_socket socket) {
  struct linger linger = {.l_onoff = 1, .l_linger = 0};
  check_is(setsockopt((raw_handle)socket,
                      SOL_SOCKET,
                      SO_LINGER,
                      (const void*)&linger,
                      sizeof linger),
           0);
  host_socket_close(socket);
}
