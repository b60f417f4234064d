/* SPDX-License-Identifier: MIT */
/*
 * The layout of structs and the numbers of the API. Callers in other languages
 * have copies of these, so a change here is a change of IOCP_ABI.
 */
#include <stddef.h>

#include "iocp.h"
#include "shared/check.h"
#include "shared/test.h"

#define SAME(expression, number) \
  _Static_assert((expression) == (number), #expression)

SAME(sizeof(struct iocp_header), 16);
SAME(offsetof(struct iocp_header, slab_end), 0);
SAME(offsetof(struct iocp_header, flags), 4);
SAME(offsetof(struct iocp_header, timeout_ms), 8);
SAME(offsetof(struct iocp_header, sockets), 12);

SAME(sizeof(struct iocp_record), 16);
SAME(offsetof(struct iocp_record, socket), 0);
SAME(offsetof(struct iocp_record, kind), 4);
SAME(offsetof(struct iocp_record, result), 8);
SAME(offsetof(struct iocp_record, detail), 12);

SAME(sizeof(struct iocp_address), 24);
SAME(offsetof(struct iocp_address, family), 0);
SAME(offsetof(struct iocp_address, port), 2);
SAME(offsetof(struct iocp_address, scope), 4);
SAME(offsetof(struct iocp_address, bytes), 8);

SAME(sizeof(struct iocp_path), 1024);
SAME(offsetof(struct iocp_path, family), 0);
SAME(offsetof(struct iocp_path, length), 2);
SAME(offsetof(struct iocp_path, bytes), 4);

SAME(sizeof(struct iocp_tcp_info), 72);
SAME(offsetof(struct iocp_tcp_info, rtt_us), 0);
SAME(offsetof(struct iocp_tcp_info, rtt_variance_us), 8);
SAME(offsetof(struct iocp_tcp_info, rtt_min_us), 16);
SAME(offsetof(struct iocp_tcp_info, bytes_in_flight), 24);
SAME(offsetof(struct iocp_tcp_info, congestion_window), 32);
SAME(offsetof(struct iocp_tcp_info, max_segment), 40);
SAME(offsetof(struct iocp_tcp_info, bytes_retransmitted), 48);
SAME(offsetof(struct iocp_tcp_info, segments_retransmitted), 56);
SAME(offsetof(struct iocp_tcp_info, delivery_rate), 64);

SAME(sizeof(struct iocp_peer), 12);
SAME(offsetof(struct iocp_peer, pid), 0);
SAME(offsetof(struct iocp_peer, uid), 4);
SAME(offsetof(struct iocp_peer, gid), 8);

SAME(sizeof(struct iocp_stats), 80);
SAME(offsetof(struct iocp_stats, sockets), 0);
SAME(offsetof(struct iocp_stats, operations), 8);
SAME(offsetof(struct iocp_stats, bytes_unsent), 16);
SAME(offsetof(struct iocp_stats, bytes_posted), 24);
SAME(offsetof(struct iocp_stats, bytes_received), 32);
SAME(offsetof(struct iocp_stats, bytes_sent), 40);
SAME(offsetof(struct iocp_stats, accepted), 48);
SAME(offsetof(struct iocp_stats, accept_failures), 56);
SAME(offsetof(struct iocp_stats, polls), 64);
SAME(offsetof(struct iocp_stats, records), 72);

SAME(sizeof(struct iocp_datagram), 32);
SAME(offsetof(struct iocp_datagram, from), 0);
SAME(offsetof(struct iocp_datagram, length), 24);
SAME(offsetof(struct iocp_datagram, size), 28);

SAME(sizeof(struct iocp_socket_stats), 136);
SAME(offsetof(struct iocp_socket_stats, operations), 0);
SAME(offsetof(struct iocp_socket_stats, receives_posted), 8);
SAME(offsetof(struct iocp_socket_stats, bytes_posted), 16);
SAME(offsetof(struct iocp_socket_stats, bytes_readable), 24);
SAME(offsetof(struct iocp_socket_stats, sends), 32);
SAME(offsetof(struct iocp_socket_stats, bytes_unsent), 40);
SAME(offsetof(struct iocp_socket_stats, bytes_received), 48);
SAME(offsetof(struct iocp_socket_stats, bytes_sent), 56);
SAME(offsetof(struct iocp_socket_stats, accepts_posted), 64);
SAME(offsetof(struct iocp_socket_stats, accepts_ready), 72);
SAME(offsetof(struct iocp_socket_stats, accepts_deferred), 80);
SAME(offsetof(struct iocp_socket_stats, accepted), 88);
SAME(offsetof(struct iocp_socket_stats, accept_failures), 96);
SAME(offsetof(struct iocp_socket_stats, first_byte_timeouts), 104);
SAME(offsetof(struct iocp_socket_stats, datagrams_received), 112);
SAME(offsetof(struct iocp_socket_stats, datagrams_sent), 120);
SAME(offsetof(struct iocp_socket_stats, datagrams_dropped), 128);

SAME(IOCP_MORE, 1);
SAME(IOCP_SLAB_FULL, 2);
SAME(IOCP_ACCEPTED, 1);
SAME(IOCP_CONNECTED, 2);
SAME(IOCP_RECEIVED, 3);
SAME(IOCP_READABLE, 4);
SAME(IOCP_SENT, 5);
SAME(IOCP_SHUT, 6);
SAME(IOCP_CLOSED, 7);
SAME(IOCP_DATAGRAMS, 8);
SAME(IOCP_IPV6_ONLY, 1);
SAME(IOCP_REUSE_PORT, 2);
SAME(IOCP_ALL_NO_DELAY, 4);
SAME(IOCP_REUSE_ADDRESS, 32);
SAME(IOCP_DATAGRAM_PATH_MAX, 112);
SAME(IOCP_DATAGRAM_MAX, 65536);
SAME(IOCP_DATAGRAM_ROOM, 65680);
SAME(IOCP_UNIX, 1);
SAME(IOCP_PIPE, 2);
SAME(IOCP_IPV4, 4);
SAME(IOCP_IPV6, 6);
SAME(IOCP_REPLACE_STALE, 8);
SAME(IOCP_EVERYONE, 16);
SAME(IOCP_MODE_DEFAULT, 0xFFFFFFFF);
SAME(IOCP_PEER_UNKNOWN, 0xFFFFFFFF);
SAME(IOCP_GRACEFUL, 0);
SAME(IOCP_RESET, 1);
SAME(IOCP_DETACH, 2);
SAME(IOCP_LOCAL, 0);
SAME(IOCP_PEER, 1);
SAME(IOCP_DETACHED, 1);
SAME(IOCP_PENDING, 0x40000000);
/* The result of a send is its bytes and IOCP_PENDING. */
_Static_assert(IOCP_SEND_MAX < IOCP_PENDING,
               "the bytes of a send are below the flag");

static void abi_is_that_of_the_header(void) { check_is(iocp_abi(), IOCP_ABI); }

/* Two errors with the same number could not be distinguished. */
static void errors_are_distinct(void) {
  static const int32_t numbers[] = {
#define NUMBER(code, number, sentence) IOCP_##code,
      IOCP_ERRORS(NUMBER)
#undef NUMBER
  };
  size_t count = sizeof numbers / sizeof numbers[0];
  for (size_t i = 0; i < count; i++) {
    check(numbers[i] > 0 && numbers[i] < 256);
    for (size_t j = 0; j < i; j++) check(numbers[i] != numbers[j]);
  }
}

/* A new option comes last, so that the numbers of others do not change. */
static void options_are_in_order(void) {
  static const struct {
    int32_t number;
    int32_t min;
    int32_t max;
  } rows[] = {
#define ROW(name, number, owner, scope, min, max) {IOCP_##name, min, max},
      IOCP_OPTIONS(ROW)
#undef ROW
  };
  int32_t count = (int32_t)(sizeof rows / sizeof rows[0]);
  for (int32_t i = 0; i < count; i++) {
    check_is(rows[i].number, i + 1);
    check(rows[i].min < rows[i].max);
  }
  check_is(IOCP_GROUP, 12);
  check_is(IOCP_BROADCAST, 15);
  check_is(IOCP_OFFLOAD, 22);
}

TEST_MAIN(TEST_CASE(abi_is_that_of_the_header),
          TEST_CASE(errors_are_distinct),
          TEST_CASE(options_are_in_order))
