/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "calls.h"
#include "environment.h"

#define DATAGRAM__BYTES (IOCP_SEND_MAX + 64)

static uint8_t memory[DATAGRAM__BYTES];

/* The datagram socket of the two ids, unless it is closing. Otherwise NULL, and
 * the error that the call must return. */
static struct model_socket* datagram__find(int32_t port,
                                           int32_t id,
                                           int32_t* forced) {
  *forced = model_refuses(port, id);
  if (*forced != 0) return NULL;
  struct model_socket* socket = model_socket(port, id);
  if (socket->is_closing)
    *forced = -IOCP_EBADF;
  else if (!socket->is_datagram)
    *forced = -IOCP_EINVAL;
  return *forced == 0 ? socket : NULL;
}

/* The result of a call on a socket that is not one of datagrams. */
static void datagram__refused(int32_t port,
                              int32_t id,
                              int32_t result,
                              int32_t forced) {
  const struct model_socket* socket = model_socket(port, id);
  if (socket != NULL && socket->may_time_out && result == -IOCP_EBADF) return;
  if (model_is_ended_part(socket, result)) return;
  model_check(result, forced);
}

/* ---- addresses */

/* Abstract names, which are those of the private network. */
static struct iocp_path datagram__name(uint8_t number) {
  struct iocp_path name = {.family = IOCP_UNIX, .length = 12};
  memcpy(name.bytes, "\0fuzz-dgram-", 12);
  name.bytes[11] = (uint8_t)('a' + number % 4);
  return name;
}

/* An address that is wrong or unusual. */
static struct iocp_address datagram__strange(uint8_t how) {
  static const struct iocp_address addresses[] = {
      {.family = 0},
      {.family = 5, .port = 9},
      {.family = IOCP_IPV4, .port = 0, .bytes = {127, 0, 0, 1}},
      {.family = IOCP_IPV4, .port = 9, .bytes = {255, 255, 255, 255}},
      {.family = IOCP_IPV4, .port = 9, .bytes = {224, 0, 0, 5}},
      {.family = IOCP_IPV4, .port = 9, .bytes = {192, 0, 2, 1}},
      {.family = IOCP_IPV4, .port = 9, .bytes = {127, 0, 0, 9}},
      {.family = IOCP_IPV4},
      {.family = IOCP_IPV6},
      {.family = IOCP_IPV6, .port = 9, .bytes = {[15] = 1}},
      {.family = IOCP_IPV6, .port = 9, .bytes = {0xff, 2, [15] = 5}},
      {.family = IOCP_IPV6, .scope = 7, .bytes = {0xfe, 0x80, [15] = 1}},
  };
  return addresses[how % (sizeof addresses / sizeof addresses[0])];
}

/* Where to send: mostly one of the datagram sockets. */
union datagram__target {
  uint16_t family;
  struct iocp_address ip;
  struct iocp_path path;
};

static union datagram__target datagram__target(uint8_t how, bool is_unix) {
  union datagram__target target;
  if (how >= 224)
    target.ip = datagram__strange(how);
  else if (is_unix)
    target.path = datagram__name(how);
  else if (!model_draw_datagram(how, &target.ip))
    target.ip = datagram__strange(6);
  return target;
}

/* ---- making sockets */

static const void* datagram__bound(const struct step* step,
                                   union datagram__target* at) {
  static const struct iocp_address loopbacks[] = {
      {.family = IOCP_IPV4, .bytes = {127, 0, 0, 1}},
      {.family = IOCP_IPV6, .bytes = {[15] = 1}},
      {.family = IOCP_IPV6},
      {.family = IOCP_IPV4},
  };
  if (step->b >= 248) return NULL;
  if (step->b >= 224)
    at->ip = datagram__strange(step->c);
  else if (step->b < 128)
    at->ip = loopbacks[step->b % 4];
  else
    at->path = datagram__name(step->c);
  if (step->b >= 128 && step->b < 160) at->path.length = 0;
  return at;
}

static void datagram__bind(const struct step* step, int32_t port) {
  static const uint32_t flags[] = {IOCP_IPV6_ONLY,
                                   IOCP_REUSE_PORT,
                                   IOCP_REUSE_ADDRESS,
                                   IOCP_ALL_NO_DELAY,
                                   IOCP_REPLACE_STALE,
                                   1u << 31,
                                   UINT32_MAX};
  static const uint32_t modes[] = {0, 0600, 01000, UINT32_MAX};
  union datagram__target at;
  if (!model_has_room()) return;
  const void* where = datagram__bound(step, &at);
  uint32_t flag = step->d < 192 ? 0 : flags[step->d % 7];
  int32_t forced = model_refuses_port(port);
  if (forced == 0 && where == NULL) forced = -IOCP_EFAULT;
  int32_t id = iocp_bind(port, where, flag, modes[step->e % 4]);
  model_check(id, forced);
  if (id < 0) return;
  struct model_socket* model = model_add_socket(model_port(port), id);
  model->is_datagram = true;
  model->is_local = at.family == IOCP_UNIX;
  if (model->is_local) return;
  FUZZ_IS(iocp_get_address(
              port, id, IOCP_LOCAL, &model->address, sizeof model->address),
          sizeof model->address);
  FUZZ_CHECK(model->address.port != 0);
}

/* ---- sending */

static void datagram__was_sent(struct model_socket* socket, int32_t result) {
  if (result < 0) {
    FUZZ_CHECK(result != -IOCP_EBUSY || socket->sends != 0);
    return;
  }
  FUZZ_CHECK(socket->sends < IOCP_CONCURRENCY_MAX);
  if ((result & IOCP_PENDING) != 0) socket->sends++;
}

static void datagram__send_to(const struct step* step,
                              int32_t port,
                              int32_t id) {
  static const uint32_t lengths[] = {0,
                                     1,
                                     100,
                                     1472,
                                     4000,
                                     20000,
                                     65507,
                                     65508,
                                     IOCP_SEND_MAX,
                                     IOCP_SEND_MAX + 1};
  int32_t forced;
  uint32_t length = lengths[step->b % 10];
  struct model_socket* socket = datagram__find(port, id, &forced);
  union datagram__target to =
      datagram__target(step->c, socket != NULL && socket->is_local);
  const void* buffer = step->d >= 240 ? NULL : memory;
  const void* address = step->d % 16 == 15 ? NULL : &to;
  int32_t result = iocp_send_to(port, id, buffer, 0, length, address);
  if (socket == NULL) {
    datagram__refused(port, id, result, forced);
    return;
  }
  if (buffer == NULL && length != 0)
    forced = -IOCP_EFAULT;
  else if (length > IOCP_SEND_MAX)
    forced = -IOCP_EMSGSIZE;
  model_check(result, forced);
  if (result >= 0) FUZZ_IS(result & ~IOCP_PENDING, length);
  datagram__was_sent(socket, result);
}

/* Packs datagrams of which the last may be damaged. Returns the bytes. */
static uint32_t datagram__pack(const struct step* step,
                               bool is_unix,
                               uint32_t count) {
  static const uint32_t lengths[] = {8, 8, 8, 0, 1200, 1200, 700, 3};
  uint32_t size = 0;
  for (uint32_t i = 0; i < count; i++) {
    struct iocp_datagram header = {
        .length = lengths[(step->b + i / (1 + step->e % 8)) % 8]};
    union datagram__target to = datagram__target(
        i % 4 == 3 ? step->c : (uint8_t)(step->c % 224), is_unix);
    bool has_path = to.family == IOCP_UNIX;
    if (has_path) {
      header.from.family = IOCP_UNIX;
      header.from.port = to.path.length;
    } else if (step->e < 192) {
      header.from = to.ip;
    }
    if (i == count - 1 && step->d >= 224)
      ((uint8_t*)&header)[step->d % sizeof header] ^= step->c;
    memcpy(memory + size, &header, sizeof header);
    size += sizeof header;
    if (has_path) memcpy(memory + size, to.path.bytes, 16);
    if (has_path) size += 16;
    size += (lengths[(step->b + i / (1 + step->e % 8)) % 8] + 7) & ~7u;
  }
  return size;
}

static void datagram__send_many(const struct step* step,
                                int32_t port,
                                int32_t id) {
  static const uint32_t counts[] = {1, 2, 3, 5, 16, 17, 40, 64, 65, 150};
  int32_t forced;
  struct model_socket* socket = datagram__find(port, id, &forced);
  uint32_t count = counts[step->b % 10];
  uint32_t length =
      datagram__pack(step, socket != NULL && socket->is_local, count);
  if (step->d == 192) count = 0;
  if (step->d == 193) count = UINT32_MAX;
  if (step->d == 194) length--;
  if (step->d == 195) length = DATAGRAM__BYTES;
  const void* where = step->d == 196 ? NULL : memory;
  int32_t result = iocp_send_many(port, id, where, length, count);
  if (socket == NULL) {
    datagram__refused(port, id, result, forced);
    return;
  }
  if (where == NULL)
    forced = -IOCP_EFAULT;
  else if (step->d >= 192 && step->d <= 194)
    forced = -IOCP_EINVAL;
  model_check(result, forced);
  if (result >= 0) {
    uint32_t taken = (uint32_t)(result & ~IOCP_PENDING);
    FUZZ_CHECK(taken != 0 && taken <= count);
  }
  datagram__was_sent(socket, result);
}

/* ---- receiving */

static void datagram__receive_from(const struct step* step,
                                   int32_t port,
                                   int32_t id) {
  static const uint32_t lengths[] = {0, 1, 100, 1500, 65536};
  uint8_t header[sizeof(struct iocp_datagram) + IOCP_DATAGRAM_PATH_MAX + 1];
  int32_t forced;
  uint32_t length = lengths[step->b % 5];
  void* buffer = step->c >= 240 ? NULL : memory;
  void* out = step->d >= 240 ? NULL : header + step->d % 2;
  struct model_socket* socket = datagram__find(port, id, &forced);
  int32_t result = iocp_receive_from(port, id, buffer, 0, length, out);
  if (socket == NULL) {
    datagram__refused(port, id, result, forced);
    return;
  }
  if (buffer == NULL || out == NULL)
    forced = -IOCP_EFAULT;
  else if (socket->credit != 0 || socket->read_pending)
    forced = -IOCP_EBUSY;
  model_check(result, forced);
  if (forced != 0 || result < 0) return;
  if (result == IOCP_PENDING) {
    socket->read_pending = true;
    return;
  }
  struct iocp_datagram datagram;
  memcpy(&datagram, out, sizeof datagram);
  FUZZ_CHECK(result <= (int32_t)length);
  FUZZ_IS(datagram.length, result);
  FUZZ_CHECK(datagram.size >= datagram.length);
}

/* ---- connections and groups */

static void datagram__connect(const struct step* step,
                              int32_t port,
                              int32_t id) {
  int32_t forced;
  struct model_socket* socket = datagram__find(port, id, &forced);
  union datagram__target to =
      datagram__target(step->c, socket != NULL && socket->is_local);
  int32_t result = iocp_connect_datagram(port, id, step->b >= 192 ? NULL : &to);
  if (socket == NULL) {
    datagram__refused(port, id, result, forced);
    return;
  }
  model_check(result, 0);
  FUZZ_CHECK(result <= 0);
}

static void datagram__membership(const struct step* step,
                                 int32_t port,
                                 int32_t id) {
  static const struct iocp_address groups[] = {
      {.family = IOCP_IPV4, .bytes = {224, 0, 0, 5}},
      {.family = IOCP_IPV4, .bytes = {239, 0, 0, 5}},
      {.family = IOCP_IPV6, .bytes = {0xff, 2, [15] = 5}},
  };
  static const uint32_t indices[] = {0, 1, 2, 1u << 31, UINT32_MAX};
  int32_t forced;
  struct iocp_address group =
      step->b < 192 ? groups[step->b % 3] : datagram__strange(step->c);
  struct iocp_address source = datagram__strange(step->d);
  const void* where = step->e >= 240 ? NULL : &group;
  const void* from = step->d < 128 ? NULL : &source;
  struct model_socket* socket = datagram__find(port, id, &forced);
  int32_t result = iocp_membership(port,
                                   id,
                                   where,
                                   from,
                                   indices[step->c % 5],
                                   step->e >= 224 ? 2 : step->e % 2u);
  if (socket == NULL) {
    datagram__refused(port, id, result, forced);
    return;
  }
  if (where == NULL)
    forced = -IOCP_EFAULT;
  else if (step->e >= 224)
    forced = -IOCP_EINVAL;
  model_check(result, forced);
  FUZZ_CHECK(result <= 0);
}

static void datagram__interface(const struct step* step, int32_t port) {
  struct iocp_address address = {.family = IOCP_IPV4, .bytes = {127, 0, 0, 1}};
  int32_t forced = model_refuses_port(port);
  if (step->b >= 128) address = datagram__strange(step->c);
  const void* where = step->d >= 240 ? NULL : &address;
  if (forced == 0 && where == NULL) forced = -IOCP_EFAULT;
  int32_t result = iocp_interface_index(port, where);
  model_check(result, forced);
  FUZZ_CHECK(result != 0);
}

void call_datagram(const struct step* step, int32_t port, int32_t socket) {
  switch (step->a % 16) {
    case 0:
    case 1:
    case 2:
      datagram__bind(step, port);
      return;
    case 3:
    case 4:
    case 5:
    case 6:
      datagram__send_to(step, port, socket);
      return;
    case 7:
    case 8:
    case 9:
      datagram__send_many(step, port, socket);
      return;
    case 10:
    case 11:
      datagram__receive_from(step, port, socket);
      return;
    case 12:
    case 13:
      datagram__connect(step, port, socket);
      return;
    case 14:
      datagram__membership(step, port, socket);
      return;
    default:
      datagram__interface(step, port);
  }
}
