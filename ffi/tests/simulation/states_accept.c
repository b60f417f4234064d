/* SPDX-License-Identifier: MIT */
/* Accepting when there are no handles, and the time for the first byte. */
#include <stddef.h>

#include "report.h"
#include "states.h"
#include "tape.h"

/* The ticks of the wheel of timers and of the clock, and the network. */
#define ACCEPT__SLACK_MS 50
/* Pauses of 10, 20 ... 1,280 milliseconds, and then of 1,280. */
#define ACCEPT__SHORTAGE_MS 10000
#define ACCEPT__ATTEMPTS_MIN 12
#define ACCEPT__ATTEMPTS_MAX 17
#define ACCEPT__PAUSE_MIN_MS 10
#define ACCEPT__PAUSE_MAX_MS 1280
#define ACCEPT__FIRST_BYTE_MS 400
#define ACCEPT__BYTES 100
#define ACCEPT__WATCH_MS 1000
#define ACCEPT__MANY 20

static uint32_t accept__failures(const struct states_port* port,
                                 int32_t listener) {
  struct iocp_socket_stats stats;
  RULE("counters can be read",
       iocp_socket_stats(port->id, listener, &stats) == 0);
  return (uint32_t)stats.accept_failures;
}

/* Where its connections come: at itself, or at the part that it hands them
 * to. */
static int32_t accept__share(struct states_port* port, int32_t listener) {
  int32_t share = iocp_share(port->id, listener, -1);
  int32_t part = share < 0 ? share : iocp_take_part(port->id, share);
  if (part < 0 || iocp_accept(port->id, part, 1) != 0) return -IOCP_ENOTSUP;
  return part;
}

/* The accept that was posted gets a connection, and none replaces it. Returns
 * how many have failed. */
static uint32_t accept__run_short(struct states_port* port,
                                  int32_t listener,
                                  int32_t from,
                                  const struct iocp_address* address) {
  struct peer* peer;
  uint32_t failures = accept__failures(port, listener);
  uint64_t since_ms = world_now_ms();
  world_lack(WORLD_HANDLES, WORLD_ALWAYS);
  states_connect(port, from, address, &peer);
  states_poll(port);
  /* A part gets the connection in a later poll, and a coarse clock may have
   * passed the first pause by then. */
  uint32_t count = accept__failures(port, listener) - failures;
  RULE("an accept that cannot be posted has failed",
       count == 1 ||
           (count == 2 && world_now_ms() - since_ms >= ACCEPT__PAUSE_MIN_MS));
  RULE("a port says when an accept is tried again",
       port->timeout_ms >= 0 &&
           port->timeout_ms <= ACCEPT__PAUSE_MIN_MS + ACCEPT__SLACK_MS);
  return failures + count;
}

static void accept__recovers(struct states_port* port,
                             int32_t from,
                             const struct iocp_address* address,
                             uint32_t limit_ms) {
  struct iocp_record record;
  world_lack(WORLD_HANDLES, 0);
  peer_connect(address);
  while (states_take(port, -1, IOCP_ACCEPTED, NULL)) continue;
  RULE("accepting goes on when the pause is over",
       states_await(
           port, from, IOCP_ACCEPTED, limit_ms + ACCEPT__SLACK_MS, &record) &&
           record.result >= 0);
}

/* "Accepting is retried until it succeeds" (iocp_accept()): in pauses that grow
 * up to a limit, and begin anew after a success. */
void states_visit_accept_pauses(void) {
  struct states_port port;
  struct iocp_address address;
  struct peer* peer;
  if (!states_open(&port)) return;
  int32_t listener = states_listen(&port, 1, &address);
  int32_t from = listener;
  if (listener >= 0 && tape_choose(2) != 0)
    from = accept__share(&port, listener);
  if (from >= 0 && states_connect(&port, from, &address, &peer) >= 0) {
    uint32_t before = accept__run_short(&port, listener, from, &address);
    states_pass(&port, ACCEPT__SHORTAGE_MS);
    uint32_t attempts = accept__failures(&port, listener) - before;
    TRACE("%u attempts", attempts);
    RULE("an accept that fails again and again is tried in pauses that grow",
         attempts <= ACCEPT__ATTEMPTS_MAX);
    RULE("the pauses between accepts have a limit",
         attempts >= ACCEPT__ATTEMPTS_MIN);
    accept__recovers(&port, from, &address, ACCEPT__PAUSE_MAX_MS);
    states_poll(&port);
    accept__run_short(&port, listener, from, &address);
    accept__recovers(&port, from, &address, ACCEPT__PAUSE_MIN_MS);
  }
  world_lack(WORLD_HANDLES, 0);
  states_close(&port);
}

/* ---- the first byte */

enum accept__manner {
  ACCEPT__RECEIVED,
  ACCEPT__READ,
  ACCEPT__KEPT,  /* in the kernel */
  ACCEPT__LATE,  /* in the last moment */
  ACCEPT__SILENT /* nothing is sent */
};
#define ACCEPT__MANNERS 5

/* What the peer has sent is taken, or stays where it is. */
static void accept__use(struct states_port* port,
                        int32_t id,
                        enum accept__manner manner) {
  static uint8_t bytes[ACCEPT__BYTES];
  if (manner == ACCEPT__RECEIVED) iocp_receive(port->id, id, 1 << 20);
  if (manner == ACCEPT__READ)
    RULE("what has come is read",
         iocp_read(port->id, id, bytes, 0, sizeof bytes) > 0);
  states_poll(port);
}

/* "-IOCP_ETIMEDOUT when IOCP_FIRST_BYTE_TIMEOUT has passed. Calls about the
 * socket fail with that reason until then" (IOCP_CLOSED). */
static bool accept__expires(struct states_port* port, int32_t id) {
  struct iocp_record record;
  for (uint32_t i = 0; i < ACCEPT__FIRST_BYTE_MS + 100; i++) {
    states_poll(port);
    if (states_take(port, id, IOCP_CLOSED, &record))
      return record.result == -IOCP_ETIMEDOUT;
    int32_t result = iocp_get_option(port->id, id, IOCP_RECEIVE_DEPTH);
    RULE("calls fail with the reason of a close that is not reported yet",
         result == 1 || result == -IOCP_ETIMEDOUT);
    world_pause(1);
  }
  return false;
}

/* The system cannot be asked when the time is over: "without an answer the peer
 * may have sent it in time". It is asked again. */
static void accept__be_silent(struct states_port* port,
                              int32_t id,
                              bool has_answers) {
  struct iocp_record record;
  if (!has_answers) {
    world_lack(WORLD_ANSWERS, WORLD_ALWAYS);
    states_pass(port, ACCEPT__FIRST_BYTE_MS);
    RULE("a peer that cannot be asked about is not reset",
         !states_take(port, id, IOCP_CLOSED, &record));
    world_lack(WORLD_ANSWERS, 0);
  }
  RULE("a silent peer is reset when its time is over",
       accept__expires(port, id));
}

/* IOCP_FIRST_BYTE_TIMEOUT: one byte in time is enough, wherever it is, and
 * nothing need follow it. */
void states_visit_first_byte(void) {
  struct states_port port;
  struct iocp_address address;
  struct peer* peer;
  enum accept__manner manner =
      (enum accept__manner)tape_choose(ACCEPT__MANNERS);
  if (!states_open(&port)) return;
  int32_t listener = states_listen(&port, 0, &address);
  if (listener >= 0)
    iocp_set_option(
        port.id, listener, IOCP_FIRST_BYTE_TIMEOUT, ACCEPT__FIRST_BYTE_MS);
  int32_t id = listener < 0 || iocp_accept(port.id, listener, 1) != 0
                   ? -IOCP_ENOTSUP
                   : states_connect(&port, listener, &address, &peer);
  if (id >= 0 && manner == ACCEPT__SILENT) {
    /* What is posted ends after the socket. */
    if (tape_choose(2) == 0) iocp_receive(port.id, id, 1 << 20);
    states_pass(&port, ACCEPT__FIRST_BYTE_MS / 2);
    accept__be_silent(&port, id, tape_choose(2) == 0);
  } else if (id >= 0) {
    uint32_t late_ms = manner == ACCEPT__LATE ? 30 : ACCEPT__FIRST_BYTE_MS / 2;
    states_pass(&port, ACCEPT__FIRST_BYTE_MS - late_ms);
    states_send(peer, ACCEPT__BYTES);
    accept__use(&port, id, manner);
    states_pass(&port, 2 * ACCEPT__FIRST_BYTE_MS);
    RULE("a peer that has sent its first byte in time is not reset",
         !states_take(&port, id, IOCP_CLOSED, NULL));
  }
  states_close(&port);
}

/* ---- connections without data */

/* They are looked for once in a second (defer_accept.c), not more often, since
 * the user can sleep, and not less, since they must not use up the accepts,
 * however long their time is. */
void states_visit_watch(void) {
  static const int32_t times[] = {0, 100000, 86400000};
  struct states_port port;
  struct iocp_address address;
  int32_t time = times[tape_choose(3)];
  if (!states_open(&port)) return;
  int32_t listener = states_listen(&port, 0, &address);
  if (listener >= 0 &&
      iocp_set_option(port.id, listener, IOCP_DEFER_ACCEPT, 1) == 0 &&
      iocp_set_option(port.id, listener, IOCP_FIRST_BYTE_TIMEOUT, time) == 0 &&
      iocp_accept(port.id, listener, 1) == 0) {
    states_poll(&port);
    RULE("connections without data are looked for once in a second",
         port.timeout_ms >= ACCEPT__WATCH_MS - ACCEPT__SLACK_MS &&
             port.timeout_ms <= ACCEPT__WATCH_MS + ACCEPT__SLACK_MS);
  }
  states_close(&port);
}

/* A silent peer. */
static void accept__be_deferred(struct states_port* port,
                                int32_t listener,
                                const struct iocp_path* path) {
  peer_connect_path(path, NULL, 0, false);
  states_pass(port, ACCEPT__FIRST_BYTE_MS + 2 * ACCEPT__SLACK_MS);
  RULE("a peer that has sent nothing is not reported",
       !states_take(port, listener, IOCP_ACCEPTED, NULL));
  RULE("a connection that was never reported ends with its time",
       port->sockets == 1);
}

/* The byte that has come, at once or when it can be read. */
static void accept__read_byte(struct states_port* port, int32_t id) {
  uint8_t bytes[8];
  int32_t result = iocp_read(port->id, id, bytes, 0, sizeof bytes);
  if (result == IOCP_PENDING &&
      states_await(port, id, IOCP_READABLE, ACCEPT__SLACK_MS, NULL))
    result = iocp_read(port->id, id, bytes, 0, sizeof bytes);
  RULE("the byte that ended a deferral can be read", result == 1);
}

/* One that sends: its connection is like any other from then on. */
static void accept__end_deferral(struct states_port* port,
                                 int32_t listener,
                                 const struct iocp_path* path) {
  uint8_t bytes[8];
  struct iocp_record record;
  struct peer* peer = peer_connect_path(path, NULL, 0, false);
  states_pass(port, ACCEPT__SLACK_MS);
  RULE("a peer that has sent nothing is not reported",
       !states_take(port, listener, IOCP_ACCEPTED, NULL));
  states_send(peer, 1);
  bool is_reported =
      states_await(port, listener, IOCP_ACCEPTED, ACCEPT__SLACK_MS, &record);
  RULE("a deferred peer is reported once it has sent", is_reported);
  if (record.result < 0) return;
  accept__read_byte(port, record.result);
  RULE("a read waits when everything was read",
       iocp_read(port->id, record.result, bytes, 0, sizeof bytes) ==
           IOCP_PENDING);
  states_pass(port, 2);
  RULE("a connection is not readable before more has come",
       !states_take(port, record.result, IOCP_READABLE, NULL));
}

/* IOCP_DEFER_ACCEPT: a silent peer is never reported. When its time is over,
 * nothing of its connection is left. */
void states_visit_deferred(void) {
  struct states_port port;
  struct iocp_path path;
  bool is_silent = tape_choose(2) == 0;
  uint16_t family = tape_choose(4) == 0 ? IOCP_PIPE : IOCP_UNIX;
  /* Some systems have no unix sockets: they have pipes. */
  if (!world_has_local(family)) family = IOCP_PIPE;
  if (!world_has_local(family) || !states_open(&port)) return;
  world_path(family, STATES_PATH_DEFERRED, WORLD_USER, &path);
  int32_t listener =
      iocp_listen_path(port.id, &path, 8, 0, IOCP_MODE_DEFAULT, NULL, 0);
  if (listener >= 0 &&
      iocp_set_option(port.id, listener, IOCP_DEFER_ACCEPT, 1) == 0 &&
      iocp_set_option(
          port.id, listener, IOCP_FIRST_BYTE_TIMEOUT, ACCEPT__FIRST_BYTE_MS) ==
          0 &&
      iocp_accept(port.id, listener, 1) == 0) {
    states_poll(&port);
    if (is_silent)
      accept__be_deferred(&port, listener, &path);
    else
      accept__end_deferral(&port, listener, &path);
  }
  states_close(&port);
}

/* To set it again changes nothing: what is posted stays so. */
static void accept__defer_again(struct states_port* port, int32_t listener) {
  states_poll(port);
  uint64_t calls = world_calls();
  RULE("an option can be set to what it is",
       iocp_set_option(port->id, listener, IOCP_DEFER_ACCEPT, 1) == 0);
  states_poll(port);
  RULE("an option that stays as it is leaves the accepts alone",
       world_calls() - calls < ACCEPT__MANY);
}

/* IOCP_DEFER_ACCEPT is cleared: accepts that were posted to wait for data wait
 * for a connection alone, if need be once the system can be asked about them.
 */
void states_visit_undeferred(void) {
  struct states_port port;
  struct iocp_address address;
  bool has_answers = tape_choose(2) == 0;
  if (!states_open(&port)) return;
  int32_t listener = states_listen(&port, 0, &address);
  if (listener >= 0 &&
      iocp_set_option(port.id, listener, IOCP_DEFER_ACCEPT, 1) == 0 &&
      iocp_accept(port.id, listener, ACCEPT__MANY) == 0) {
    accept__defer_again(&port, listener);
    if (!has_answers) world_lack(WORLD_ANSWERS, WORLD_ALWAYS);
    RULE("an option that was set can be cleared",
         iocp_set_option(port.id, listener, IOCP_DEFER_ACCEPT, 0) == 0);
    states_poll(&port);
    world_lack(WORLD_ANSWERS, 0);
    states_pass(&port, has_answers ? 1 : ACCEPT__WATCH_MS + ACCEPT__SLACK_MS);
    peer_connect(&address);
    RULE("a peer that sends nothing is reported once the option is cleared",
         states_await(&port, listener, IOCP_ACCEPTED, ACCEPT__SLACK_MS, NULL));
  }
  states_close(&port);
}
