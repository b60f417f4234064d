/* SPDX-License-Identifier: MIT */
#include "calls.h"

/* How many groups the model has: few, so that they are used again. */
#define GROUP__KNOWN 8

static uint32_t group__draw(uint8_t choice) {
  static const uint32_t numbers[] = {
      0, IOCP_GROUP_MAX, IOCP_GROUP_MAX + 1, 1u << 31, UINT32_MAX};
  return choice < 240 ? 1 + choice % 4u : numbers[choice % 5];
}

static bool group__is_open(const struct model_port* port, uint32_t number) {
  return port != NULL && number < GROUP__KNOWN &&
         (port->groups & 1u << number) != 0;
}

static void group__new(int32_t id) {
  int32_t forced = model_refuses_port(id);
  int32_t result = iocp_group_new(id);
  model_check(result, forced);
  if (forced != 0 || result < 0) return;
  struct model_port* port = model_port(id);
  FUZZ_CHECK(result > 0 && !group__is_open(port, (uint32_t)result));
  if (result < GROUP__KNOWN)
    port->groups |= 1u << result;
  else
    FUZZ_IS(iocp_group_close(id, (uint32_t)result), 0);
}

static void group__join(int32_t port, int32_t id, uint32_t number) {
  int32_t forced = model_refuses(port, id);
  const struct model_socket* socket = model_socket(port, id);
  if (forced == 0 && socket->is_closing) forced = -IOCP_EBADF;
  int32_t result = iocp_set_option(port, id, IOCP_GROUP, (int32_t)number);
  if (forced == 0 && socket->may_time_out && result == -IOCP_EBADF) return;
  if (forced == 0 && model_is_ended_part(socket, result)) return;
  if (forced == 0 && number != 0 && !group__is_open(model_port(port), number))
    forced = -IOCP_EINVAL;
  model_check(result, forced);
  if (forced == 0)
    FUZZ_IS(iocp_get_option(port, id, IOCP_GROUP), (int32_t)number);
}

static void group__stats(int32_t id, uint32_t number, bool has_room) {
  struct iocp_stats stats;
  int32_t forced = model_refuses_port(id);
  const struct model_port* port = model_port(id);
  if (forced == 0 && !has_room) forced = -IOCP_EFAULT;
  if (forced == 0 && !group__is_open(port, number)) forced = -IOCP_EINVAL;
  model_check(iocp_group_stats(id, number, has_room ? &stats : NULL), forced);
  if (forced != 0) return;
  FUZZ_IS(stats.polls, port->polls);
  FUZZ_CHECK(stats.sockets >= model_count_group(port, number));
  FUZZ_CHECK(port->may_defer ||
             stats.sockets == model_count_group(port, number));
}

static void group__close(int32_t id, uint32_t number) {
  int32_t forced = model_refuses_port(id);
  struct model_port* port = model_port(id);
  if (forced == 0 && !group__is_open(port, number)) forced = -IOCP_EINVAL;
  if (forced == 0) model_void_group(port, number);
  model_check(iocp_group_close(id, number), forced);
  if (forced == 0) port->groups &= ~(1u << number);
}

void call_group(const struct step* step, int32_t port, int32_t socket) {
  uint32_t number = group__draw(step->b);
  switch (step->a % 5) {
    case 0:
      group__new(port);
      return;
    case 1:
      group__stats(port, number, step->c < 240);
      return;
    case 2:
      group__close(port, number);
      return;
    default:
      group__join(port, socket, number);
  }
}
