/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "../shared/option_row.h"
#include "calls.h"

/* The socket of the two ids, unless it is closing. Otherwise NULL, and the
 * error that the call must return. */
static struct model_socket* socket__find(int32_t port,
                                         int32_t id,
                                         int32_t* forced) {
  *forced = model_refuses(port, id);
  if (*forced != 0) return NULL;
  struct model_socket* socket = model_socket(port, id);
  if (socket->is_closing) *forced = -IOCP_EBADF;
  return *forced == 0 ? socket : NULL;
}

/* The library has closed it, and no record has reported that yet. */
static bool socket__is_gone(const struct model_socket* socket, int32_t result) {
  if (model_is_ended_part(socket, result)) return true;
  return socket != NULL && socket->may_time_out && !socket->is_listener &&
         result == -IOCP_EBADF;
}

void call_get_address(const struct step* step, int32_t port, int32_t id) {
  static const uint32_t ends[] = {2, 3, 1u << 31, UINT32_MAX};
  static const uint32_t capacities[] = {0, 3, 23, 24};
  struct iocp_path address;
  int32_t forced;
  uint32_t end = step->a < 240 ? step->a % 2 : ends[step->a % 4];
  /* The result may be at any alignment. */
  uint8_t room[sizeof address + 1];
  uint32_t capacity = step->c < 208 ? sizeof address : capacities[step->c % 4];
  void* where = step->b >= 240 ? NULL : step->b >= 192 ? &room[1] : &room[0];
  const struct model_socket* socket = socket__find(port, id, &forced);
  int32_t result = iocp_get_address(port, id, end, where, capacity);
  if (socket__is_gone(socket, result)) return;
  if (forced == 0 && where == NULL) forced = -IOCP_EFAULT;
  if (forced == 0 && end > IOCP_PEER) forced = -IOCP_EINVAL;
  model_check(result, forced);
  if (forced != 0) return;
  if (result < 0) {
    bool is_short = capacity < sizeof address && result == -IOCP_EINVAL;
    FUZZ_CHECK(is_short || (end == IOCP_PEER && result == -IOCP_ENOTCONN));
    return;
  }
  FUZZ_CHECK((uint32_t)result <= capacity);
  memcpy(&address, where, (size_t)result);
  if (socket->is_local) {
    FUZZ_CHECK(address.family == IOCP_UNIX && address.length <= 108);
    FUZZ_IS(result, 4 + address.length);
    return;
  }
  FUZZ_IS(result, sizeof(struct iocp_address));
  FUZZ_CHECK(address.family == 4 || address.family == 6);
}

/* ---- options */

/* The meaning of a byte must never change, or the inputs of the corpus would
 * change theirs: the first codes are those of the first eleven options, and the
 * last ones have room for more. call_group() sets IOCP_GROUP. */
#define SOCKET__FIRST_OPTIONS 11u
#define SOCKET__UNUSUAL 240
#define SOCKET__LATER 245
#define SOCKET__LATER_OPTION 15u

_Static_assert(OPTION_ROWS <=
                   SOCKET__LATER_OPTION + UINT8_MAX - SOCKET__LATER + 1,
               "every option has a code");

static uint32_t socket__draw_option(uint8_t choice) {
  static const uint32_t unusual[] = {
      0, IOCP_USER_TIMEOUT, IOCP_DSCP, 1u << 31, UINT32_MAX};
  if (choice < SOCKET__UNUSUAL) return 1 + choice % SOCKET__FIRST_OPTIONS;
  if (choice < SOCKET__LATER) return unusual[choice - SOCKET__UNUSUAL];
  return SOCKET__LATER_OPTION + choice - SOCKET__LATER;
}

static int32_t socket__draw_value(uint32_t option, uint8_t choice) {
  static const int32_t values[] = {
      0, 1, 2, 17, 64, 1000, -1, INT32_MIN, INT32_MAX};
  if (option >= OPTION_ROWS || choice < 128) return values[choice % 9];
  const struct option_row* row = &option_rows[option];
  switch (choice % 4) {
    case 0:
      return row->min;
    case 1:
      return row->max;
    case 2:
      return row->min - 1;
    default:
      return row->max == INT32_MAX ? INT32_MIN : row->max + 1;
  }
}

static bool socket__has_option(const struct model_socket* socket,
                               uint32_t option) {
  if (option == 0 || option >= OPTION_ROWS) return false;
  switch (option_rows[option].scope) {
    case SCOPE_SOCKET:
      return !socket->is_datagram;
    case SCOPE_LISTENER:
      return socket->is_listener;
    case SCOPE_DATAGRAM:
      return socket->is_datagram;
    default:
      return true;
  }
}

/* The system changes the value of a buffer, and refuses an interface that does
 * not exist. */
static bool socket__is_buffer(uint32_t option) {
  return option == IOCP_SYSTEM_RECEIVE_BUFFER ||
         option == IOCP_SYSTEM_SEND_BUFFER;
}

/* Local sockets and parts have no options of the system, and a listener that
 * hands out waits for no data. */
static bool socket__lacks_option(const struct model_socket* socket,
                                 uint32_t option) {
  if (socket->is_part)
    return option_rows[option].owner == OWNER_SYSTEM || option == IOCP_BACKLOG;
  if (socket->hands_out &&
      (option == IOCP_DEFER_ACCEPT || option == IOCP_FIRST_BYTE_TIMEOUT))
    return true;
  return socket->is_local && option_rows[option].owner == OWNER_SYSTEM &&
         !socket__is_buffer(option);
}

void call_set_option(const struct step* step, int32_t port, int32_t id) {
  uint32_t option = socket__draw_option(step->a);
  int32_t value = socket__draw_value(option, step->b);
  int32_t forced;
  struct model_socket* socket = socket__find(port, id, &forced);
  int32_t result = iocp_set_option(port, id, option, value);
  if (socket__is_gone(socket, result)) return;
  if (forced == 0 &&
      (!socket__has_option(socket, option) || value < option_rows[option].min ||
       value > option_rows[option].max))
    forced = -IOCP_EINVAL;
  if (forced == 0 && socket__lacks_option(socket, option))
    forced = -IOCP_ENOTSUP;
  fuzz_reached(81, option, result);
  model_check(result, forced);
  if (forced != 0) return;
  if (result == -IOCP_EADDRNOTAVAIL && option == IOCP_MULTICAST_INTERFACE)
    return;
  FUZZ_IS(result, 0);
  if (!socket__is_buffer(option))
    FUZZ_IS(iocp_get_option(port, id, option), value);
  if (option == IOCP_DEFER_ACCEPT && value == 1) socket->port->may_defer = true;
  if (option == IOCP_FIRST_BYTE_TIMEOUT && value != 0)
    socket->may_time_out = true;
}

void call_get_option(const struct step* step, int32_t port, int32_t id) {
  uint32_t option = socket__draw_option(step->a);
  int32_t forced;
  const struct model_socket* socket = socket__find(port, id, &forced);
  int32_t result = iocp_get_option(port, id, option);
  if (socket__is_gone(socket, result)) return;
  if (forced == 0 && !socket__has_option(socket, option)) forced = -IOCP_EINVAL;
  if (forced == 0 && socket__lacks_option(socket, option))
    forced = -IOCP_ENOTSUP;
  model_check(result, forced);
  if (forced != 0) return;
  FUZZ_CHECK(result <= option_rows[option].max);
  /* 0 until it is set. */
  if (option != IOCP_USER_TIMEOUT)
    FUZZ_CHECK(result >= option_rows[option].min);
}

void call_socket_stats(const struct step* step, int32_t port, int32_t id) {
  struct iocp_socket_stats stats;
  int32_t forced;
  uint8_t room[sizeof stats + 1];
  void* where = step->a >= 240 ? NULL : step->a >= 192 ? &room[1] : &room[0];
  const struct model_socket* socket = socket__find(port, id, &forced);
  int32_t result = iocp_socket_stats(port, id, where);
  if (socket__is_gone(socket, result)) return;
  if (forced == 0 && where == NULL) forced = -IOCP_EFAULT;
  model_check(result, forced);
  if (forced != 0) return;
  memcpy(&stats, where, sizeof stats);
  FUZZ_IS(stats.sends, socket->sends);
  FUZZ_CHECK(stats.bytes_unsent >= 0 && stats.bytes_readable >= 0);
  FUZZ_CHECK(stats.sends != 0 || stats.bytes_unsent == 0);
  FUZZ_CHECK(socket->is_listener || stats.accepted == 0);
}
