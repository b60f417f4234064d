/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "calls.h"

/* The names: files in a folder of this process, abstract ones, which are those
 * of the private network, and some that no socket can have. */
#define LOCAL__FILES 4u
#define LOCAL__NAMES 6u /* files and abstract */
#define LOCAL__MODE IOCP_MODE_DEFAULT

static char local__folder[32];
static bool local__has_left_files;

static void local__make_folder(void) {
  if (local__folder[0] != 0) return;
  strcpy(local__folder, "/tmp/iocp-fuzz-XXXXXX");
  FUZZ_CHECK(mkdtemp(local__folder) != NULL);
}

static struct iocp_path local__name(uint32_t number) {
  struct iocp_path name = {.family = IOCP_UNIX};
  char text[300];
  int length;
  if (number < LOCAL__FILES)
    length = snprintf(text, sizeof text, "%s/%u", local__folder, number);
  else if (number < LOCAL__NAMES)
    length = snprintf(text, sizeof text, "%ciocp-fuzz-%u", 0, number);
  else if (number == LOCAL__NAMES)
    length = snprintf(text, sizeof text, "%s/none/x", local__folder);
  else
    length = snprintf(text, sizeof text, "%s/%0200u", local__folder, number);
  name.length = (uint16_t)length;
  memcpy(name.bytes, text, (size_t)length);
  return name;
}

/* Makes a name wrong or unusual. */
static void local__spoil(struct iocp_path* name, uint8_t how) {
  static const uint16_t families[] = {0, 3, 4, 6, UINT16_MAX};
  switch (how % 6) {
    case 0:
      name->family = families[how % 5];
      break;
    case 1:
      name->family = IOCP_PIPE;
      break;
    case 2:
      name->length = 0;
      break;
    case 3:
      name->length = how % 4 == 0 ? UINT16_MAX : IOCP_PATH_MAX + 1;
      break;
    case 4:
      name->bytes[name->length - 1] = 0;
      break;
    default:
      name->length = IOCP_PATH_MAX;
  }
}

/* The error for a name that no call accepts, or 0. */
static int32_t local__refuses(const struct iocp_path* name) {
  bool is_abstract = name->family == IOCP_UNIX && name->bytes[0] == 0;
  if (name->family != IOCP_UNIX && name->family != IOCP_PIPE)
    return -IOCP_EAFNOSUPPORT;
  if (name->length == 0) return -IOCP_EINVAL;
  if (name->length > IOCP_PATH_MAX) return -IOCP_ENAMETOOLONG;
  if (!is_abstract && memchr(name->bytes, 0, name->length) != NULL)
    return -IOCP_EINVAL;
  return 0;
}

/* The error of this system for a name, or 0. */
static int32_t local__lacks(const struct iocp_path* name) {
  if (name->family == IOCP_PIPE) return -IOCP_ENOTSUP;
  return name->length > (name->bytes[0] == 0 ? 108 : 107) ? -IOCP_ENAMETOOLONG
                                                          : 0;
}

/* Only the bytes that are in use are passed, at any alignment, so that a
 * sanitizer sees a read of others. Returns a block of the heap, in which they
 * begin at how % 2. */
static uint8_t* local__place(const struct iocp_path* name, uint8_t how) {
  size_t used = name->length > IOCP_PATH_MAX ? 0 : name->length;
  size_t size = offsetof(struct iocp_path, bytes) + used;
  if (how >= 248) return NULL;
  uint8_t* block = malloc(size + how % 2);
  FUZZ_CHECK(block != NULL);
  memcpy(block + how % 2, name, size);
  return block;
}

/* ---- listening */

static int32_t local__refuses_listen(const struct iocp_path* name,
                                     uint32_t flags,
                                     uint32_t mode,
                                     bool has_access) {
  int32_t error = local__refuses(name);
  bool has_mode = mode != LOCAL__MODE;
  if ((flags & ~(uint32_t)(IOCP_REPLACE_STALE | IOCP_EVERYONE)) != 0)
    return -IOCP_EINVAL;
  if (error != 0) return error;
  if (name->family == IOCP_PIPE) {
    if (has_mode || (flags & IOCP_REPLACE_STALE) != 0) return -IOCP_EINVAL;
  } else if (has_access || (flags & IOCP_EVERYONE) != 0 ||
             (has_mode && (mode > 0777 || name->bytes[0] == 0))) {
    return -IOCP_EINVAL;
  }
  return local__lacks(name);
}

static void local__listen(const struct step* step, int32_t port) {
  static const uint32_t flags[] = {
      0, 0, IOCP_REPLACE_STALE, IOCP_EVERYONE, IOCP_ALL_NO_DELAY, 1u << 31};
  static const uint32_t modes[] = {LOCAL__MODE, 0600, 0, 0777, 01000, 1u << 31};
  static const uint32_t backlogs[] = {1, 2, 0, UINT32_MAX};
  uint32_t number = step->b % 8u;
  struct iocp_path name = local__name(number);
  if (step->b >= 224) local__spoil(&name, step->c);
  uint32_t flag = step->d < 128 ? IOCP_REPLACE_STALE : flags[step->d % 6];
  uint32_t mode = step->c < 160 ? LOCAL__MODE : modes[step->c % 6];
  uint32_t length = step->d >= 240 ? 1 : 0;
  const char* access = length != 0 && step->c % 2 == 0 ? "D" : NULL;
  bool is_used = model_has_name(number);
  int32_t forced = model_refuses_port(port);
  uint8_t* where = local__place(&name, step->e);
  if (forced == 0 && (where == NULL || (length != 0 && access == NULL)))
    forced = -IOCP_EFAULT;
  if (forced == 0)
    forced = local__refuses_listen(&name, flag, mode, access != NULL);
  int32_t id = iocp_listen_path(port,
                                where == NULL ? NULL : where + step->e % 2,
                                backlogs[step->e % 4],
                                flag,
                                mode,
                                access,
                                length);
  free(where);
  model_check(id, forced);
  if (id < 0) return;
  struct model_socket* model = model_add_socket(model_port(port), id);
  model->is_listener = true;
  model->is_local = true;
  /* Another byte makes another abstract name. */
  if (step->b >= 224) return;
  /* A socket that lives keeps its name. */
  FUZZ_CHECK(!is_used && number < LOCAL__NAMES);
  model->name = number + 1;
  struct stat status;
  if (number >= LOCAL__FILES) return;
  char text[64];
  snprintf(text, sizeof text, "%s/%u", local__folder, number);
  FUZZ_IS(lstat(text, &status), 0);
  FUZZ_CHECK(S_ISSOCK(status.st_mode));
  if (mode != LOCAL__MODE) FUZZ_IS(status.st_mode & 07777, mode);
}

/* ---- connecting */

static void local__connect(const struct step* step, int32_t port) {
  uint32_t number = step->b % 8u;
  if (step->b < 192) number = model_draw_name(step->b, number);
  struct iocp_path name = local__name(number);
  if (step->b >= 224) local__spoil(&name, step->c);
  struct iocp_address local = {.family = 4};
  const void* from = step->d >= 240 ? &local : NULL;
  int32_t forced = model_refuses_port(port);
  uint8_t* where = local__place(&name, step->e);
  bool is_local = name.family == IOCP_UNIX || name.family == IOCP_PIPE;
  if (forced == 0 && where == NULL) forced = -IOCP_EFAULT;
  /* It would be a whole struct iocp_address otherwise. */
  if (where != NULL && !is_local) {
    free(where);
    return;
  }
  if (forced == 0 && from != NULL) forced = -IOCP_EINVAL;
  if (forced == 0) forced = local__refuses(&name);
  if (forced == 0) forced = local__lacks(&name);
  int32_t id =
      iocp_connect(port, where == NULL ? NULL : where + step->e % 2, from);
  free(where);
  model_check(id, forced);
  if (id < 0) return;
  struct model_socket* model = model_add_socket(model_port(port), id);
  model->connect_pending = true;
  model->is_local = true;
}

/* ---- the process of the peer */

static void local__peer(const struct step* step, int32_t port, int32_t id) {
  struct iocp_peer peer;
  uint8_t room[sizeof peer + 1];
  int32_t forced = model_refuses(port, id);
  const struct model_socket* socket = model_socket(port, id);
  void* where = step->b >= 240 ? NULL : &room[step->b % 2];
  if (forced == 0 && socket->is_closing) forced = -IOCP_EBADF;
  int32_t result = iocp_get_peer(port, id, where);
  if (forced == 0 && model_is_ended_part(socket, result)) return;
  if (forced == 0 && socket->may_time_out && result == -IOCP_EBADF) return;
  /* The result of a connect may not be reported yet. */
  if (forced == 0 && socket->connect_pending && result == -IOCP_ENOTCONN)
    return;
  if (forced == 0 &&
      (socket->is_listener || socket->is_datagram || socket->has_failed))
    forced = -IOCP_ENOTCONN;
  if (forced == 0 && where == NULL) forced = -IOCP_EFAULT;
  if (forced == 0 && !socket->is_local) forced = -IOCP_ENOTSUP;
  model_check(result, forced);
  if (forced != 0) return;
  FUZZ_IS(result, 0);
  memcpy(&peer, where, sizeof peer);
  FUZZ_IS(peer.pid, getpid());
  FUZZ_IS(peer.uid, getuid());
}

/* ---- what the system knows of a TCP connection */

static void local__tcp_info(const struct step* step, int32_t port, int32_t id) {
  struct iocp_tcp_info info;
  uint8_t room[sizeof info + 1];
  int32_t forced = model_refuses(port, id);
  const struct model_socket* socket = model_socket(port, id);
  void* where = step->b >= 240 ? NULL : &room[step->b % 2];
  if (forced == 0 && socket->is_closing) forced = -IOCP_EBADF;
  int32_t result = iocp_tcp_info(port, id, where);
  if (forced == 0 && socket->may_time_out && result == -IOCP_EBADF) return;
  /* The result of a connect may not be reported yet. */
  if (forced == 0 && socket->connect_pending && result == -IOCP_ENOTCONN)
    return;
  if (forced == 0 &&
      (socket->is_listener || socket->is_datagram || socket->has_failed))
    forced = -IOCP_ENOTCONN;
  if (forced == 0 && where == NULL) forced = -IOCP_EFAULT;
  if (forced == 0 && socket->is_local) forced = -IOCP_ENOTSUP;
  model_check(result, forced);
  if (forced != 0) return;
  FUZZ_IS(result, 0);
  memcpy(&info, where, sizeof info);
  FUZZ_IS(info.max_segment > 0 && info.bytes_in_flight >= 0, 1);
}

void call_local(const struct step* step, int32_t port, int32_t socket) {
  local__make_folder();
  switch (step->a % 4) {
    case 0:
      if (model_has_room()) local__listen(step, port);
      return;
    case 1:
    case 2:
      if (model_has_room()) local__connect(step, port);
      return;
    default:
      if (step->a & 4)
        local__tcp_info(step, port, socket);
      else
        local__peer(step, port, socket);
  }
}

void calls_leave_file(void) { local__has_left_files = true; }

static void local__remove_files(void) {
  DIR* folder = opendir(local__folder);
  const struct dirent* entry;
  FUZZ_CHECK(folder != NULL);
  while ((entry = readdir(folder)) != NULL)
    if (entry->d_name[0] != '.')
      FUZZ_IS(unlinkat(dirfd(folder), entry->d_name, 0), 0);
  closedir(folder);
  local__has_left_files = false;
}

void calls_remove_folder(void) {
  if (local__folder[0] == 0) return;
  if (local__has_left_files) local__remove_files();
  /* It is empty: no file of another listener is left. */
  FUZZ_IS(rmdir(local__folder), 0);
  local__folder[0] = 0;
}
