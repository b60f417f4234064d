/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <sys/socket.h>

#include "calls.h"

/* Room for an address at any alignment. */
struct open__address {
  uint8_t bytes[sizeof(struct iocp_address) + 3];
};

static const struct iocp_address open__loopback = {.family = 4,
                                                   .bytes = {127, 0, 0, 1}};
static const struct iocp_address open__loopback6 = {.family = 6,
                                                    .bytes = {[15] = 1}};

/* Makes an address wrong or unusual. */
static void open__spoil(struct iocp_address* address,
                        uint8_t how,
                        uint8_t value) {
  static const uint16_t families[] = {0, 1, 2, 5, 10, 23, 256, UINT16_MAX};
  static const uint16_t ports[] = {0, 1, 80, 2048, UINT16_MAX};
  static const uint32_t scopes[] = {1, 2, 1u << 31, UINT32_MAX};
  static const uint8_t hosts[][16] = {
      {0},
      {255, 255, 255, 255},
      {224, 0, 0, 1},
      {192, 0, 2, 1},
      {127, 255, 255, 254},
      {[10] = 255, [11] = 255, [12] = 127, [15] = 1},
      {[0] = 0xfe, [1] = 0x80, [15] = 1},
      {[0] = 0xff, [1] = 0x02, [15] = 1},
      {[0] = 0x20, [1] = 0x01, [2] = 0x0d, [3] = 0xb8, [15] = 1}};
  if ((how & 1) != 0) address->family = families[value % 8];
  if ((how & 2) != 0) address->port = ports[value % 5];
  if ((how & 4) != 0) address->scope = scopes[value % 4];
  if ((how & 8) != 0) memcpy(address->bytes, hosts[value % 9], 16);
  if ((how & 16) != 0) address->family ^= 2;
}

/* Places it as `how` says: NULL, or unaligned. */
static const void* open__place(const struct iocp_address* address,
                               uint8_t how,
                               struct open__address* room) {
  if (how >= 248) return NULL;
  uint32_t shift = how >= 224 ? 1 + how % 3 : 0;
  memcpy(room->bytes + shift, address, sizeof *address);
  return room->bytes + shift;
}

void call_listen(const struct step* step, int32_t port, int32_t socket) {
  static const uint32_t backlogs[] = {0, 1, 2, 65535, 65536, UINT32_MAX};
  static const uint32_t flags[] = {0,
                                   IOCP_IPV6_ONLY,
                                   IOCP_REUSE_PORT,
                                   3,
                                   IOCP_ALL_NO_DELAY,
                                   1u << 31,
                                   UINT32_MAX};
  _Alignas(struct iocp_address) struct open__address room;
  (void)socket;
  if (!model_has_room()) return;
  struct iocp_address address =
      (step->a & 1) != 0 ? open__loopback6 : open__loopback;
  if (step->a >= 192) open__spoil(&address, step->c, step->d);
  const void* where = open__place(&address, step->e, &room);
  uint32_t flag = step->b < 128 ? 0 : flags[step->b % 7];
  int32_t forced = model_refuses_port(port);
  if (forced == 0 && where == NULL) forced = -IOCP_EFAULT;
  if (forced == 0 && flag > 7) forced = -IOCP_EINVAL;
  if (forced == 0 && address.family != 4 && address.family != 6)
    forced = -IOCP_EAFNOSUPPORT;
  int32_t id = iocp_listen(port, where, backlogs[step->b % 6], flag);
  model_check(id, forced);
  if (id < 0) {
    FUZZ_CHECK(forced != 0 || id != -IOCP_EBADF);
    return;
  }
  struct model_socket* model = model_add_socket(model_port(port), id);
  model->is_listener = true;
  FUZZ_IS(
      iocp_get_address(
          port, id, IOCP_LOCAL, &model->address, sizeof(struct iocp_address)),
      sizeof(struct iocp_address));
  FUZZ_CHECK(model->address.port != 0);
}

void call_accept(const struct step* step, int32_t port, int32_t socket) {
  static const uint32_t counts[] = {
      0, 2, 64, IOCP_ACCEPT_MAX, IOCP_ACCEPT_MAX + 1, 1u << 31, UINT32_MAX};
  uint32_t count = step->a < 128 ? 1 : counts[step->a % 7];
  const struct model_socket* model = model_socket(port, socket);
  int32_t forced = model_refuses(port, socket);
  if (forced == 0 && model->is_closing) forced = -IOCP_EBADF;
  int32_t result = iocp_accept(port, socket, count);
  if (forced == 0 && model->may_time_out && !model->is_listener &&
      result == -IOCP_EBADF)
    return;
  if (forced == 0 && model_is_ended_part(model, result)) return;
  if (forced == 0 && (!model->is_listener || count > IOCP_ACCEPT_MAX))
    forced = -IOCP_EINVAL;
  if (forced == 0 && model->is_stopped) forced = -IOCP_ESHUTDOWN;
  model_check(result, forced);
  FUZZ_CHECK(forced != 0 || result == 0);
}

void call_connect(const struct step* step, int32_t port, int32_t socket) {
  _Alignas(struct iocp_address) struct open__address remote_room;
  _Alignas(struct iocp_address) struct open__address local_room;
  struct iocp_address remote = open__loopback;
  const void* local_where = NULL;
  (void)socket;
  if (!model_has_room()) return;
  /* A connect to a port without a listener is refused. */
  if (!model_draw_listener(step->a, &remote)) remote.port = 1;
  struct iocp_address local =
      remote.family == 6 ? open__loopback6 : open__loopback;
  if (step->b >= 208) open__spoil(&remote, step->c, step->d);
  /* It would be a struct iocp_path, which call_local() passes. */
  if (remote.family == IOCP_UNIX || remote.family == IOCP_PIPE) return;
  if (step->b % 16 == 15) {
    if (step->b % 32 == 31) open__spoil(&local, step->d, step->c);
    local_where = open__place(&local, step->d, &local_room);
  }
  const void* where = open__place(&remote, step->e, &remote_room);
  int32_t forced = model_refuses_port(port);
  if (forced == 0 && where == NULL) forced = -IOCP_EFAULT;
  if (forced == 0 && ((remote.family != 4 && remote.family != 6) ||
                      (local_where != NULL && local.family != remote.family)))
    forced = -IOCP_EAFNOSUPPORT;
  int32_t id = iocp_connect(port, where, local_where);
  model_check(id, forced);
  if (id < 0) {
    FUZZ_CHECK(forced != 0 || id != -IOCP_EBADF);
    return;
  }
  model_add_socket(model_port(port), id)->connect_pending = true;
}

/* ---- adopting */

/* Numbers that are not descriptors of this process. */
static double open__wild(uint8_t choice) {
  static const double numbers[] = {-1,
                                   -0.5,
                                   0.5,
                                   1e300,
                                   -1e300,
                                   4000,
                                   2147483647,
                                   2147483648.0,
                                   4294967295.0,
                                   4294967299.0,
                                   1e-300};
  uint32_t count = sizeof numbers / sizeof numbers[0];
  if (choice % 16 < count) return numbers[choice % 16];
  if (choice % 16 == count) return NAN;
  return choice % 2 == 0 ? INFINITY : -INFINITY;
}

/* What a failed adoption must not change. */
struct open__flags {
  int status;
  int descriptor;
  int signal;
};

static struct open__flags open__flags_of(int fd) {
  return (struct open__flags){
      fcntl(fd, F_GETFL), fcntl(fd, F_GETFD), fcntl(fd, F_GETSIG)};
}

void call_add_socket(const struct step* step, int32_t port, int32_t socket) {
  static const uint32_t flags[] = {0, IOCP_DETACHED, 2, 1u << 31, UINT32_MAX};
  (void)socket;
  if (!model_has_room()) return;
  int fd = model_draw_handle(step->a);
  bool is_wild = fd < 0 || step->b >= 208;
  double handle = is_wild ? open__wild(step->a) : fd;
  uint32_t flag = step->c < 192 ? 0 : flags[step->c % 5];
  int32_t forced = model_refuses_port(port);
  if (forced == 0 && flag > IOCP_DETACHED) forced = -IOCP_EINVAL;
  struct open__flags before = open__flags_of(fd);
  int family = 0;
  socklen_t length = sizeof family;
  getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &length);
  int32_t id = iocp_add_socket(port, handle, flag);
  fuzz_reached(80, (uint32_t)is_wild, id);
  model_check(id, forced);
  if (id >= 0) {
    FUZZ_CHECK(!is_wild);
    model_add_socket(model_port(port), id)->is_local = family == AF_UNIX;
    model_drop_handle(fd);
    return;
  }
  struct open__flags after = open__flags_of(fd);
  FUZZ_IS(memcmp(&before, &after, sizeof before), 0);
  if (forced != 0) return;
  /* The errors that the header lists. */
  FUZZ_CHECK(id == -IOCP_ENOMEM || id == -IOCP_ENOTSOCK ||
             id == -IOCP_ENOTCONN || id == -IOCP_EEXIST ||
             (is_wild && id == -IOCP_EINVAL));
}
