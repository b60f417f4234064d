/* SPDX-License-Identifier: MIT */
/* Files that are sent. */
#include <string.h>

#include "calls.h"

/* The first ids of a port. */
#define FILE__IDS 4

static void file__open(const struct step* step, int32_t port) {
  static const char* const paths[] = {
      "/proc/self/exe", "/proc/self/exe", "/", "/none", "/dev/null", ""};
  double size = -1;
  const char* path = paths[step->c % 6];
  int32_t refused = model_refuses_port(port);
  int32_t result = iocp_open_file(port,
                                  step->d < 248 ? path : NULL,
                                  (uint32_t)strlen(path),
                                  step->e < 248 ? &size : NULL);
  if (refused == 0 && (step->d >= 248 || step->e >= 248))
    refused = -IOCP_EFAULT;
  if (refused == 0 && path[0] == 0) refused = -IOCP_EINVAL;
  model_check(result, refused);
  FUZZ_CHECK(result < 0 || (step->c % 6 < 2 && size > 0));
}

static void file__send(const struct step* step, int32_t port, int32_t id) {
  static const double offsets[] = {0, 1, 4096, 1e15, -1, IOCP_FILE_SIZE_MAX};
  static const uint32_t lengths[] = {
      0, 1, 1000, 65536, IOCP_SEND_MAX, IOCP_SEND_MAX + 1, UINT32_MAX};
  int32_t forced;
  double offset = offsets[step->c % 6];
  uint32_t length = lengths[step->d % 7];
  struct model_socket* socket = stream_find(port, id, &forced);
  int32_t result =
      iocp_send_file(port, id, step->b % FILE__IDS, offset, length);
  if (socket == NULL) {
    model_check(result, forced);
    return;
  }
  if (result < 0 && stream_is_unreported(socket, result)) return;
  if (offset < 0 || offset + length > IOCP_FILE_SIZE_MAX) forced = -IOCP_EINVAL;
  /* Perhaps no file has that id. */
  if (result == -IOCP_EINVAL) return;
  model_check(result, forced);
  stream_was_sent(socket, result, length);
}

void call_file(const struct step* step, int32_t port, int32_t id) {
  if (step->b < 128) {
    file__send(step, port, id);
    return;
  }
  if (step->b < 192) {
    file__open(step, port);
    return;
  }
  int32_t refused = model_refuses_port(port);
  int32_t result = iocp_close_file(port, step->b % FILE__IDS);
  if (refused != 0)
    FUZZ_IS(result, refused);
  else
    FUZZ_CHECK(result == 0 || result == -IOCP_EINVAL);
}
