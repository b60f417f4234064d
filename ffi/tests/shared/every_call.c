/* SPDX-License-Identifier: MIT */
#include "every_call.h"

#include <string.h>

#include "check.h"
#include "iocp.h"
#include "raw.h"

#define EVERY__BYTE 0xa5

static void every__check_untouched(const void* memory, size_t size) {
  const uint8_t* bytes = memory;
  for (size_t i = 0; i < size; i++) check_is(bytes[i], EVERY__BYTE);
}

void every_socket_call(int32_t port, int32_t socket, int32_t expected) {
  uint8_t bytes[sizeof(struct iocp_socket_stats)];
  memset(bytes, EVERY__BYTE, sizeof bytes);
  check_is(iocp_accept(port, socket, 1), expected);
  check_is(iocp_stop(port, socket), expected);
  check_is(iocp_share(port, socket, -1), expected);
  check_is(iocp_receive(port, socket, 1), expected);
  check_is(iocp_read(port, socket, bytes, 0, sizeof bytes), expected);
  check_is(iocp_send(port, socket, bytes, 0, sizeof bytes), expected);
  check_is(iocp_send_file(port, socket, 1, 0, 1), expected);
  check_is(iocp_progress(port, socket), expected);
  check_is(iocp_shutdown(port, socket), expected);
  check_is(iocp_get_address(
               port, socket, IOCP_LOCAL, bytes, sizeof(struct iocp_address)),
           expected);
  check_is(iocp_get_address(
               port, socket, IOCP_PEER, bytes, sizeof(struct iocp_address)),
           expected);
  check_is(iocp_get_peer(port, socket, bytes), expected);
  check_is(iocp_tcp_info(port, socket, bytes), expected);
  check_is(iocp_set_option(port, socket, IOCP_NO_DELAY, 1), expected);
  check_is(iocp_get_option(port, socket, IOCP_NO_DELAY), expected);
  check_is(iocp_socket_stats(port, socket, bytes), expected);
  check_is(iocp_receive_from(port, socket, bytes, 0, 8, bytes + 8), expected);
  check_is(iocp_send_to(port, socket, bytes, 0, 1, NULL), expected);
  check_is(iocp_send_many(port, socket, bytes, sizeof bytes, 1), expected);
  check_is(iocp_connect_datagram(port, socket, NULL), expected);
  check_is(iocp_membership(port, socket, bytes, NULL, 0, 1), expected);
  check_is(iocp_close(port, socket, IOCP_DETACH, 1000), expected);
  check_is(iocp_close(port, socket, IOCP_GRACEFUL, 1000), expected);
  check_is(iocp_close(port, socket, IOCP_RESET, 0), expected);
  every__check_untouched(bytes, sizeof bytes);
}

void every_port_call(int32_t port, int32_t socket, int32_t expected) {
  struct {
    struct iocp_header header;
    struct iocp_record records[2];
  } events;
  struct iocp_stats stats;
  uint8_t slab[IOCP_SLAB_MIN];
  struct iocp_address address = raw_address("127.0.0.1", 0);
  memset(&events, EVERY__BYTE, sizeof events);
  memset(&stats, EVERY__BYTE, sizeof stats);
  memset(slab, EVERY__BYTE, sizeof slab);
  every_socket_call(port, socket, expected);
  check_is(iocp_poll(port, &events, 2, slab, 0, sizeof slab), expected);
  check_is(iocp_wait_here(port, 1), expected);
  check_is(iocp_broadcast(port, &socket, slab, 1, slab, 0, 1), expected);
  check_is(iocp_native_error(port), expected);
  check_is(iocp_stats(port, &stats), expected);
  check_is(iocp_group_new(port), expected);
  check_is(iocp_group_close(port, 1), expected);
  check_is(iocp_group_stats(port, 1, &stats), expected);
  check_is(iocp_listen(port, &address, 16, 0), expected);
  check_is(iocp_connect(port, &address, NULL), expected);
  check_is(iocp_bind(port, &address, 0, IOCP_MODE_DEFAULT), expected);
  check_is(iocp_interface_index(port, &address), expected);
  struct iocp_path path = {.family = IOCP_UNIX, .length = 1, .bytes = "x"};
  check_is(iocp_listen_path(port, &path, 16, 0, IOCP_MODE_DEFAULT, NULL, 0),
           expected);
  check_is(iocp_connect(port, &path, NULL), expected);
  host_socket raw = raw_open_stream();
  check_is(iocp_add_socket(port, (double)raw, 0), expected);
  check_is(iocp_add_listener(port, (double)raw, 0), expected);
  uint8_t ticket[IOCP_TICKET_MAX] = {0};
  check_is(iocp_open_file(port, "x", 1, slab), expected);
  check_is(iocp_close_file(port, 1), expected);
  check_is(iocp_inbox(port, ticket, sizeof ticket), expected);
  check_is(iocp_pass(port, socket, 0, slab, 1, ticket, sizeof ticket),
           expected);
  check_is(iocp_take(port, ticket, 16), expected);
  check_is(iocp_drop(port, (double)raw), expected);
  check_is(iocp_take_part(port, 0), expected);
  /* The refused socket still belongs to the caller. */
  raw_close(raw);
  check_is(iocp_delete(port), expected);
  every__check_untouched(&events, sizeof events);
  every__check_untouched(&stats, sizeof stats);
  every__check_untouched(slab, sizeof slab);
}
