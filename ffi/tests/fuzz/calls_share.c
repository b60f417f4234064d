/* SPDX-License-Identifier: MIT */
/* Listeners that hand out their connections, and parts of shares. */
#include "calls.h"

/* The numbers of the last shares, which may be over by now. */
static int32_t share__ids[4] = {-1, -1, -1, -1};
static uint32_t share__count;

static int32_t share__draw(uint8_t choice) {
  static const int32_t wrong[] = {
      -1, -2, 0, IOCP_SHARES_MAX, INT32_MIN, INT32_MAX};
  return choice < 200 ? share__ids[choice % 4] : wrong[choice % 6];
}

static bool share__is_known(int32_t id) {
  for (int i = 0; i < 4; i++)
    if (share__ids[i] == id) return true;
  return false;
}

static void share__share(const struct step* step, int32_t port, int32_t id) {
  int32_t share = step->c < 128 ? -1 : share__draw(step->c);
  int32_t forced = model_refuses(port, id);
  struct model_socket* socket = model_socket(port, id);
  if (forced == 0 && socket->is_closing) forced = -IOCP_EBADF;
  int32_t result = iocp_share(port, id, share);
  if (forced == 0 && model_is_ended_part(socket, result)) return;
  if (forced == 0 && socket->may_time_out && result == -IOCP_EBADF) return;
  if (forced == 0 &&
      (!socket->is_listener || socket->is_part || socket->hands_out))
    forced = -IOCP_EINVAL;
  model_check(result, forced);
  if (forced != 0) return;
  if (result < 0) {
    /* It defers, or the share is over. */
    FUZZ_CHECK(result == -IOCP_ENOMEM || result == -IOCP_EINVAL ||
               (share >= 0 && result == -IOCP_ENOENT));
    return;
  }
  FUZZ_CHECK(share < 0 || (share == result && share__is_known(share)));
  socket->hands_out = true;
  if (share < 0) share__ids[share__count++ % 4] = result;
}

static void share__take(const struct step* step, int32_t port) {
  int32_t share = share__draw(step->c);
  if (!model_has_room()) return;
  int32_t forced = model_refuses_port(port);
  int32_t id = iocp_take_part(port, share);
  model_check(id, forced);
  if (id < 0) {
    FUZZ_CHECK(forced != 0 || id == -IOCP_ENOENT || id == -IOCP_ENOMEM);
    return;
  }
  FUZZ_CHECK(share__is_known(share));
  struct model_socket* part = model_add_socket(model_port(port), id);
  struct iocp_path address;
  part->is_listener = part->is_part = true;
  int32_t size =
      iocp_get_address(port, id, IOCP_LOCAL, &address, sizeof address);
  FUZZ_CHECK(size > 0);
  part->is_local = address.family == IOCP_UNIX;
  if (step->b % 4 != 0) FUZZ_IS(iocp_accept(port, id, step->b % 4u), 0);
}

void call_share(const struct step* step, int32_t port, int32_t socket) {
  if (step->b < 96)
    share__share(step, port, socket);
  else
    share__take(step, port);
}
