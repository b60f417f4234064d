/* SPDX-License-Identifier: MIT */
/*
 * What the system knows of a TCP connection, and which sockets have none.
 *
 * Wine 10 knows nothing (ffi/probe, "SIO_TCP_INFO of a connection"), so there
 * the call is refused; Linux is compared with the system itself.
 */
#include <string.h>

#include "iocp.h"
#include "shared/drive.h"
#include "shared/local.h"
#include "shared/raw.h"
#include "shared/raw_headers.h"
#include "shared/test.h"

/* Returns false where the system knows nothing. */
static bool ask(const struct drive_socket* socket, struct iocp_tcp_info* info) {
  memset(info, 0xa5, sizeof *info);
  int32_t result = iocp_tcp_info(socket->drive->port, socket->id, info);
  if (host_posts_operations() && result == -IOCP_ENOTSUP) {
    check_is(iocp_native_error(socket->drive->port) != 0, 1);
    return false;
  }
  check_is(result, 0);
  return true;
}

static void after_some_bytes(void) {
  struct drive drive;
  struct drive_socket *client, *server;
  struct iocp_tcp_info info;
  drive_open(&drive);
  drive_pair(&drive, &client, &server);
  drive_receive(server, 100000);
  drive_send(client, "hello", 5);
  drive_until(&drive, server->received == 5);
  if (ask(client, &info)) {
    check_is(info.rtt_us > 0, 1);
    check_is(info.rtt_min_us > 0 && info.rtt_min_us < 1e9, 1);
    check_is(info.max_segment > 0, 1);
    check_is(info.congestion_window >= info.max_segment, 1);
    check_is(info.bytes_in_flight >= 0 && info.bytes_in_flight < 1e6, 1);
    bool is_linux = !host_posts_operations();
    check_is(info.delivery_rate > 0, is_linux);
    check_is(info.rtt_variance_us >= 0, is_linux);
    check_is(info.segments_retransmitted >= 0, is_linux);
  }
  drive_finish(&drive);
}

#if !defined(_WIN32)
static void same_as_the_system(void) {
  struct drive drive;
  struct iocp_address address;
  struct iocp_tcp_info info;
  struct tcp_info theirs;
  raw_length length = sizeof theirs;
  drive_open(&drive);
  host_socket raw_listener = raw_listen("127.0.0.1", &address);
  host_socket peer = raw_connect(&address);
  host_socket raw = raw_accept(raw_listener);
  struct drive_socket* socket =
      drive_add(&drive, iocp_add_socket(drive.port, (double)raw, 0));
  /* More than the peer takes, so that some of it waits. */
  drive_fill(socket, 7);
  check_is(ask(socket, &info), 1);
  check_is(getsockopt((raw_handle)raw, IPPROTO_TCP, TCP_INFO, &theirs, &length),
           0);
  check_is(info.rtt_us, theirs.tcpi_rtt);
  check_is(info.rtt_variance_us, theirs.tcpi_rttvar);
  check_is(info.max_segment, theirs.tcpi_snd_mss);
  check_is(info.congestion_window,
           (double)theirs.tcpi_snd_cwnd * theirs.tcpi_snd_mss);
  check_is(info.segments_retransmitted, theirs.tcpi_total_retrans);
  raw_close(peer);
  raw_close(raw_listener);
  drive_finish(&drive);
}
#endif

static void local(struct drive* drive, uint16_t family) {
  struct drive_socket *client, *server;
  struct iocp_tcp_info info;
  local_pair(drive, family, &client, &server);
  check_is(iocp_tcp_info(drive->port, client->id, &info), -IOCP_ENOTSUP);
  check_is(iocp_native_error(drive->port), 0);
}

static void refused(void) {
  struct drive drive;
  struct iocp_address address;
  struct drive_socket *client, *server;
  struct iocp_tcp_info info;
  local_each_family(local);
  drive_open(&drive);
  struct drive_socket* listener =
      drive_listen(&drive, "127.0.0.1", 0, &address);
  check_is(iocp_tcp_info(drive.port, listener->id, &info), -IOCP_ENOTCONN);
  drive_pair(&drive, &client, &server);
  check_is(iocp_tcp_info(drive.port, client->id, NULL), -IOCP_EFAULT);
  drive_finish(&drive);
}

TEST_MAIN(TEST_CASE(after_some_bytes),
#if !defined(_WIN32)
          TEST_CASE(same_as_the_system),
#endif
          TEST_CASE(refused))
