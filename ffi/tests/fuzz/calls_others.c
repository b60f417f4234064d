/* SPDX-License-Identifier: MIT */
/* Listening sockets that others made or take over, and sockets that are passed
 * on. */
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "calls.h"

/* A listener of the peer's, or -1: there may be no descriptor left. */
static int others__listen(void) {
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  FUZZ_IS(bind(fd, (struct sockaddr*)&address, sizeof address), 0);
  FUZZ_IS(listen(fd, 16), 0);
  return fd;
}

static void others__add(const struct step* step, int32_t port) {
  static const uint32_t flags[] = {
      0, IOCP_ALL_NO_DELAY, IOCP_DETACHED, 2, 8, UINT32_MAX};
  bool is_stream = step->b < 64;
  int fd = is_stream ? model_draw_handle(step->b) : others__listen();
  double handle = step->b == 255 ? fd + 0.5 : fd;
  uint32_t flag = flags[step->c % 6];
  int32_t forced = model_refuses_port(port);
  if (forced == 0 && flag != 0 && flag != IOCP_ALL_NO_DELAY &&
      flag != IOCP_DETACHED)
    forced = -IOCP_EINVAL;
  int32_t id = iocp_add_listener(port, handle, flag);
  model_check(id, forced);
  if (id < 0) {
    if (!is_stream && fd >= 0) close(fd);
    FUZZ_CHECK(forced != 0 || id == -IOCP_EINVAL || id == -IOCP_ENOMEM ||
               (is_stream && id == -IOCP_ENOTSOCK));
    return;
  }
  FUZZ_CHECK(!is_stream && handle == fd);
  struct model_socket* model = model_add_socket(model_port(port), id);
  model->is_listener = true;
  FUZZ_IS(
      iocp_get_address(
          port, id, IOCP_LOCAL, &model->address, sizeof(struct iocp_address)),
      sizeof(struct iocp_address));
}

static void others__take(const struct step* step,
                         int32_t port,
                         const uint8_t* ticket,
                         uint32_t length) {
  /* Some stay in the inbox, and are closed with it. */
  if (step->b % 4 == 0) return;
  int32_t handle = iocp_take(port, ticket, length);
  if (handle < 0) {
    /* Without a descriptor the system discards it. */
    FUZZ_CHECK(handle == -IOCP_ENOENT || handle == -IOCP_EMFILE);
    return;
  }
  FUZZ_IS(iocp_take(port, ticket, length), -IOCP_ENOENT);
  FUZZ_IS(iocp_drop(port, handle), 0);
}

static void others__pass(const struct step* step, int32_t port, int32_t id) {
  uint8_t address[IOCP_INBOX_MAX + 1];
  uint8_t ticket[IOCP_TICKET_MAX];
  uint32_t capacity = step->c < 240 ? IOCP_TICKET_MAX : step->c;
  int32_t length = iocp_inbox(port, address + step->b % 2, IOCP_INBOX_MAX);
  int32_t refused = model_refuses_port(port);
  if (length < 0) {
    FUZZ_CHECK(refused == length || refused == 0);
    return;
  }
  int32_t forced = 0;
  if (capacity < IOCP_TICKET_MAX) forced = -IOCP_EINVAL;
  if (forced == 0) forced = model_refuses(port, id);
  const struct model_socket* socket = model_socket(port, id);
  if (forced == 0 && socket->is_closing) forced = -IOCP_EBADF;
  int32_t result = iocp_pass(
      port, id, 0, address + step->b % 2, (uint32_t)length, ticket, capacity);
  if (forced == 0 && socket->may_time_out && result == -IOCP_EBADF) return;
  if (forced == 0 && model_is_ended_part(socket, result)) return;
  if (forced == 0 && !socket->is_listener) forced = -IOCP_EINVAL;
  if (forced == 0 && socket->is_part) forced = -IOCP_ENOTSUP;
  /* -1 names a handle, here that of the standard input. */
  if (id == -1 && forced != -IOCP_EINVAL) return;
  model_check(result, forced);
  if (result > 0) others__take(step, port, ticket, (uint32_t)result);
}

/* Nothing is posted on Linux, so what comes next is up to the other process. */
static void others__stop(int32_t port, int32_t id) {
  struct model_socket* socket = model_socket(port, id);
  int32_t forced = model_refuses(port, id);
  if (forced == 0 && socket->is_closing) forced = -IOCP_EBADF;
  int32_t result = iocp_stop(port, id);
  if (forced == 0 && socket->may_time_out && !socket->is_listener &&
      result == -IOCP_EBADF)
    return;
  if (forced == 0 && model_is_ended_part(socket, result)) return;
  if (forced == 0 && !socket->is_listener) forced = -IOCP_EINVAL;
  model_check(result, forced);
  if (result < 0) return;
  FUZZ_IS(result, 0);
  socket->is_stopped = true;
  if (socket->is_local && !socket->is_part) calls_leave_file();
  FUZZ_IS(iocp_accept(port, id, 1), -IOCP_ESHUTDOWN);
}

void call_others(const struct step* step, int32_t port, int32_t socket) {
  if (step->a % 8 == 3) {
    call_share(step, port, socket);
    return;
  }
  if (step->a % 8 == 7) {
    others__stop(port, socket);
    return;
  }
  if (step->a % 8 == 5) {
    call_file(step, port, socket);
    return;
  }
  if (step->a % 2 == 0) {
    if (model_has_room()) others__add(step, port);
    return;
  }
  others__pass(step, port, socket);
}
