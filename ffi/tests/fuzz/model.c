/* SPDX-License-Identifier: MIT */
#include "model.h"

#include <string.h>
#include <unistd.h>

#include "environment.h"
#include "fuzz.h"

static struct model_port ports[MODEL_PORTS];
static struct model_socket sockets[MODEL_SOCKETS];
static int32_t stale_ports[MODEL_STALE];
static int32_t stale_sockets[MODEL_STALE];
static uint32_t stale_port_count;
static uint32_t stale_socket_count;
static int handles[MODEL_HANDLES];
static uint32_t handle_count;
static bool is_other_thread;

void model_begin(void) {
  memset(ports, 0, sizeof ports);
  memset(sockets, 0, sizeof sockets);
  for (int i = 0; i < MODEL_PORTS; i++) ports[i].id = -1;
  for (int i = 0; i < MODEL_STALE; i++) stale_ports[i] = stale_sockets[i] = -2;
  stale_port_count = stale_socket_count = handle_count = 0;
  is_other_thread = false;
}

void model_set_other(bool is_other) { is_other_thread = is_other; }

/* ---- ids */

/* Choices from here on are wrong or random. */
#define MODEL__HOSTILE 208

/* A number that is not an id, or one that is close to `right`. */
static int32_t model__wild(uint8_t choice, int32_t right) {
  static const int32_t numbers[] = {
      -1, INT32_MIN, INT32_MAX, 0, 1, 255, 256, 4095, 1 << 12, 1 << 19};
  uint32_t count = sizeof numbers / sizeof numbers[0];
  if (choice < count) return numbers[choice];
  uint32_t bit = choice - count;
  if (bit < 32) return (int32_t)((uint32_t)right ^ 1u << bit);
  return right < INT32_MAX ? right + 1 : right;
}

static int32_t model__first_port(void) {
  for (int i = 0; i < MODEL_PORTS; i++)
    if (ports[i].id >= 0) return ports[i].id;
  return -1;
}

int32_t model_draw_port(uint8_t choice) {
  if (choice < MODEL__HOSTILE) {
    /* Most often the first port, so that many calls are for it. */
    struct model_port* port = &ports[choice < 128 ? 0 : choice % MODEL_PORTS];
    return port->id >= 0 ? port->id : model__first_port();
  }
  choice -= MODEL__HOSTILE;
  if (choice < 6) return stale_ports[choice];
  return model__wild((uint8_t)(choice - 6), model__first_port());
}

/* The n-th socket, of that port or (NULL) of any. */
static struct model_socket* model__nth(const struct model_port* port,
                                       uint32_t n) {
  uint32_t count = 0;
  for (int i = 0; i < MODEL_SOCKETS; i++)
    if (sockets[i].port != NULL && (port == NULL || sockets[i].port == port))
      count++;
  if (count == 0) return NULL;
  n %= count;
  for (int i = 0;; i++) {
    if (sockets[i].port == NULL || (port != NULL && sockets[i].port != port))
      continue;
    if (n-- == 0) return &sockets[i];
  }
}

int32_t model_draw_socket(int32_t port_id, uint8_t choice) {
  const struct model_port* port = model_port(port_id);
  struct model_socket* right = model__nth(port, choice);
  int32_t id = right == NULL ? -1 : right->id;
  if (choice < MODEL__HOSTILE) return id;
  choice -= MODEL__HOSTILE;
  if (choice < 6) return stale_sockets[choice];
  /* It may be a socket of another port. */
  if (choice < 8) return (right = model__nth(NULL, choice)) ? right->id : -3;
  if (choice == 8) return port_id;
  return model__wild((uint8_t)(choice - 9), id);
}

struct model_port* model_port(int32_t id) {
  for (int i = 0; i < MODEL_PORTS; i++)
    if (ports[i].id >= 0 && ports[i].id == id) return &ports[i];
  return NULL;
}

struct model_socket* model_socket(int32_t port_id, int32_t id) {
  const struct model_port* port = model_port(port_id);
  if (port == NULL) return NULL;
  for (int i = 0; i < MODEL_SOCKETS; i++)
    if (sockets[i].port == port && sockets[i].id == id) return &sockets[i];
  return NULL;
}

int32_t model_refuses_port(int32_t id) {
  const struct model_port* port = model_port(id);
  if (port == NULL) return -IOCP_EBADF;
  return port->is_others == is_other_thread ? 0 : -IOCP_EXDEV;
}

int32_t model_refuses(int32_t port, int32_t socket) {
  int32_t error = model_refuses_port(port);
  if (error != 0) return error;
  return model_socket(port, socket) == NULL ? -IOCP_EBADF : 0;
}

/* ---- results of calls */

struct model_port* model_add_port(int32_t id) {
  FUZZ_CHECK(id >= 0 && model_port(id) == NULL);
  for (uint32_t i = 0; i < MODEL_STALE && i < stale_port_count; i++)
    FUZZ_CHECK(id != stale_ports[i]);
  for (int i = 0; i < MODEL_PORTS; i++) {
    if (ports[i].id >= 0) continue;
    ports[i] = (struct model_port){.id = id, .is_others = is_other_thread};
    return &ports[i];
  }
  return NULL;
}

void model_void_socket(struct model_socket* socket) {
  stale_sockets[stale_socket_count++ % MODEL_STALE] = socket->id;
  socket->port->socket_count--;
  socket->port = NULL;
}

void model_void_port(struct model_port* port) {
  for (int i = 0; i < MODEL_SOCKETS; i++)
    if (sockets[i].port == port) model_void_socket(&sockets[i]);
  stale_ports[stale_port_count++ % MODEL_STALE] = port->id;
  port->id = -1;
}

void model_begin_realm(uint32_t realm) {
  for (int i = 0; i < MODEL_PORTS; i++)
    if (realm != 0 && ports[i].id >= 0 && ports[i].realm != 0 &&
        ports[i].realm != realm && ports[i].is_others == is_other_thread)
      model_void_port(&ports[i]);
}

static bool model__is_in_group(const struct model_socket* socket,
                               const struct model_port* port,
                               uint32_t group) {
  return socket->port == port &&
         iocp_get_option(port->id, socket->id, IOCP_GROUP) == (int32_t)group;
}

uint32_t model_count_group(const struct model_port* port, uint32_t group) {
  uint32_t count = 0;
  for (int i = 0; i < MODEL_SOCKETS; i++)
    if (model__is_in_group(&sockets[i], port, group)) count++;
  return count;
}

void model_void_group(struct model_port* port, uint32_t group) {
  for (int i = 0; i < MODEL_SOCKETS; i++)
    if (model__is_in_group(&sockets[i], port, group))
      model_void_socket(&sockets[i]);
}

bool model_has_room(void) {
  uint32_t count = 0;
  for (int i = 0; i < MODEL_PORTS; i++) count += ports[i].socket_count;
  /* There must be room for as many accepts again. */
  return count < MODEL_SOCKETS / 2;
}

struct model_socket* model_add_socket(struct model_port* port, int32_t id) {
  FUZZ_CHECK(id >= 0 && model_socket(port->id, id) == NULL);
  for (int i = 0; i < MODEL_SOCKETS; i++) {
    if (sockets[i].port != NULL) continue;
    sockets[i] = (struct model_socket){.port = port, .id = id};
    port->socket_count++;
    return &sockets[i];
  }
  FUZZ_CHECK(!"room for one more socket");
  return NULL;
}

uint32_t model_state(const struct model_socket* socket) {
  if (socket == NULL) return 0;
  return 1u | (uint32_t)socket->is_listener << 1 |
         (uint32_t)socket->connect_pending << 2 |
         (uint32_t)socket->read_pending << 3 | (uint32_t)socket->is_shut << 4 |
         (uint32_t)socket->has_ended << 5 | (uint32_t)socket->is_closing << 6 |
         (uint32_t)socket->is_detaching << 7 |
         (uint32_t)(socket->sends != 0) << 8 |
         (uint32_t)(socket->credit != 0) << 9 |
         (uint32_t)socket->has_failed << 10 |
         (uint32_t)socket->may_time_out << 11 |
         (uint32_t)socket->is_datagram << 12;
}

/* ---- results */

void model_check(int32_t result, int32_t forced) {
  /* It may come before or after other errors. */
  if (result == -IOCP_ENOMEM && environment_was_short()) return;
  if (forced < 0) {
    FUZZ_IS(result, forced);
    return;
  }
  if (result >= 0) return;
  switch (result) {
#define MODEL__CASE(code, number, sentence) case -number:
    IOCP_ERRORS(MODEL__CASE)
#undef MODEL__CASE
    break;
    default:
      FUZZ_CHECK(!"the error is one of iocp_error.h");
  }
  FUZZ_CHECK(result != -IOCP_EXDEV && result != -IOCP_EFAULT);
  FUZZ_CHECK(result != -IOCP_EUNKNOWN && result != -IOCP_EPERM);
}

bool model_is_broken(int32_t result) {
  /* The file was shorter than what was to be sent of it. */
  if (result == -IOCP_ENODATA) return true;
  return result == -IOCP_ECONNRESET || result == -IOCP_EPIPE ||
         result == -IOCP_ECONNABORTED || result == -IOCP_ETIMEDOUT ||
         result == -IOCP_ECONNREFUSED || result == -IOCP_ENOTCONN;
}

/* ---- addresses and handles */

bool model_draw_listener(uint8_t choice, struct iocp_address* address_out) {
  for (int tried = 0; tried < MODEL_SOCKETS; tried++) {
    const struct model_socket* socket =
        &sockets[(choice + tried) % MODEL_SOCKETS];
    if (socket->port == NULL || !socket->is_listener || socket->is_part ||
        socket->is_closing || socket->is_local)
      continue;
    *address_out = socket->address;
    return true;
  }
  return false;
}

bool model_draw_datagram(uint8_t choice, struct iocp_address* address_out) {
  for (int tried = 0; tried < MODEL_SOCKETS; tried++) {
    const struct model_socket* socket =
        &sockets[(choice + tried) % MODEL_SOCKETS];
    if (socket->port == NULL || !socket->is_datagram || socket->is_closing ||
        socket->is_local)
      continue;
    *address_out = socket->address;
    return true;
  }
  return false;
}

static bool model__has_name(const struct model_socket* socket) {
  return socket->port != NULL && socket->name != 0 && !socket->is_closing;
}

bool model_has_name(uint32_t number) {
  for (int i = 0; i < MODEL_SOCKETS; i++)
    if (model__has_name(&sockets[i]) && sockets[i].name == number + 1)
      return true;
  return false;
}

uint32_t model_draw_name(uint8_t choice, uint32_t other) {
  for (int tried = 0; tried < MODEL_SOCKETS; tried++) {
    const struct model_socket* socket =
        &sockets[(choice + tried) % MODEL_SOCKETS];
    if (model__has_name(socket)) return socket->name - 1;
  }
  return other;
}

void model_add_handle(int fd) {
  if (handle_count == MODEL_HANDLES)
    close(fd);
  else
    handles[handle_count++] = fd;
}

int model_draw_handle(uint8_t choice) {
  return handle_count == 0 ? -1 : handles[choice % handle_count];
}

void model_drop_handle(int fd) {
  for (uint32_t i = 0; i < handle_count; i++) {
    if (handles[i] != fd) continue;
    handles[i] = handles[--handle_count];
    return;
  }
  FUZZ_CHECK(!"the handle is in the model");
}

void model_close_handles(void) {
  while (handle_count != 0) FUZZ_IS(close(handles[--handle_count]), 0);
}
