/* SPDX-License-Identifier: MIT */
#include "wrong.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "contract.h"
#include "report.h"
#include "schedule.h"
#include "tape.h"
#include "user.h"

#define WRONG__MEMORY 65536

/* Good memory of which nothing is known. */
static uint8_t wrong__memory[WRONG__MEMORY] __attribute__((aligned(8)));

/* ---- arguments; most of them are good */

/* One of `count` values, of which the first is the most likely. */
static uint32_t wrong__pick(uint32_t count) {
  return tape_choose(3) != 0 ? 0 : tape_choose(count);
}

#define WRONG__ONE_OF(values) \
  ((values)[wrong__pick((uint32_t)(sizeof(values) / sizeof(values)[0]))])

/* The port of the socket, if it has one. */
static int32_t wrong__port(int32_t socket) {
  const struct contract_port* port = contract_port_at(tape_choose(8));
  int32_t good = port == NULL ? -1 : port->id;
  for (uint32_t i = 0; i < contract_socket_count(); i++)
    if (contract_socket_at(i)->id == socket && tape_choose(4) != 1)
      good = contract_socket_at(i)->port;
  switch (wrong__pick(8)) {
    case 1:
      return -1;
    case 2:
      return INT32_MAX;
    case 3:
      return INT32_MIN;
    case 4:
      return good ^ 1 << 12; /* of another generation */
    case 5:
      return contract_stale_port(tape_choose(16));
    default:
      return good;
  }
}

/* Most are of the kind that the function is for, if there is one. */
static int32_t wrong__socket(enum contract_kind kind) {
  uint32_t first = tape_choose(512);
  bool is_any = tape_choose(4) == 1;
  const struct contract_socket* socket = contract_socket_at(first);
  for (uint32_t i = 0; !is_any && i < contract_socket_count(); i++) {
    const struct contract_socket* one = contract_socket_at(first + i);
    if (one->kind != kind) continue;
    socket = one;
    /* One that has more to say is the better one. */
    if (one->sends != 0 || one->is_read_armed || tape_choose(2) != 0) break;
  }
  int32_t good = socket == NULL ? -1 : socket->id;
  switch (wrong__pick(8)) {
    case 1:
      return -1;
    case 2:
      return INT32_MAX;
    case 3:
      return INT32_MIN;
    case 4:
      return good ^ 1 << 19; /* of another generation */
    case 5:
    case 6:
      return contract_stale_socket(tape_choose(16));
    default:
      return good;
  }
}

static void* wrong__buffer(void) {
  return wrong__pick(3) == 1 ? NULL : wrong__memory;
}

/* Without a bit, with each one, and with all. */
static uint32_t wrong__flags(void) {
  if (tape_choose(3) != 0) return 0;
  uint32_t bit = tape_choose(33);
  return bit == 32 ? UINT32_MAX : 1u << bit;
}

static uint32_t wrong__length(void) {
  static const uint32_t lengths[] = {64,
                                     0,
                                     1,
                                     IOCP_SEND_MAX + 1,
                                     INT32_MAX,
                                     (uint32_t)INT32_MAX + 1,
                                     UINT32_MAX};
  return WRONG__ONE_OF(lengths);
}

static double wrong__handle(void) {
  static const double handles[] = {
      40001, 0.5, -1, 9007199254740992.0, 1e300, -0.5, 4294967296.5};
  return tape_choose(8) == 1 ? (double)NAN : WRONG__ONE_OF(handles);
}

/* An address of IP, or NULL. */
static void* wrong__ip(void) {
  static const uint16_t families[] = {4, 6, 0, 3, 5, 7, 1, 2, 0xffff};
  static const uint8_t firsts[] = {127, 224, 239, 240, 255, 0, 223};
  static struct iocp_address addresses[2];
  static uint32_t next;
  if (tape_choose(12) == 1) return NULL;
  struct iocp_address* address = &addresses[next++ % 2];
  memset(address, 0, sizeof *address);
  address->family = WRONG__ONE_OF(families);
  address->bytes[0] = WRONG__ONE_OF(firsts);
  address->bytes[3] = 1;
  return address;
}

/* A name of a local socket that is not there, or that is none. */
static const void* wrong__path(void) {
  static const uint16_t families[] = {IOCP_UNIX, IOCP_PIPE, 0, 3, 4, 6, 0xffff};
  static const uint16_t lengths[] = {
      24, 0, 1, 107, 108, 109, 256, 257, 258, 1019, 1020, 1021, 0xffff};
  static struct iocp_path path;
  if (tape_choose(12) == 1) return NULL;
  memset(path.bytes, 'a', sizeof path.bytes);
  path.family = WRONG__ONE_OF(families);
  path.length = WRONG__ONE_OF(lengths);
  if (path.family == IOCP_PIPE) memcpy(path.bytes, "\\\\.\\pipe\\", 9);
  uint32_t zero = tape_choose(16);
  if (zero != 0 && zero < 4)
    path.bytes[zero == 1   ? 0
               : zero == 2 ? 1
                           : (uint16_t)(path.length - 1) % IOCP_PATH_MAX] = 0;
  return &path;
}

/* A multicast group in most cases. */
static const void* wrong__group(void) {
  static const uint8_t firsts[] = {224, 239};
  struct iocp_address* address = wrong__ip();
  if (address != NULL && tape_choose(4) != 1)
    address->bytes[0] =
        address->family == IOCP_IPV6 ? 0xff : firsts[tape_choose(2)];
  return address;
}

static const void* wrong__address(void) {
  return tape_choose(2) == 0 ? wrong__ip() : wrong__path();
}

/* ---- the calls */

static void wrong__poll(int32_t port) {
  static const uint32_t capacities[] = {1, 0, 4097, UINT32_MAX};
  uint8_t* events = wrong__buffer();
  uint32_t capacity = WRONG__ONE_OF(capacities);
  if (events != NULL && wrong__pick(4) == 1) events += 1 + tape_choose(3);
  void* slab = wrong__buffer();
  uint32_t offset = WRONG__ONE_OF(((const uint32_t[]){0, 1, 8, 9, UINT32_MAX}));
  uint32_t length = WRONG__ONE_OF(
      ((const uint32_t[]){8, 0, (uint32_t)INT32_MAX + 1, UINT32_MAX}));
  iocp_poll(port, events, capacity, slab, offset, length);
}

static void wrong__of_port(int32_t port) {
  static const uint32_t waits[] = {1001, 0, 1000, UINT32_MAX};
  static const uint32_t groups[] = {0, 1, 2, 65535, 65536, UINT32_MAX};
  switch (tape_choose(8)) {
    case 1:
      iocp_wait_here(port, WRONG__ONE_OF(waits));
      return;
    case 2:
      iocp_group_close(port, WRONG__ONE_OF(groups));
      return;
    case 3:
      iocp_group_stats(port, WRONG__ONE_OF(groups), wrong__buffer());
      return;
    case 4:
      iocp_group_new(port);
      return;
    case 5:
      iocp_stats(port, wrong__buffer());
      return;
    case 6:
      if (tape_choose(3) == 0)
        iocp_delete(port);
      else if (tape_choose(2) == 0)
        iocp_wait(port, 0);
      else
        iocp_wake(port);
      return;
    default:
      wrong__poll(port);
  }
}

static void wrong__listener(int32_t port, int32_t socket) {
  static const uint32_t counts[] = {1, IOCP_ACCEPT_MAX + 1, UINT32_MAX};
  static const uint32_t modes[] = {
      IOCP_MODE_DEFAULT, 0600, 0777, 01000, UINT32_MAX - 1};
  static const int32_t shares[] = {-1, 0, INT32_MAX};
  switch (tape_choose(7)) {
    case 1:
      iocp_listen_path(port,
                       wrong__path(),
                       1,
                       wrong__flags(),
                       WRONG__ONE_OF(modes),
                       wrong__pick(4) == 1 ? "D:" : NULL,
                       WRONG__ONE_OF(((const uint32_t[]){0, 2})));
      return;
    case 2:
      iocp_add_listener(port, wrong__handle(), wrong__flags());
      return;
    case 3:
      iocp_accept(port, socket, WRONG__ONE_OF(counts));
      return;
    case 4:
      iocp_stop(port, socket);
      return;
    case 5:
      iocp_share(port, socket, WRONG__ONE_OF(shares));
      return;
    case 6:
      iocp_take_part(port, WRONG__ONE_OF(shares));
      return;
    default:
      iocp_listen(port, wrong__ip(), 1, wrong__flags());
  }
}

static void wrong__stream(int32_t port, int32_t socket) {
  static const uint32_t credits[] = {
      1, 0, CONTRACT_CREDIT_MAX, CONTRACT_CREDIT_MAX + 1, UINT32_MAX};
  static const uint32_t modes[] = {
      IOCP_DETACH, IOCP_GRACEFUL, IOCP_RESET, 3, UINT32_MAX};
  switch (tape_choose(7)) {
    case 1:
      iocp_receive(port, socket, WRONG__ONE_OF(credits));
      return;
    case 2:
      iocp_read(port, socket, wrong__buffer(), 0, wrong__length());
      return;
    case 3:
      iocp_send(port, socket, wrong__buffer(), 0, wrong__length());
      return;
    case 4:
      iocp_progress(port, socket);
      return;
    case 5:
      iocp_shutdown(port, socket);
      return;
    case 6:
      iocp_close(port, socket, WRONG__ONE_OF(modes), 1000);
      return;
    default:
      if (tape_choose(2) == 0)
        iocp_connect(
            port, wrong__address(), tape_choose(4) == 1 ? wrong__ip() : NULL);
      else
        iocp_add_socket(port, wrong__handle(), wrong__flags());
  }
}

/* All of its sockets are wrong, so that nothing is sent. */
static void wrong__broadcast(int32_t port) {
  static const uint32_t counts[] = {3, 0, (uint32_t)INT32_MAX + 1, UINT32_MAX};
  int32_t ids[3], results[3] = {1, 2, 3};
  bool is_void = contract_port(port) != NULL;
  for (int i = 0; i < 3; i++) ids[i] = contract_stale_socket(tape_choose(16));
  for (uint32_t i = 0; i < contract_socket_count(); i++)
    for (int j = 0; j < 3; j++)
      if (contract_socket_at(i)->id == ids[j]) is_void = false;
  void* sockets = wrong__pick(4) == 1 ? NULL : ids;
  void* out = wrong__pick(4) == 1 ? NULL : results;
  uint32_t count = WRONG__ONE_OF(counts);
  if (count > 3 && (sockets == NULL || out == NULL)) return;
  contract_only_refusals = !is_void;
  iocp_broadcast(
      port, sockets, out, count, wrong__buffer(), 0, wrong__length());
  contract_only_refusals = true;
}

static int32_t wrong__file_id(int32_t port) {
  const struct contract_port* at = contract_port(port);
  static const int32_t files[] = {-1, INT32_MIN, INT32_MAX};
  if (at == NULL || at->file_count == 0) return WRONG__ONE_OF(files);
  int32_t good = at->files[tape_choose(at->file_count)];
  return wrong__pick(2) == 0 ? good : good + 1 + (int32_t)tape_choose(64);
}

static void wrong__file(int32_t port, int32_t socket) {
  static const uint32_t lengths[] = {3, 0, IOCP_FILE_PATH_MAX + 1, UINT32_MAX};
  static const double offsets[] = {
      0, -1, IOCP_FILE_SIZE_MAX, -0.5, 1e300, -1e300};
  char path[IOCP_FILE_PATH_MAX + 1];
  uint32_t length = WRONG__ONE_OF(lengths);
  switch (tape_choose(3)) {
    case 1:
      memset(path, 'a', sizeof path);
      if (wrong__pick(3) == 1) path[tape_choose(3)] = 0;
      iocp_open_file(
          port, wrong__pick(4) == 1 ? NULL : path, length, wrong__buffer());
      return;
    case 2:
      iocp_send_file(port,
                     socket,
                     wrong__file_id(port),
                     tape_choose(8) == 1 ? (double)NAN : WRONG__ONE_OF(offsets),
                     wrong__length());
      return;
    default:
      iocp_close_file(port, wrong__file_id(port));
  }
}

static void wrong__set(int32_t port, int32_t socket) {
  uint32_t option = tape_choose(26);
  static const int32_t values[] = {1,
                                   0,
                                   -1,
                                   2,
                                   64,
                                   65,
                                   128,
                                   256,
                                   32768,
                                   65535,
                                   65536,
                                   1048577,
                                   1073741824,
                                   INT32_MAX,
                                   INT32_MIN};
  if (option == 25) option = UINT32_MAX;
  if (tape_choose(3) == 0)
    iocp_get_option(port, socket, option);
  else
    iocp_set_option(port, socket, option, WRONG__ONE_OF(values));
}

static void wrong__query(int32_t port, int32_t socket) {
  static const uint32_t ends[] = {0, 1, 2, UINT32_MAX};
  static const uint32_t rooms[] = {
      sizeof(struct iocp_address), 0, 3, sizeof(struct iocp_address) - 1};
  switch (tape_choose(6)) {
    case 1:
      iocp_get_peer(port, socket, wrong__buffer());
      return;
    case 2:
      iocp_socket_stats(port, socket, wrong__buffer());
      return;
    case 3:
      iocp_tcp_info(port, socket, wrong__buffer());
      return;
    case 4:
      iocp_get_address(port,
                       socket,
                       WRONG__ONE_OF(ends),
                       wrong__buffer(),
                       WRONG__ONE_OF(rooms));
      return;
    default:
      wrong__set(port, socket);
  }
}

/* Up to three in memory. */
static void wrong__send_many(int32_t port, int32_t socket) {
  static const uint32_t counts[] = {3, 1, 2, 0, 4, UINT32_MAX};
  static const uint32_t lengths[] = {
      8, 0, 1, 100, IOCP_SEND_MAX, IOCP_SEND_MAX + 1, UINT32_MAX};
  static const uint16_t paths[] = {8, 0, 1, 112, 113, 120, 0xffff};
  struct iocp_datagram header = {.from.family = IOCP_IPV4};
  uint32_t size = 0;
  for (int i = 0; i < 3; i++) {
    header.length = WRONG__ONE_OF(lengths);
    header.from.family = wrong__pick(3) == 1 ? IOCP_UNIX : IOCP_IPV4;
    header.from.port = WRONG__ONE_OF(paths);
    memcpy(wrong__memory + size, &header, sizeof header);
    size += sizeof header + ((header.length + 7u) & ~7u) % 1024;
    if (header.from.family == IOCP_UNIX)
      size += ((header.from.port + 7u) & ~7u) % 1024;
  }
  iocp_send_many(port,
                 socket,
                 wrong__buffer(),
                 size - (wrong__pick(2) == 0 ? 0 : tape_choose(size)),
                 WRONG__ONE_OF(counts));
}

static void wrong__datagram(int32_t port, int32_t socket) {
  static const uint32_t modes[] = {
      IOCP_MODE_DEFAULT, 0777, 01000, UINT32_MAX - 1};
  static const uint32_t joins[] = {0, 1, 2, UINT32_MAX};
  switch (tape_choose(7)) {
    case 1:
      iocp_receive_from(port, socket, wrong__buffer(), 0, 64, wrong__buffer());
      return;
    case 2:
      iocp_send_to(
          port, socket, wrong__buffer(), 0, wrong__length(), wrong__address());
      return;
    case 3:
      wrong__send_many(port, socket);
      return;
    case 4:
      iocp_connect_datagram(port, socket, wrong__address());
      return;
    case 5:
      iocp_membership(port,
                      socket,
                      wrong__group(),
                      tape_choose(2) == 0 ? NULL : wrong__ip(),
                      0,
                      WRONG__ONE_OF(joins));
      return;
    case 6:
      iocp_interface_index(port, wrong__ip());
      return;
    default:
      iocp_bind(port, wrong__address(), wrong__flags(), WRONG__ONE_OF(modes));
  }
}

static void wrong__pass(int32_t port, int32_t socket) {
  static const uint32_t addresses[] = {
      IOCP_INBOX_MAX, 1, 0, IOCP_INBOX_MAX + 1, UINT32_MAX};
  static const uint32_t inboxes[] = {IOCP_INBOX_MAX - 1, 0, IOCP_INBOX_MAX};
  static const uint32_t tickets[] = {IOCP_TICKET_MAX, IOCP_TICKET_MAX - 1, 0};
  switch (tape_choose(4)) {
    case 1:
      iocp_take(port, wrong__buffer(), wrong__length());
      return;
    case 2:
      iocp_drop(port, wrong__handle());
      return;
    case 3:
      iocp_inbox(port, wrong__buffer(), WRONG__ONE_OF(inboxes));
      return;
    default:
      iocp_pass(port,
                tape_choose(2) == 0 ? -1 : socket,
                wrong__handle(),
                wrong__buffer(),
                WRONG__ONE_OF(addresses),
                wrong__buffer(),
                WRONG__ONE_OF(tickets));
  }
}

static void wrong__resolve(void) {
  char name[257];
  static const uint32_t lengths[] = {9, 0, 256, UINT32_MAX};
  memset(name, 'a', sizeof name);
  if (wrong__pick(3) == 1) name[tape_choose(9)] = 0;
  iocp_resolve(wrong__pick(4) == 1 ? NULL : name,
               WRONG__ONE_OF(lengths),
               wrong__buffer(),
               WRONG__ONE_OF(((const uint32_t[]){1, 0})));
}

static void wrong__call(void) {
  static const enum contract_kind kinds[] = {CONTRACT_STREAM,
                                             CONTRACT_STREAM,
                                             CONTRACT_LISTENER,
                                             CONTRACT_STREAM,
                                             CONTRACT_STREAM,
                                             CONTRACT_DATAGRAM,
                                             CONTRACT_LISTENER,
                                             CONTRACT_STREAM,
                                             CONTRACT_STREAM};
  uint32_t part = tape_choose(9);
  int32_t socket = wrong__socket(kinds[part]);
  int32_t port = wrong__port(socket);
  switch (part) {
    case 1:
      wrong__of_port(port);
      return;
    case 2:
      wrong__listener(port, socket);
      return;
    case 3:
      wrong__file(port, socket);
      return;
    case 4:
      wrong__query(port, socket);
      return;
    case 5:
      wrong__datagram(port, socket);
      return;
    case 6:
      wrong__pass(port, socket);
      return;
    case 7:
      wrong__resolve();
      return;
    case 8:
      wrong__broadcast(port);
      return;
    default:
      wrong__stream(port, socket);
  }
}

void wrong_calls(uint32_t count) {
  uint64_t refused = contract_refused;
  contract_only_refusals = true;
  while (count-- != 0) wrong__call();
  contract_only_refusals = false;
  schedule_checks += contract_refused - refused;
  TRACE("%u wrong calls", (unsigned)(contract_refused - refused));
}
