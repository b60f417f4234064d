/* SPDX-License-Identifier: MIT */
/* Files that are sent, whose bytes are the next ones of their stream. */
#include <stdlib.h>

#include "reasons.h"
#include "report.h"
#include "schedule.h"
#include "user.h"

/* Where the bytes are in their file: also where an offset has a high half. */
static const uint64_t user_file__leads[] = {
    0, 1, 5000, 0xFFFFFFF0u, 1ull << 33};

/* Opens a file with the next bytes of the stream; -1: a fault. */
static int32_t user_file__open(const struct entry* entry,
                               uint64_t lead,
                               uint32_t length,
                               uint32_t* number_out) {
  char path[128];
  double size = -1;
  uint8_t* bytes = malloc(length);
  if (bytes == NULL) abort();
  bytes_fill(entry->end, entry->end->sent, bytes, length);
  uint32_t number = (uint32_t)entry->end->sent % WORLD_FILES;
  world_file_write(number, lead, bytes, length);
  free(bytes);
  *number_out = number;
  uint32_t path_length = world_file_path(number, path);
  int32_t file =
      iocp_open_file(ledger.ports[entry->port].id, path, path_length, &size);
  TRACE("iocp_open_file(%u): %d", number, file);
  if (file >= 0) {
    RULE("a file has its size", size == (double)(lead + length));
    return file;
  }
  RULE("a file that exists is opened", error_is_fault(file));
  return -1;
}

/* How a file becomes shorter: not, before it is sent, or after. */
enum user_file__cut { USER_FILE_WHOLE, USER_FILE_EARLY, USER_FILE_LATE };

static enum user_file__cut user_file__cut_of(const struct entry* entry,
                                             uint32_t length) {
  if (length < 2 || entry->end == NULL) return USER_FILE_WHOLE;
  switch (length / 8 % 16) {
    case 3:
      return USER_FILE_EARLY;
    case 4:
      /* Linux sends the pages of the file itself, and clears what is cut off of
       * them: "callers must ensure the transferred portions of the file [...]
       * remain unmodified" (sendfile(2), NOTES). */
      return world_posts_operations() ? USER_FILE_LATE : USER_FILE_WHOLE;
    default:
      return USER_FILE_WHOLE;
  }
}

void user_send_file(struct entry* entry, uint32_t length) {
  uint64_t lead = user_file__leads[length / 8 % 5];
  enum user_file__cut cut = user_file__cut_of(entry, length);
  int32_t port = ledger.ports[entry->port].id;
  uint32_t number;
  int32_t file = user_file__open(entry, lead, length, &number);
  if (file < 0) return;
  uint32_t part = length < IOCP_SEND_MAX ? length : IOCP_SEND_MAX;
  if (cut == USER_FILE_EARLY) world_file_shrink(number, lead + part / 2);
  /* It may also be refused, and then nothing is known of the file. */
  bool had_cut_file = entry->has_cut_file;
  if (cut != USER_FILE_WHOLE) entry->has_cut_file = true;
  int32_t result = iocp_send_file(port, entry->id, file, (double)lead, length);
  TRACE("iocp_send_file(%d.%d, %llu, %u): %s%d",
        entry->port,
        entry->id,
        (unsigned long long)lead,
        length,
        result > 0 && (result & IOCP_PENDING) != 0 ? "pending " : "",
        result > 0 ? result & ~IOCP_PENDING : result);
  if (cut == USER_FILE_LATE) world_file_shrink(number, lead + part / 2);
  if (result < 0 && result != -IOCP_ENODATA) entry->has_cut_file = had_cut_file;
  user_has_sent(entry, result, length, cut == USER_FILE_EARLY);
  /* What is pending keeps it open. One in 16 is left to iocp_delete(). */
  if (length / 8 % 16 == 7) return;
  int32_t closed = iocp_close_file(port, file);
  RULE("a file is closed", closed == 0);
  RULE("a file is closed once", iocp_close_file(port, file) == -IOCP_EINVAL);
}

void user_misuse_file(uint32_t port) {
  char path[128];
  double size = 7;
  int32_t id = ledger.ports[port].id;
  uint32_t length = world_file_path(WORLD_FILES, path);
  int32_t result = iocp_open_file(id, path, length, &size);
  schedule_checks++;
  RULE("a file that is missing is not opened",
       size == 7 && (result == -IOCP_ENOENT || error_is_fault(result)));
  RULE("no path has no bytes, or one that is zero",
       reasons_refuses(id, iocp_open_file(id, path, 0, &size), IOCP_EINVAL) &&
           reasons_refuses(
               id, iocp_open_file(id, "C:\\a\0b", 6, &size), IOCP_EINVAL));
  RULE("a path and a size are needed",
       reasons_refuses(id, iocp_open_file(id, NULL, 3, &size), IOCP_EFAULT) &&
           reasons_refuses(
               id, iocp_open_file(id, path, length, NULL), IOCP_EFAULT));
  RULE("a file that is not open is not closed",
       reasons_refuses(id, iocp_close_file(id, -1), IOCP_EINVAL) &&
           reasons_refuses(id, iocp_close_file(id, INT32_MAX), IOCP_EINVAL));
}
