/* SPDX-License-Identifier: MIT */
/*
 * Datagrams with a number and then bytes that are always the same. They are
 * sent 32 in a message that the kernel divides (UDP_SEGMENT), which costs less
 * than any server needs to receive them.
 *
 * receive  as fast as possible, or --rate a second. The server sends every
 *          1,024th that it receives back, which counts for all of them; the
 *          kernel drops what it is too slow for.
 * send     four at a time. The server answers each with 32 copies, of which
 *          none may be missing.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "measurement.h"

#define BURST 32
#define PERIOD 1024
#define IN_FLIGHT 4
#define BYTES_MAX 1472

static int fd;
static uint8_t burst[BURST * BYTES_MAX];
static struct {
  uint64_t number;
  uint8_t rest[BYTES_MAX];
} received[BURST];

static void datagram__open(void) {
  struct sockaddr_in to = {.sin_family = AF_INET,
                           .sin_port = htons((uint16_t)options.port)};
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  struct timeval patience = {.tv_sec = 10};
  int room = 1 << 20, segment = (int)options.bytes;
  if (options.bytes < sizeof(uint64_t) || options.bytes > BYTES_MAX)
    fail("--bytes must be from 8 to %d", BYTES_MAX);
  fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  if (setsockopt(fd, SOL_UDP, UDP_SEGMENT, &segment, sizeof segment) != 0 ||
      connect(fd, (struct sockaddr*)&to, sizeof to) != 0)
    fail("a socket of datagrams: %s", strerror(errno));
  for (size_t i = 0; i < sizeof burst; i++)
    burst[i] = (uint8_t)(i % options.bytes * 7);
}

static void datagram__send(uint64_t count) {
  for (uint64_t i = 0; i < count; i++, measurement.sent++)
    memcpy(burst + i * options.bytes, &measurement.sent, sizeof(uint64_t));
  if (send(fd, burst, count * options.bytes, 0) < 0)
    fail("send: %s", strerror(errno));
}

/* Returns how many datagrams have come, which are in `received`. */
static int datagram__receive(int flags) {
  struct mmsghdr messages[BURST] = {0};
  struct iovec parts[BURST];
  for (int i = 0; i < BURST; i++) {
    parts[i] = (struct iovec){&received[i], sizeof received[i]};
    messages[i].msg_hdr.msg_iov = &parts[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  int count = recvmmsg(fd, messages, BURST, flags, NULL);
  if (count < 0 && flags == MSG_DONTWAIT && errno == EAGAIN) return 0;
  if (count < 0) fail("the server has sent nothing: %s", strerror(errno));
  for (int i = 0; i < count; i++)
    if (messages[i].msg_len != options.bytes ||
        memcmp(received[i].rest, burst + 8, options.bytes - 8) != 0)
      fail("wrong data in a datagram");
  return count;
}

void load_datagram_receive(void) {
  datagram__open();
  measurement_begin();
  uint64_t begun_ns = clock_now_ns(), last_ns = begun_ns, next = 0;
  do {
    uint64_t now = clock_now_ns();
    uint64_t due = (now - begun_ns) * options.rate / NS;
    if (options.rate == 0) datagram__send(BURST);
    while (measurement.sent < due) datagram__send(1);
    int count = datagram__receive(MSG_DONTWAIT);
    for (int i = 0; i < count; i++) {
      measurement.messages += PERIOD;
      if (received[i].number < next || received[i].number >= measurement.sent)
        fail("wrong data: the number of a datagram");
      next = received[i].number + PERIOD;
    }
    if (count > 0) last_ns = now;
    if (now - last_ns > 10 * NS) fail("the server has sent nothing");
  } while (measurement_goes_on());
  measurement_report();
}

void load_datagram_send(void) {
  datagram__open();
  measurement_begin();
  do {
    while (measurement.sent < measurement.messages / BURST + IN_FLIGHT)
      datagram__send(1);
    int count = datagram__receive(MSG_WAITFORONE);
    for (int i = 0; i < count; i++)
      if (received[i].number != measurement.messages++ / BURST)
        fail("a datagram is lost, or not in order");
  } while (measurement_goes_on());
  measurement_report();
}
