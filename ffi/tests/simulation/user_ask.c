/* SPDX-License-Identifier: MIT */
/* Options, counters, and wrong arguments. */
#include <math.h>
#include <string.h>

#include "../shared/option_row.h"
#include "gauges.h"
#include "reasons.h"
#include "report.h"
#include "schedule.h"
#include "tape.h"
#include "user.h"

static int32_t user__port(const struct entry* entry) {
  return ledger.ports[entry->port].id;
}

static bool user__is_void(const struct entry* entry, int32_t result) {
  if (entry->is_closing || entry->is_closed) return true;
  if (user_is_over_part(entry, result)) return true;
  /* It may have closed on a timeout that is not reported yet. */
  return entry->may_expire && result == -IOCP_ETIMEDOUT;
}

/* The error of a call about such a socket. */
static int32_t user__void_error(const struct entry* entry) {
  return entry->is_closing || entry->is_closed || entry->is_part
             ? -IOCP_EBADF
             : -IOCP_ETIMEDOUT;
}

/* ---- options */

/* Valid values that have different effects. */
struct user__values {
  uint32_t option;
  int32_t values[6];
  uint32_t count;
};

static const struct user__values user__values[] = {
    {IOCP_RECEIVE_BUFFER, {1024, 0, 1, 100, 8192, 1 << 20}, 6},
    {IOCP_RECEIVE_DEPTH, {1, 2, 5, 64}, 4},
    {IOCP_SEND_CONCURRENCY, {1, 2, 5, 64}, 4},
    {IOCP_SEND_CONCURRENCY, {4, 64}, 2},
    {IOCP_NO_DELAY, {0, 1}, 2},
    {IOCP_KEEP_ALIVE, {0, 1}, 2},
    {IOCP_KEEP_ALIVE_IDLE, {1, 7200, 32767}, 3},
    {IOCP_KEEP_ALIVE_INTERVAL, {1, 75}, 2},
    {IOCP_KEEP_ALIVE_COUNT, {1, 9, 127}, 3},
    {IOCP_DEFER_ACCEPT, {0, 1}, 2},
    {IOCP_FIRST_BYTE_TIMEOUT, {0, 1, 40, 300, 6000, 20000}, 6},
    {IOCP_BACKLOG, {64, 1, 200, 300, 2000}, 5},
    {IOCP_USER_TIMEOUT, {1000, 1, 999, 1001, 90000, 2147483001}, 6},
    {IOCP_DSCP, {46, 8}, 2},
    {IOCP_RECEIVE_DEPTH, {0, 65, -1}, 3},
    {IOCP_NO_DELAY, {2}, 1},
    {IOCP_BROADCAST, {1, 0}, 2},
    {IOCP_TTL, {1, 64, 255, 0, 256}, 5},
    {IOCP_MULTICAST_TTL, {0, 1, 255}, 3},
    {IOCP_MULTICAST_LOOP, {0, 1}, 2},
    {IOCP_MULTICAST_INTERFACE, {0, 1, 2}, 3},
    {IOCP_SYSTEM_RECEIVE_BUFFER, {65536, 5000, 1}, 3},
    {IOCP_SYSTEM_SEND_BUFFER, {65536, 5000, 1}, 3},
    {IOCP_OFFLOAD, {0, 1}, 2},
    {0, {1}, 1},
    {99, {1}, 1},
};

static bool user__is_valid(const struct entry* entry,
                           uint32_t option,
                           int32_t value) {
  if (option == 0 || option >= OPTION_ROWS) return false;
  const struct option_row* row = &option_rows[option];
  bool is_datagram = entry->kind == ENTRY_DATAGRAM;
  return (row->scope == SCOPE_ALL ||
          (row->scope == SCOPE_SOCKET && !is_datagram) ||
          (row->scope == SCOPE_DATAGRAM && is_datagram) ||
          (row->scope == SCOPE_LISTENER && entry->kind == ENTRY_LISTENER)) &&
         value >= row->min && value <= row->max;
}

static bool user__is_system(uint32_t option) {
  return option_rows[option].owner == OWNER_SYSTEM;
}

/* What some systems lack: old versions of Windows, or Wine, or all. */
static bool user__may_lack(uint32_t option) {
  return world_posts_operations() &&
         (option == IOCP_BACKLOG || option == IOCP_KEEP_ALIVE_COUNT ||
          option == IOCP_USER_TIMEOUT || option == IOCP_DSCP ||
          option == IOCP_OFFLOAD);
}

/* A part has no socket of the system, and a listener that hands out its
 * connections waits for no data. */
static bool user__is_of_others(const struct entry* entry, uint32_t option) {
  if (entry->share == NULL) return false;
  bool defers =
      option == IOCP_DEFER_ACCEPT || option == IOCP_FIRST_BYTE_TIMEOUT;
  return entry->is_part ? user__is_system(option) || option == IOCP_BACKLOG
                        : defers;
}

/* The value that is read after `value` was set. */
static int32_t user__read_back(uint32_t option, int32_t value) {
  if (option != IOCP_USER_TIMEOUT || !world_posts_operations()) return value;
  int64_t seconds = ((int64_t)value + 999) / 1000;
  return seconds * 1000 > INT32_MAX ? INT32_MAX : (int32_t)(seconds * 1000);
}

/* Linux doubles and clamps the sizes of buffers (socket(7)). */
static bool user__is_clamped(uint32_t option) {
  return !world_posts_operations() && (option == IOCP_SYSTEM_RECEIVE_BUFFER ||
                                       option == IOCP_SYSTEM_SEND_BUFFER);
}

/* The effects of an option that was set. */
static void user__has_set(struct entry* entry, uint32_t option, int32_t value) {
  switch (option) {
    case IOCP_SEND_CONCURRENCY:
      entry->concurrency = (uint32_t)value;
      return;
    case IOCP_DEFER_ACCEPT:
      entry->defers = value != 0;
      if (entry->defers) entry->has_deferred = true;
      return;
    case IOCP_FIRST_BYTE_TIMEOUT:
      entry->first_byte_ms = (uint32_t)value;
      if (value != 0) entry->had_first_byte_ms = true;
      return;
    case IOCP_BACKLOG:
      entry->has_larger_backlog = true;
      return;
    default:
      return;
  }
}

/* Any option, at one of its bounds or beyond it. */
static void user__set_bound(struct entry* entry) {
  uint32_t option = 1 + tape_choose(OPTION_ROWS - 1);
  const struct option_row* row = &option_rows[option];
  /* For user_group.c: the group must exist. */
  if (option == IOCP_GROUP) return;
  switch (tape_choose(4)) {
    case 0:
      user_set_to(entry, option, row->min);
      return;
    case 1:
      user_set_to(entry, option, row->max);
      return;
    case 2:
      user_set_to(entry, option, row->min - 1);
      return;
    default:
      user_set_to(
          entry, option, row->max == INT32_MAX ? INT32_MIN : row->max + 1);
      return;
  }
}

/* Without having set it. */
static void user__get(const struct entry* entry) {
  uint32_t option = 1 + tape_choose(OPTION_ROWS - 1);
  /* A socket that is closing is still in its group. */
  if (option == IOCP_GROUP) return;
  int32_t got = iocp_get_option(user__port(entry), entry->id, option);
  TRACE("iocp_get_option(%d.%d, %u): %d", entry->port, entry->id, option, got);
  if (user__is_void(entry, got)) {
    RULE("a socket that is closing has no options",
         got == user__void_error(entry));
    return;
  }
  if (got >= 0 || (got == -IOCP_ENOTSUP && user__may_lack(option))) return;
  if ((entry->local != 0 || entry->is_part) && got == -IOCP_ENOTSUP) return;
  RULE("an option can be read",
       (got == -IOCP_EINVAL &&
        !user__is_valid(entry, option, option_rows[option].min)) ||
           (user__is_system(option) &&
            ERROR_IS(got, IOCP_EINVAL, IOCP_ENOTCONN, IOCP_ECONNRESET)));
}

/* On, with both times, in any order. */
static void user__keep_alive(struct entry* entry) {
  for (uint32_t i = 6; i != 0; i--) switch (tape_choose(3)) {
      case 0:
        user_set_to(entry, IOCP_KEEP_ALIVE, 1);
        break;
      case 1:
        user_set_to(entry, IOCP_KEEP_ALIVE_IDLE, 1 + (int32_t)tape_choose(100));
        break;
      default:
        user_set_to(
            entry, IOCP_KEEP_ALIVE_INTERVAL, 1 + (int32_t)tape_choose(100));
    }
}

/* In most cases of an option that the socket has. */
static const struct user__values* user__row(const struct entry* entry) {
  uint32_t count = (uint32_t)(sizeof user__values / sizeof user__values[0]);
  uint32_t at = tape_choose(count);
  const struct user__values* row = &user__values[at];
  if (tape_choose(4) == 1) return row;
  for (uint32_t i = 1;
       i < count && !user__is_valid(entry, row->option, row->values[0]);
       i++)
    row = &user__values[(at + i) % count];
  return row;
}

void user_set_option(struct entry* entry) {
  uint32_t what = tape_choose(8);
  if (what == 7) {
    user__get(entry);
    return;
  }
  if (what == 6) {
    user__keep_alive(entry);
    return;
  }
  if (tape_choose(4) == 1) {
    user__set_bound(entry);
    return;
  }
  const struct user__values* row = user__row(entry);
  user_set_to(entry, row->option, row->values[tape_choose(row->count)]);
}

/* "Always sends 10 probes" where that cannot be set. */
static void user__check_probes(const struct entry* entry) {
  int32_t count =
      iocp_get_option(user__port(entry), entry->id, IOCP_KEEP_ALIVE_COUNT);
  RULE("a system that has its own number of probes sends 10",
       count < 0 || count == 10);
}

/* Another option, and its value: an error if it cannot be read. */
struct user__other {
  uint32_t option;
  int32_t value;
};

static struct user__other user__other(const struct entry* entry,
                                      uint32_t option) {
  struct user__other other = {.value = -IOCP_EINVAL};
  if (tape_choose(4) != 1) return other;
  /* In most cases the one beside it. */
  other.option = tape_choose(3) == 0 ? 1 + tape_choose(OPTION_ROWS - 1)
                                     : option - 1 + 2 * tape_choose(2);
  if (other.option - 1 < OPTION_ROWS - 1 && other.option != option &&
      other.option != IOCP_GROUP)
    other.value = iocp_get_option(user__port(entry), entry->id, other.option);
  return other;
}

static void user__check_other(const struct entry* entry,
                              const struct user__other* other) {
  if (other->value < 0) return;
  int32_t value = iocp_get_option(user__port(entry), entry->id, other->option);
  RULE("an option that is set changes no other",
       value < 0 || value == other->value);
}

void user_set_to(struct entry* entry, uint32_t option, int32_t value) {
  /* The real network is not used; see user_bind(). */
  if (!world_is_exact() && option == IOCP_MULTICAST_INTERFACE) return;
  struct user__other other = user__other(entry, option);
  int32_t result = iocp_set_option(user__port(entry), entry->id, option, value);
  TRACE("iocp_set_option(%d.%d, %u, %d): %d",
        entry->port,
        entry->id,
        option,
        value,
        result);
  reasons_check_call(entry->port, result);
  schedule_checks++;
  if (user__is_void(entry, result)) {
    RULE("a socket that is closing has no options",
         result == user__void_error(entry));
    return;
  }
  if (!user__is_valid(entry, option, value)) {
    RULE("an option and its value are checked", result == -IOCP_EINVAL);
    return;
  }
  /* Local sockets have no options of the system. */
  if (entry->local != 0 && result == -IOCP_ENOTSUP) return;
  if (user__is_of_others(entry, option)) {
    RULE("a share refuses the options of its other side",
         result == -IOCP_ENOTSUP);
    return;
  }
  if (result < 0) {
    if (!(user__may_lack(option) && result == -IOCP_ENOTSUP) &&
        !(user__is_system(option) &&
          ERROR_IS(result, IOCP_EINVAL, IOCP_ENOTCONN, IOCP_ECONNRESET)))
      report_violation(
          "an option fails with one of the expected errors", "%d", result);
    if (option == IOCP_KEEP_ALIVE_COUNT && result == -IOCP_ENOTSUP)
      user__check_probes(entry);
    return;
  }
  RULE("an option without effect is not accepted",
       option != IOCP_DSCP || !world_posts_operations());
  user__has_set(entry, option, value);
  user__check_other(entry, &other);
  int32_t got = iocp_get_option(user__port(entry), entry->id, option);
  if (option == IOCP_KEEP_ALIVE)
    RULE("keep-alive has the times that were set",
         iocp_get_option(user__port(entry), entry->id, IOCP_KEEP_ALIVE_IDLE) !=
             0);
  if (option != IOCP_BACKLOG || !world_posts_operations())
    RULE("an option has the value that was set",
         user__is_clamped(option) || got == user__read_back(option, value) ||
             (user__is_system(option) && got < 0));
}

/* ---- counters */

void user_ask(struct entry* entry) {
  struct iocp_socket_stats stats;
  struct iocp_address address;
  int32_t port = user__port(entry);
  int32_t result = iocp_socket_stats(port, entry->id, &stats);
  TRACE("iocp_socket_stats(%d.%d): %d", entry->port, entry->id, result);
  reasons_check_call(entry->port, result);
  schedule_checks++;
  if (user__is_void(entry, result)) {
    RULE("a socket that is closing has no counters",
         result == user__void_error(entry));
    RULE("a socket that is closing has no address",
         iocp_get_address(port,
                          entry->id,
                          IOCP_PEER,
                          &address,
                          sizeof(struct iocp_address)) ==
             user__void_error(entry));
    return;
  }
  RULE("counters can be read", result == 0);
  gauges_check(entry, &stats);
  if (tape_choose(2) != 0) user_ask_peer(entry);
  if (entry->local != 0) {
    user_ask_path(entry);
    return;
  }
  result = iocp_get_address(
      port, entry->id, tape_choose(2), &address, sizeof(struct iocp_address));
  if (entry->kind == ENTRY_STREAM && !entry->is_failed && !entry->has_error)
    RULE("a connection has addresses",
         ERROR_IS(result, IOCP_ENOTCONN, IOCP_ECONNRESET, IOCP_EINVAL) ||
             result == (int32_t)sizeof address);
}

/* ---- what the system knows of a connection */

static void user__check_tcp_info(const struct entry* entry,
                                 const struct iocp_tcp_info* info) {
  RULE("the shortest round trip is not longer than the present one",
       info->rtt_min_us == IOCP_TCP_UNKNOWN || !world_is_exact() ||
           info->rtt_min_us <= info->rtt_us);
  RULE("a congestion window has whole segments",
       info->max_segment > 0 && info->congestion_window >= info->max_segment);
  if (entry->end != NULL && world_is_exact())
    RULE("no more is in flight than was sent",
         info->bytes_in_flight >= 0 &&
             info->bytes_in_flight <= (double)entry->end->sent);
  if (world_posts_operations())
    RULE("what Windows does not say is unknown",
         info->rtt_variance_us == IOCP_TCP_UNKNOWN &&
             info->segments_retransmitted == IOCP_TCP_UNKNOWN &&
             info->delivery_rate == IOCP_TCP_UNKNOWN);
}

void user_ask_tcp_info(struct entry* entry) {
  struct iocp_tcp_info info;
  int32_t result = iocp_tcp_info(user__port(entry), entry->id, &info);
  TRACE("iocp_tcp_info(%d.%d): %d", entry->port, entry->id, result);
  reasons_check_call(entry->port, result);
  schedule_checks++;
  if (user__is_void(entry, result)) {
    RULE("nothing is known of a socket that is closing",
         result == user__void_error(entry));
    return;
  }
  if (result == -IOCP_ENOTCONN) return;
  if (entry->local != 0) {
    RULE("nothing is known of TCP where there is none",
         result == -IOCP_ENOTSUP && iocp_native_error(user__port(entry)) == 0);
    return;
  }
  if (result == 0)
    user__check_tcp_info(entry, &info);
  else if (!world_reports_progress())
    RULE("a system says that it knows nothing", result == -IOCP_ENOTSUP);
  else
    RULE("what the system knows can be read",
         ERROR_IS(result, IOCP_EINVAL, IOCP_ECONNRESET, IOCP_ENOBUFS));
}

/* ---- wrong arguments */

static void user__misuse_port(int32_t port) {
  static struct {
    struct iocp_header header;
    struct iocp_record record;
  } events;
  static uint8_t slab[8];
  struct iocp_address address = {.family = 4};
  RULE(
      "a poll checks its arguments",
      reasons_refuses(
          port, iocp_poll(port, NULL, 1, slab, 0, 8), IOCP_EFAULT) &&
          reasons_refuses(
              port, iocp_poll(port, &events, 1, NULL, 0, 8), IOCP_EFAULT) &&
          reasons_refuses(
              port, iocp_poll(port, &events, 0, slab, 0, 8), IOCP_EINVAL) &&
          reasons_refuses(
              port, iocp_poll(port, &events, 4097, slab, 0, 8), IOCP_EINVAL) &&
          reasons_refuses(
              port, iocp_poll(port, &events, 1, slab, 9, 8), IOCP_EINVAL) &&
          reasons_refuses(port,
                          iocp_poll(port, (uint8_t*)&events + 1, 1, slab, 0, 8),
                          IOCP_EINVAL));
  RULE("a listen checks its arguments",
       reasons_refuses(port, iocp_listen(port, NULL, 1, 0), IOCP_EFAULT) &&
           reasons_refuses(
               port, iocp_listen(port, &address, 1, 8), IOCP_EINVAL));
  RULE("a connect checks its arguments",
       reasons_refuses(port, iocp_connect(port, NULL, NULL), IOCP_EFAULT));
  RULE("counters need room",
       reasons_refuses(port, iocp_stats(port, NULL), IOCP_EFAULT));
  address.family = 5;
  int32_t result = iocp_connect(port, &address, NULL);
  RULE("there are two families of addresses",
       ERROR_IS(result, IOCP_EAFNOSUPPORT));
  result = iocp_listen(port, &address, 1, 0);
  RULE("there are two families of addresses",
       ERROR_IS(result, IOCP_EAFNOSUPPORT));
  result = iocp_add_socket(port, 1e300, 0);
  RULE("a handle is a number", ERROR_IS(result, IOCP_EINVAL));
  static const double numbers[] = {0.5, -1, 9007199254740992.0};
  for (int i = 0; i < 3; i++) {
    result = iocp_add_socket(port, numbers[i], 0);
    RULE("a handle is a whole number", ERROR_IS(result, IOCP_EINVAL));
  }
  result = iocp_add_socket(port, (double)NAN, 0);
  RULE("a handle is a number", ERROR_IS(result, IOCP_EINVAL));
  result = iocp_add_socket(port, 3, 4);
  RULE("an adoption has no such flag", ERROR_IS(result, IOCP_EINVAL));
  result = iocp_add_socket(port, 40001, 0);
  RULE("a handle is a socket",
       ERROR_IS(result, IOCP_ENOTSOCK, IOCP_EBADF, IOCP_EINVAL));
  result = iocp_add_listener(port, 40001, 0);
  RULE("a handle is a socket",
       ERROR_IS(result, IOCP_ENOTSOCK, IOCP_EBADF, IOCP_EINVAL));
  RULE("a handle is a whole number",
       reasons_refuses(port, iocp_add_listener(port, 0.5, 0), IOCP_EINVAL));
  RULE("an adoption has no such flag",
       reasons_refuses(
           port, iocp_add_listener(port, 3, IOCP_REUSE_PORT), IOCP_EINVAL));
}

static void user__misuse_pass(int32_t port) {
  uint8_t address[IOCP_INBOX_MAX] = {0};
  uint8_t ticket[IOCP_TICKET_MAX] = {0};
  RULE("an inbox needs room",
       reasons_refuses(port, iocp_inbox(port, address, 8), IOCP_EINVAL));
  RULE("a socket is passed to an inbox",
       reasons_refuses(
           port,
           iocp_pass(port, -1, 0.5, address, 0, ticket, sizeof ticket),
           IOCP_EINVAL) &&
           reasons_refuses(
               port,
               iocp_pass(port, -1, 0.5, address, 9, ticket, sizeof ticket),
               IOCP_EINVAL));
  RULE("an inbox is not asked for in vain",
       reasons_refuses(
           port, iocp_inbox(port, NULL, sizeof address), IOCP_EFAULT));
  RULE("an inbox and a ticket have an address",
       reasons_refuses(port,
                       iocp_pass(port, -1, 1, NULL, 9, ticket, sizeof ticket),
                       IOCP_EFAULT) &&
           reasons_refuses(
               port,
               iocp_pass(port, -1, 1, address, 9, NULL, sizeof ticket),
               IOCP_EFAULT) &&
           reasons_refuses(port, iocp_take(port, NULL, 16), IOCP_EFAULT));
  RULE("a ticket needs room",
       reasons_refuses(
           port, iocp_pass(port, -1, 1, address, 9, ticket, 8), IOCP_EINVAL));
  RULE("an address of an inbox has a length",
       reasons_refuses(
           port,
           iocp_pass(
               port, -1, 1, address, IOCP_INBOX_MAX + 1, ticket, sizeof ticket),
           IOCP_EINVAL));
  /* Any length that this system may have. */
  for (uint32_t length = 1; length <= IOCP_INBOX_MAX; length++)
    RULE("an address of an inbox is one",
         iocp_pass(port, -1, 1, address, length, ticket, sizeof ticket) < 0);
  RULE("a ticket has a length",
       reasons_refuses(port, iocp_take(port, ticket, 3), IOCP_EINVAL));
  RULE("there is no part of what is not shared",
       ERROR_IS(iocp_take_part(port, -1), IOCP_ENOENT) &&
           ERROR_IS(iocp_take_part(port, INT32_MAX), IOCP_ENOENT));
  RULE("only a listener is shared",
       reasons_refuses(port, iocp_share(port, -1, -1), IOCP_EBADF));
  RULE("a handle is a whole number",
       reasons_refuses(port, iocp_drop(port, 0.5), IOCP_EINVAL));
}

static void user__misuse_id(int32_t port, int32_t id) {
  uint8_t byte = 0;
  struct iocp_socket_stats stats;
  RULE(
      "an id that was never given out is refused",
      reasons_refuses(port, iocp_receive(port, id, 1), IOCP_EBADF) &&
          reasons_refuses(port, iocp_read(port, id, &byte, 0, 1), IOCP_EBADF) &&
          reasons_refuses(port, iocp_send(port, id, &byte, 0, 1), IOCP_EBADF) &&
          reasons_refuses(
              port, iocp_send_file(port, id, 1, 0, 1), IOCP_EBADF) &&
          reasons_refuses(port, iocp_shutdown(port, id), IOCP_EBADF) &&
          reasons_refuses(port, iocp_accept(port, id, 1), IOCP_EBADF) &&
          reasons_refuses(port, iocp_stop(port, id), IOCP_EBADF) &&
          reasons_refuses(
              port, iocp_close(port, id, IOCP_RESET, 0), IOCP_EBADF) &&
          reasons_refuses(
              port, iocp_close(port, id, IOCP_DETACH, 0), IOCP_EBADF) &&
          reasons_refuses(
              port, iocp_get_option(port, id, IOCP_NO_DELAY), IOCP_EBADF) &&
          reasons_refuses(
              port, iocp_socket_stats(port, id, &stats), IOCP_EBADF));
}

/* The state of an open socket must not change. */
static void user__misuse_open(const struct entry* entry) {
  int32_t port = user__port(entry);
  bool is_stream = entry->kind == ENTRY_STREAM && !entry->is_failed;
  struct iocp_address address;
  RULE("a close has three modes",
       reasons_refuses(port, iocp_close(port, entry->id, 3, 0), IOCP_EINVAL));
  if (entry->is_closing || entry->may_expire) return;
  RULE("a connection has two ends",
       reasons_refuses(
           port,
           iocp_get_address(
               port, entry->id, 2, &address, sizeof(struct iocp_address)),
           IOCP_EINVAL) &&
           reasons_refuses(
               port,
               iocp_get_address(
                   port, entry->id, 0, NULL, sizeof(struct iocp_address)),
               IOCP_EFAULT));
  RULE("counters need room",
       reasons_refuses(
           port, iocp_socket_stats(port, entry->id, NULL), IOCP_EFAULT));
  if (is_stream) {
    RULE("a read needs a buffer",
         reasons_refuses(
             port, iocp_read(port, entry->id, NULL, 0, 1), IOCP_EFAULT));
    RULE("a credit has its bounds",
         reasons_refuses(port, iocp_receive(port, entry->id, 0), IOCP_EINVAL) &&
             reasons_refuses(port,
                             iocp_receive(port, entry->id, (1u << 30) + 1),
                             IOCP_EINVAL));
  }
}

void user_misuse(void) {
  uint32_t port = user_choose_port();
  uint32_t what = tape_choose(3);
  schedule_checks++;
  TRACE("wrong calls, %u", what);
  if (port == LEDGER_PORTS) return;
  if (what == 0) {
    switch (tape_choose(3)) {
      case 0:
        user__misuse_port(ledger.ports[port].id);
        break;
      case 1:
        user_misuse_path(port);
        break;
      default:
        user__misuse_pass(ledger.ports[port].id);
        user_misuse_file(port);
    }
    return;
  }
  if (ledger.entry_count == 0) return;
  struct entry* entry = &ledger.entries[tape_choose(ledger.entry_count)];
  if (!entry->is_closed && ledger.ports[entry->port].is_open)
    user__misuse_open(entry);
  else if (ledger_find(port, entry->id) == NULL)
    user__misuse_id(ledger.ports[port].id, entry->id);
  user__misuse_id(ledger.ports[port].id, -1);
}

/* A real resolver would ask the network for these. */
static void user__resolve_strange(void) {
  static const char* const names[] = {"nobody.invalid", "b\xc3\xa4r.invalid"};
  struct iocp_address address;
  const char* name = names[tape_choose(2)];
  if (!world_is_exact()) return;
  int32_t count = iocp_resolve(name, (uint32_t)strlen(name), &address, 1);
  RULE("a name that does not exist is not found",
       ERROR_IS(count, IOCP_ENOTFOUND, IOCP_ENETDOWN));
}

void user_resolve(void) {
  struct iocp_address addresses[5];
  char long_name[256];
  uint32_t capacity = 1 + tape_choose(4);
  memset(addresses, 0, sizeof addresses);
  int32_t count = iocp_resolve("localhost", 9, addresses, capacity);
  TRACE("iocp_resolve: %d", count);
  RULE("this machine has a name",
       (count > 0 && (uint32_t)count <= capacity) ||
           ERROR_IS(count, IOCP_ENOTFOUND, IOCP_ENETDOWN));
  user__resolve_strange();
  memset(long_name, 'a', sizeof long_name);
  RULE("a name has a maximum length",
       iocp_resolve(long_name, 256, addresses, 4) == -IOCP_EINVAL);
  for (int32_t i = 0; i < count; i++)
    RULE("an address has a family",
         addresses[i].family == 4 || addresses[i].family == 6);
  for (uint32_t i = count > 0 ? (uint32_t)count : 0; i < 5; i++)
    RULE("no more addresses are written than are returned",
         addresses[i].family == 0);
  RULE("a name to resolve is checked",
       iocp_resolve(NULL, 9, addresses, 4) == -IOCP_EFAULT &&
           iocp_resolve("a", 0, addresses, 4) == -IOCP_EINVAL &&
           iocp_resolve("a\0b", 3, addresses, 4) == -IOCP_EINVAL &&
           iocp_resolve("a", 1, addresses, 0) == -IOCP_EINVAL);
}
