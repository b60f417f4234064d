/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "calls.h"

/* The socket that the names lead to, if it is not closing: or NULL, and the
 * error that must come. */
static struct model_socket* socket__find(int32_t port,
                                         int32_t name,
                                         int32_t* forced) {
  *forced = model_refuses(port, name);
  if (*forced != 0) return NULL;
  struct model_socket* socket = model_socket(port, name);
  if (socket->is_closing) *forced = -IOCP_EBADF;
  return *forced == 0 ? socket : NULL;
}

/* Closed by the library itself, of which no record has told yet. */
static bool socket__is_gone(const struct model_socket* socket, int32_t result) {
  return socket != NULL && socket->may_be_silent && !socket->is_listener &&
         result == -IOCP_EBADF;
}

void call_name(const struct step* step, int32_t port, int32_t name) {
  static const uint32_t ends[] = {2, 3, 1u << 31, UINT32_MAX};
  struct iocp_address address;
  int32_t forced;
  uint32_t end = step->a < 240 ? step->a % 2 : ends[step->a % 4];
  /* It may be written at any alignment. */
  uint8_t room[sizeof address + 1];
  void* where = step->b >= 240 ? NULL : step->b >= 192 ? &room[1] : &room[0];
  const struct model_socket* socket = socket__find(port, name, &forced);
  int32_t result = iocp_name(port, name, end, where);
  if (socket__is_gone(socket, result)) return;
  if (forced == 0 && where == NULL) forced = -IOCP_EFAULT;
  if (forced == 0 && end > IOCP_PEER) forced = -IOCP_EINVAL;
  model_check(result, forced);
  if (forced != 0) return;
  if (result < 0) {
    FUZZ_CHECK(end == IOCP_PEER && result == -IOCP_ENOTCONN);
    return;
  }
  FUZZ_IS(result, 0);
  memcpy(&address, where, sizeof address);
  FUZZ_CHECK(address.family == 4 || address.family == 6);
}

/* ---- options */

/* Bounds of iocp.h, by number. */
static const int32_t socket__bounds[][2] = {{1, 0},
                                            {0, 1},
                                            {0, 1},
                                            {1, 32767},
                                            {1, 32767},
                                            {1, 127},
                                            {0, IOCP_RECEIVE_BUFFER_MAX},
                                            {1, IOCP_CONCURRENCY_MAX},
                                            {1, IOCP_CONCURRENCY_MAX},
                                            {0, 1},
                                            {0, INT32_MAX},
                                            {1, IOCP_BACKLOG_MAX}};

static uint32_t socket__draw_option(uint8_t choice) {
  static const uint32_t options[] = {0, 13, 14, 1u << 31, UINT32_MAX};
  return choice < 240 ? 1 + choice % 11u : options[choice % 5];
}

static int32_t socket__draw_value(uint32_t option, uint8_t choice) {
  static const int32_t values[] = {
      0, 1, 2, 17, 64, 1000, -1, INT32_MIN, INT32_MAX};
  if (option > IOCP_BACKLOG || choice < 128) return values[choice % 9];
  const int32_t* bounds = socket__bounds[option];
  switch (choice % 4) {
    case 0:
      return bounds[0];
    case 1:
      return bounds[1];
    case 2:
      return bounds[0] - 1;
    default:
      return bounds[1] == INT32_MAX ? INT32_MIN : bounds[1] + 1;
  }
}

static bool socket__has_option(const struct model_socket* socket,
                               uint32_t option) {
  if (option == 0 || option > IOCP_BACKLOG) return false;
  return socket->is_listener || option < IOCP_DEFER_ACCEPT;
}

void call_set_option(const struct step* step, int32_t port, int32_t name) {
  uint32_t option = socket__draw_option(step->a);
  int32_t value = socket__draw_value(option, step->b);
  int32_t forced;
  struct model_socket* socket = socket__find(port, name, &forced);
  int32_t result = iocp_set_option(port, name, option, value);
  if (socket__is_gone(socket, result)) return;
  if (forced == 0 &&
      (!socket__has_option(socket, option) ||
       value < socket__bounds[option][0] || value > socket__bounds[option][1]))
    forced = -IOCP_EINVAL;
  fuzz_reached(81, option, result);
  model_check(result, forced);
  if (forced != 0) return;
  FUZZ_IS(result, 0);
  FUZZ_IS(iocp_get_option(port, name, option), value);
  if (option == IOCP_DEFER_ACCEPT && value == 1) socket->port->may_defer = true;
  if (option == IOCP_FIRST_BYTE_TIMEOUT && value != 0)
    socket->may_be_silent = true;
}

void call_get_option(const struct step* step, int32_t port, int32_t name) {
  uint32_t option = socket__draw_option(step->a);
  int32_t forced;
  const struct model_socket* socket = socket__find(port, name, &forced);
  int32_t result = iocp_get_option(port, name, option);
  if (socket__is_gone(socket, result)) return;
  if (forced == 0 && !socket__has_option(socket, option)) forced = -IOCP_EINVAL;
  model_check(result, forced);
  FUZZ_CHECK(forced != 0 || (result >= socket__bounds[option][0] &&
                             result <= socket__bounds[option][1]));
}

void call_socket_stats(const struct step* step, int32_t port, int32_t name) {
  struct iocp_socket_stats stats;
  int32_t forced;
  uint8_t room[sizeof stats + 1];
  void* where = step->a >= 240 ? NULL : step->a >= 192 ? &room[1] : &room[0];
  const struct model_socket* socket = socket__find(port, name, &forced);
  int32_t result = iocp_socket_stats(port, name, where);
  if (socket__is_gone(socket, result)) return;
  if (forced == 0 && where == NULL) forced = -IOCP_EFAULT;
  model_check(result, forced);
  if (forced != 0) return;
  memcpy(&stats, where, sizeof stats);
  FUZZ_IS(stats.sends, socket->sends);
  FUZZ_CHECK(stats.bytes_kept >= 0 && stats.bytes_readable >= 0);
  FUZZ_CHECK(stats.sends != 0 || stats.bytes_kept == 0);
  FUZZ_CHECK(socket->is_listener || stats.accepted == 0);
}
