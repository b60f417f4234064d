/* SPDX-License-Identifier: MIT */
#include "workload.h"

#include <stddef.h>

#include "crowd.h"
#include "guests.h"
#include "ledger.h"
#include "probes.h"
#include "report.h"
#include "settle.h"
#include "sharers.h"
#include "tape.h"
#include "user.h"
#include "wrong.h"

/* How many of 1,000 steps are followed by another one. */
#define WORKLOAD__CONTINUES 975
#define WORKLOAD__STEPS_MAX 400
/* Steps of 1,000 that are followed by wrong calls, and how many. */
#define WORKLOAD__WRONG 100
#define WORKLOAD__WRONG_CALLS 16
#define WORKLOAD__WRONG_CALLS_REAL 100
/* How many of 1,000 schedules end with the process. */
#define WORKLOAD__EXITS 50
/* Of those with shares, which hold what the process has to reset. */
#define WORKLOAD__EXITS_SHARED 250
/* More than a connection accepts at once. */
#define WORKLOAD__LARGE 100000
/* Longer than all deadlines except the longest. */
#define WORKLOAD__SLEEP_MS 3600000

/* ---- steps */

static uint32_t workload__size(void) {
  switch (tape_choose(8)) {
    case 7:
      return 1 + tape_choose(IOCP_SEND_MAX + 40000);
    case 6:
    case 5:
      return 1 + tape_choose(20000);
    case 4:
    case 3:
      return 1 + tape_choose(3000);
    default:
      return 1 + tape_choose(100);
  }
}

static uint32_t workload__timeout_ms(void) {
  static const uint32_t timeouts[] = {1000, 5000, 30, 1, 0, UINT32_MAX};
  return timeouts[tape_choose(6)];
}

static void workload__poll(uint32_t port) {
  if (tape_choose(3) == 0)
    user_poll(port);
  else
    user_poll_somehow(port);
}

static void workload__guest(uint32_t port) {
  (void)port;
  guests_act();
}

/* Several sends that are pending at once. */
static void workload__sends(struct entry* entry) {
  user_set_to(entry, IOCP_SEND_CONCURRENCY, 64);
  for (uint32_t i = 2 + tape_choose(6); i != 0; i--)
    user_send(entry, workload__size());
}

static void workload__send(uint32_t port) {
  (void)port;
  struct entry* entry = user_choose(ENTRY_STREAM);
  uint32_t length = tape_chance(20) ? 0 : workload__size();
  if (entry == NULL) return;
  if (tape_chance(30))
    workload__sends(entry);
  else
    user_send(entry, length);
}

static void workload__receive(uint32_t port) {
  (void)port;
  struct entry* entry = user_choose(ENTRY_STREAM);
  uint32_t bytes = tape_chance(200) ? 1u << 30 : workload__size();
  if (entry != NULL) user_receive(entry, bytes);
}

static void workload__read(uint32_t port) {
  (void)port;
  struct entry* entry = user_choose(ENTRY_STREAM);
  uint32_t length = tape_chance(20) ? 0 : workload__size();
  if (entry != NULL) user_read(entry, length);
}

static void workload__invite(uint32_t port) {
  uint32_t count = 1;
  if (tape_chance(100)) count += tape_choose(12);
  if (tape_chance(3)) count += 70;
  while (count-- != 0) {
    struct guest* guest = user_invite(port);
    if (guest == NULL) return;
    /* It is reset before it was accepted. */
    if (tape_chance(60)) guest_reset(guest);
  }
}

static void workload__connect(uint32_t port) { user_connect(port); }

static void workload__listen(uint32_t port) { user_listen(port); }

static void workload__accept(uint32_t port) {
  static const uint32_t counts[] = {4, 1, 0, 20, IOCP_ACCEPT_MAX + 1};
  (void)port;
  struct entry* entry = user_choose(ENTRY_LISTENER);
  uint32_t count = counts[tape_choose(5)];
  if (entry != NULL) user_accept(entry, count);
}

/* Bytes and the end of the stream arrive at once, for several receives, when
 * the own direction has ended before. */
static void workload__end_both(struct entry* entry) {
  struct guest* guest = guests_of(entry);
  if (guest == NULL) return;
  user_set_to(entry, IOCP_RECEIVE_BUFFER, 100);
  user_set_to(entry, IOCP_RECEIVE_DEPTH, 5);
  user_receive(entry, WORKLOAD__LARGE);
  user_shutdown(entry);
  user_poll(entry->port);
  guest_send(guest, 1 + tape_choose(1000));
  if (!guest->is_gone) guest_shutdown(guest);
}

static void workload__shutdown(uint32_t port) {
  (void)port;
  struct entry* entry = user_choose(ENTRY_STREAM);
  if (entry == NULL) return;
  if (tape_chance(200))
    workload__end_both(entry);
  else
    user_shutdown(entry);
}

static enum entry_kind workload__kind(void) {
  switch (tape_choose(8)) {
    case 7:
      return ENTRY_LISTENER;
    case 6:
      return ENTRY_CONNECTING;
    case 5:
      return user_choose(ENTRY_DATAGRAM) != NULL ? ENTRY_DATAGRAM
                                                 : ENTRY_STREAM;
    default:
      return ENTRY_STREAM;
  }
}

static void workload__close(uint32_t port) {
  (void)port;
  struct entry* entry = user_choose(workload__kind());
  uint32_t mode = tape_choose(2) == 0 ? IOCP_GRACEFUL : IOCP_RESET;
  uint32_t timeout_ms = workload__timeout_ms();
  if (entry != NULL) user_close(entry, mode, timeout_ms);
}

/* Bytes or an end are about to arrive for a posted receive. */
static void workload__arrive(struct entry* entry) {
  struct guest* guest = guests_of(entry);
  if (guest == NULL) return;
  user_receive(entry, 1 + tape_choose(3000));
  user_poll(entry->port);
  if (!guest->is_gone) guest_send(guest, 1 + tape_choose(3000));
}

static void workload__detach(uint32_t port) {
  (void)port;
  struct entry* entry = user_choose(ENTRY_STREAM);
  uint32_t timeout_ms = workload__timeout_ms();
  if (entry == NULL) return;
  if (tape_chance(150)) workload__arrive(entry);
  bool is_cut = tape_chance(20);
  if (is_cut) user_send(entry, IOCP_SEND_MAX + 1);
  user_close(entry, IOCP_DETACH, timeout_ms);
  if (!is_cut || tape_choose(2) == 0) return;
  /* Before it was reported. */
  if (tape_choose(2) != 0) user_poll_somehow(entry->port);
  user_delete(entry->port);
  crowd_stop(entry->port);
}

/* Most adopted sockets are sent to at once, as most programs do. */
static void workload__adopt(uint32_t port) {
  if (tape_chance(100)) {
    user_close_loose();
    return;
  }
  uint32_t count = ledger.entry_count;
  user_add_loose(port);
  if (ledger.entry_count == count || tape_choose(2) == 0) return;
  struct entry* entry = &ledger.entries[count];
  user_send(entry, workload__size());
  if (tape_choose(2) != 0) user_send(entry, WORKLOAD__LARGE);
}

static void workload__foreign(uint32_t port) {
  if (tape_chance(200))
    user_add_odd(port);
  else
    user_add_foreign(port);
}

static void workload__option(uint32_t port) {
  (void)port;
  struct entry* entry =
      user_choose(tape_choose(2) == 0 ? ENTRY_STREAM : ENTRY_LISTENER);
  /* The library may have closed the handle of one whose send has failed. */
  for (uint32_t i = 0; i < ledger.entry_count; i++)
    if (ledger.entries[i].has_failed_send && !ledger.entries[i].is_closed)
      entry = &ledger.entries[i];
  if (entry != NULL) user_set_option(entry);
}

static void workload__ask(uint32_t port) {
  struct entry* entry = user_choose(workload__kind());
  user_ask_port(port);
  if (entry == NULL) return;
  user_ask(entry);
  if (entry->kind != ENTRY_STREAM) return;
  if (tape_choose(2) != 0)
    user_ask_progress(entry);
  else
    user_ask_tcp_info(entry);
}

static void workload__wait(uint32_t port) {
  int32_t timeout_ms = (int32_t)tape_choose(world_is_exact() ? 100 : 2);
  if (tape_chance(200)) {
    int32_t result = iocp_wake(ledger.ports[port].id);
    TRACE("iocp_wake(%u): %d", port, result);
    RULE("a port can be woken", result == 0 || error_is_fault(result));
  }
  user_wait_here(port);
  if (!ledger.ports[port].is_watched)
    user_wait(port, timeout_ms);
  else
    crowd_wake(port);
}

static void workload__pause(uint32_t port) {
  static const uint32_t pauses[] = {1, 5, 20, 100, 1000, 3000};
  (void)port;
  uint32_t ms = pauses[tape_choose(6)];
  if (!world_is_exact() && ms > 2) ms = 2;
  if (tape_chance(50)) {
    TRACE("the machine sleeps");
    world_sleep(WORKLOAD__SLEEP_MS);
  }
  TRACE("a pause of %u ms", ms);
  world_pause(ms);
}

static void workload__misuse(uint32_t port) {
  (void)port;
  user_misuse();
}

/* Threads that wait for a port of an earlier realm must end first, since it is
 * deleted. */
static void workload__new(void) {
  user_new();
  for (uint32_t i = 0; i < ledger.port_count; i++)
    if (!ledger.ports[i].is_open) crowd_stop(i);
}

static void workload__group(uint32_t port) { user_group(port); }

static void workload__listen_path(uint32_t port) {
  if (tape_chance(100))
    user_take_path();
  else
    user_listen_path(port);
}

static void workload__connect_path(uint32_t port) { user_connect_path(port); }

static void workload__datagram(uint32_t port) { user_datagram(port); }

static void workload__pass(uint32_t port) {
  switch (tape_choose(9)) {
    case 8:
      user_hand_over();
      return;
    case 7:
    case 6:
      user_add_listener(port);
      return;
    case 5:
      user_stop();
      return;
    case 4:
    case 3:
    case 2:
      user_take();
      return;
    default:
      user_pass();
  }
}

static void workload__port(uint32_t port) {
  workload__new();
  if (!ledger.ports[port].is_open || !tape_chance(300)) return;
  user_delete(port);
  crowd_stop(port);
}

static void workload__thread(uint32_t port) {
  (void)port;
  crowd_join();
}

static void workload__resolve(uint32_t port) {
  (void)port;
  user_resolve();
}

/* ---- profiles */

#define WORKLOAD__ACTIONS 26
#define WORKLOAD__PASS 24
#define WORKLOAD__SHARE 25

/* The first one is the plainest. */
static void (*const workload__actions[WORKLOAD__ACTIONS])(uint32_t port) = {
    workload__poll,         workload__guest,
    workload__send,         workload__receive,
    workload__read,         workload__invite,
    workload__connect,      workload__listen,
    workload__accept,       workload__shutdown,
    workload__close,        workload__detach,
    workload__adopt,        workload__foreign,
    workload__option,       workload__ask,
    workload__wait,         workload__pause,
    workload__misuse,       workload__port,
    workload__group,        workload__listen_path,
    workload__connect_path, workload__datagram,
    workload__pass,         user_share,
};

struct workload__profile {
  const char* name;
  uint8_t threads;        /* of 100 schedules, how many have other threads */
  bool has_first_byte_ms; /* its listener has a first-byte timeout */
  bool is_local;          /* its listener has a name */
  bool is_datagram;       /* it begins with datagram sockets */
  uint8_t weights[WORKLOAD__ACTIONS];
};

/* In the order of the actions:
 * po gu se re rd in co li ac sh cl de ad fo op as wa pa mi pt gr lp cp dg ps hs
 */
static const struct workload__profile workload__profiles[] = {
    {"plain", 0, false, false, false, {9, 9, 6, 6, 4, 3, 2, 1, 1, 1, 2, 1,
                                       1, 1, 1, 1, 2, 1, 1, 0, 0, 0, 0}},
    {"churn", 5, false, false, false, {9, 9, 3, 3, 2, 6, 6, 2, 2, 2, 9, 1,
                                       1, 1, 1, 1, 2, 1, 1, 1, 2, 0, 0}},
    {"transfer", 2, false, false, false, {12, 14, 14, 8, 6, 1, 1, 0, 0, 1, 1, 1,
                                          1,  0,  1,  1, 2, 1, 0, 0, 0, 0, 0}},
    {"receives", 2, false, false, false, {12, 16, 2, 9, 6, 1, 1, 0, 0, 1, 1, 1,
                                          1,  0,  6, 1, 2, 1, 0, 0, 0, 0, 0}},
    {"storm", 5, false, false, false, {9, 6, 1, 1, 1, 14, 4, 2, 6, 1, 3, 0,
                                       0, 0, 6, 1, 2, 3,  0, 0, 1, 0, 0}},
    {"detach", 5, false, false, false, {12, 10, 6, 5, 4, 2, 2, 0, 0, 1, 1, 9,
                                        9,  2,  1, 1, 2, 1, 1, 1, 0, 0, 0}},
    {"handover", 0, false, false, false, {9, 9, 6, 5, 2, 1, 2, 0, 0, 0, 0, 9,
                                          9, 1, 1, 0, 1, 0, 0, 0, 0, 0, 0}},
    {"threads", 100, false, false, false, {9, 6, 4, 4, 3, 3, 3, 1, 1, 1, 2, 2,
                                           2, 0, 1, 1, 4, 3, 1, 2, 1, 0, 0}},
    {"options", 2, false, false, false, {9, 6, 3,  3, 2, 4, 2, 3, 6, 1, 3, 1,
                                         1, 1, 14, 4, 2, 3, 4, 0, 2, 0, 0}},
    {"silent", 2, true, false, false, {14, 2, 1, 1, 1, 12, 1, 1, 4, 0, 1, 0,
                                       0,  0, 2, 1, 2, 8,  0, 0, 1, 0, 0}},
    {"closing", 3, false, false, false, {9, 9, 7, 3, 2, 3, 3, 1, 1, 3, 9, 2,
                                         1, 0, 1, 1, 2, 3, 1, 0, 3, 0, 0}},
    {"local", 3, false, true, false, {12, 12, 7, 5, 4, 5, 0, 0, 2, 1, 4, 2, 2,
                                      2,  1,  2, 3, 3, 1, 1, 1, 2, 5, 0, 4}},
    {"local storm", 5, false, true, false, {9, 9, 2, 2, 1, 12, 0, 0, 5, 1, 6, 1,
                                            1, 0, 2, 1, 2, 3,  1, 1, 1, 4, 9}},
    {"local transfer", 2, false, true, false, {12, 16, 14, 9, 6, 1, 0, 0,
                                               0,  1,  1,  2, 2, 0, 1, 1,
                                               2,  1,  0,  0, 0, 0, 2}},
    {"datagrams", 3, false, false, true, {14, 0, 0, 0, 0, 0, 0, 0,
                                          0,  0, 1, 0, 0, 0, 1, 1,
                                          2,  1, 1, 1, 1, 0, 0, 30}},
    {"mixed", 5, false, false, true, {12, 6, 3, 3, 2, 2, 2, 0, 0, 1, 2, 0,
                                      0,  0, 1, 1, 2, 1, 1, 1, 1, 0, 0, 14}},
    {"passing", 5, false, false, false, {12, 9, 4, 4, 2, 4, 2, 2, 1, 1, 2, 6, 5,
                                         1,  1, 1, 2, 2, 1, 1, 0, 0, 0, 0, 40}},
    {"restart", 3, false, false, false, {14, 6, 1, 1, 1, 12, 2, 1, 3,
                                         0,  1, 0, 0, 0, 1,  1, 2, 3,
                                         0,  1, 1, 0, 0, 0,  24}},
    {"sharing", 3, false, false, false, {14, 8, 1, 1, 0, 6, 2, 0, 5,
                                         0,  6, 0, 0, 0, 1, 1, 2, 2,
                                         0,  3, 1, 0, 0, 0, 0, 30}},
    {"sharing paths", 3, false, true, false, {14, 8, 1, 1, 0, 6, 0, 0, 5,
                                              0,  6, 0, 0, 0, 1, 1, 2, 2,
                                              0,  3, 1, 1, 2, 0, 1, 30}},
};

static void workload__step(const struct workload__profile* profile) {
  uint32_t total = 0;
  uint32_t action = 0;
  for (uint32_t i = 0; i < WORKLOAD__ACTIONS; i++) total += profile->weights[i];
  uint32_t draw = tape_choose(total);
  while (draw >= profile->weights[action]) draw -= profile->weights[action++];
  uint32_t port = user_choose_port();
  if (port == LEDGER_PORTS)
    workload__new();
  else
    workload__actions[action](port);
}

/* Most actions need a connection or two. */
static void workload__begin(const struct workload__profile* profile) {
  /* To pass sockets, or to hand out connections inside of a process. */
  bool passes = profile->weights[WORKLOAD__PASS] != 0;
  ledger.is_one_process = profile->weights[WORKLOAD__SHARE] != 0;
  bool has_more = passes || ledger.is_one_process || tape_chance(250);
  uint32_t ports = 1 + (has_more ? 1 + tape_choose(2) : 0);
  while (ports-- != 0) workload__new();
  if (tape_chance(1000 * profile->threads / 100))
    for (uint32_t i = 1 + tape_choose(2); i != 0; i--) workload__thread(0);
  uint32_t port = user_choose_port();
  if (port == LEDGER_PORTS) return;
  if (profile->is_datagram)
    for (uint32_t i = 1 + tape_choose(3); i != 0; i--) user_bind(port);
  uint32_t pairs = tape_choose(4);
  if (pairs == 0) return;
  if (profile->is_local)
    user_listen_path(port);
  else
    user_listen(port);
  struct entry* listener = user_choose(ENTRY_LISTENER);
  /* Its connections inherit the options. */
  if (listener != NULL && profile->has_first_byte_ms) {
    user_set_to(listener, IOCP_DEFER_ACCEPT, 1);
    user_set_to(listener, IOCP_FIRST_BYTE_TIMEOUT, 40);
  }
  for (uint32_t i = tape_choose(5); i != 0; i--)
    if (listener != NULL) user_set_option(listener);
  if (listener != NULL) user_accept(listener, 1 + tape_choose(8));
  while (pairs-- != 0) {
    if (tape_choose(2) == 0)
      workload__invite(port);
    else if (profile->is_local)
      user_connect_path(port);
    else
      user_connect(port);
  }
  user_poll(port);
}

/* ---- the end */

static void workload__exit(void) {
  sharers_close();
  crowd_reduce();
  user_fill_shares();
  user_exit();
  crowd_forget();
}

static void workload__delete(void) {
  for (uint32_t i = 0; i < ledger.port_count; i++) {
    if (!ledger.ports[i].is_open) continue;
    user_delete(i);
    crowd_stop(i);
  }
  crowd_close();
}

/* What peers read now was sent before, and is checked like all else. */
static void workload__end(void) {
  if (tape_choose(2) != 0) sharers_close();
  while (ledger.loose_count != 0) user_close_loose();
  if (world_can_exit() &&
      tape_chance(ledger.is_one_process ? WORKLOAD__EXITS_SHARED
                                        : WORKLOAD__EXITS))
    workload__exit();
  else
    workload__delete();
  sharers_close();
  if (world_is_exact()) world_pause(100);
  guests_read_all();
}

void workload_run(void) {
  size_t count = sizeof workload__profiles / sizeof workload__profiles[0];
  ledger_open();
  crowd_open();
  sharers_open();
  const struct workload__profile* profile =
      &workload__profiles[tape_choose((uint32_t)count)];
  TRACE("a schedule of the kind \"%s\"", profile->name);
  workload__begin(profile);
  for (int i = 0; i < WORKLOAD__STEPS_MAX; i++) {
    if (!tape_chance(WORKLOAD__CONTINUES)) break;
    workload__step(profile);
    if (tape_chance(WORKLOAD__WRONG))
      wrong_calls(world_is_exact() ? WORKLOAD__WRONG_CALLS
                                   : WORKLOAD__WRONG_CALLS_REAL);
    guests_look();
  }
  if (world_is_strange()) probe_errors();
  if (tape_chance(200)) workload__resolve(0);
  if (!tape_chance(400)) {
    settle_run();
    if (tape_choose(2) == 0) settle_close();
  }
  workload__end();
}
