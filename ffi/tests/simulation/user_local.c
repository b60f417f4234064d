/* SPDX-License-Identifier: MIT */
/* Local sockets: unix sockets and named pipes. */
#include <string.h>

#include "guests.h"
#include "reasons.h"
#include "report.h"
#include "schedule.h"
#include "tape.h"
#include "user.h"

/* A name that the system does not have a kind of socket for, or no room. */
static uint16_t user__local(void) {
  uint16_t local = tape_choose(2) == 0 ? IOCP_PIPE : IOCP_UNIX;
  return world_has_local(local) ? local : (uint16_t)(3 - local);
}

/* A part has the name of its listener, and is not what a connect finds: its
 * listener may have been closed. */
static struct entry* user__named(uint16_t local, uint32_t path, bool is_part) {
  for (uint32_t i = 0; i < ledger.entry_count; i++) {
    struct entry* entry = &ledger.entries[i];
    if (entry->kind == ENTRY_LISTENER && entry->local == local &&
        entry->path == path && entry->is_part == is_part && !entry->is_closed)
      return entry;
  }
  return NULL;
}

static struct entry* user__listener_at(uint16_t local, uint32_t path) {
  return user__named(local, path, false);
}

/* ---- listening */

/* Security descriptors: for the current user (OW), and for all, and what is
 * none. */
static const char* const user__accesses[] = {"D:(A;;FA;;;OW)",
                                             "D:P(A;;FA;;;OW)(A;;GRGW;;;WD)",
                                             "D:(A;;FA;;;OW)(D;;FA;;;AN)",
                                             "D:P(A;;FA;;;SY)",
                                             "D:(A;;FX",
                                             "O:BA",
                                             "nonsense",
                                             "D:\xff"};
#define USER__ACCESSES (sizeof user__accesses / sizeof user__accesses[0])
#define USER__ACCESSES_VALID 4
#define USER__REFUSES_MS 50
/* It excludes the current user, who could not serve a second client. */
#define USER__ACCESS_OF_OTHERS 3

/* Longer than any descriptor that a person would write. */
static void user__misuse_access(int32_t id, const struct iocp_path* name) {
  static char text[40000];
  memset(text, 'A', sizeof text);
  RULE("a security descriptor has a maximum length",
       ERROR_IS(iocp_listen_path(
                    id, name, 1, 0, IOCP_MODE_DEFAULT, text, sizeof text),
                IOCP_EINVAL));
}

static uint32_t user__path_flags(uint16_t local, uint32_t path) {
  if (local == IOCP_UNIX) return tape_choose(4) != 3 ? IOCP_REPLACE_STALE : 0;
  return ledger_access(path) == WORLD_EVERYONE ? IOCP_EVERYONE : 0;
}

static void user__check_path(const struct entry* entry, uint32_t end) {
  struct iocp_path path, expected;
  ledger_path(entry->local, entry->path, &expected);
  int32_t result = iocp_get_address(
      ledger.ports[entry->port].id, entry->id, end, &path, sizeof path);
  RULE("a local socket has the name that was given",
       result == 4 + expected.length && path.family == entry->local &&
           path.length == expected.length &&
           memcmp(path.bytes, expected.bytes, expected.length) == 0);
}

static void user__listen_failed(uint16_t local, uint32_t path, int32_t result) {
  if (result == -IOCP_EADDRINUSE) {
    RULE("a name that is not in use can be listened on",
         path >= LEDGER_PATHS || user__listener_at(local, path) != NULL ||
             user__named(local, path, true) != NULL ||
             (local == IOCP_PIPE && user_is_path_connected(local, path)) ||
             world_has_broken());
    return;
  }
  if (!error_is_fault(result))
    report_violation(
        "listening on a name fails with one of the expected errors",
        "%d",
        result);
}

void user_listen_path(uint32_t port) {
  static const uint32_t backlogs[] = {4, 1, 64, 0};
  if (!ledger_has_room()) return;
  struct iocp_path name;
  uint16_t local = user__local();
  if (!world_has_local(local)) return;
  uint32_t path = tape_choose(LEDGER_PATHS);
  /* The name of another program, which has perhaps ended. */
  static const enum peer_manner manners[] = {
      PEER_ACCEPTS, PEER_REFUSES, PEER_REFUSES, PEER_NEVER_ANSWERS};
  enum peer_manner manner =
      local == IOCP_UNIX ? manners[tape_choose(4)] : PEER_ACCEPTS;
  bool is_foreign = tape_chance(150);
  if (is_foreign) {
    path = ledger_host_path(manner);
    if (guests_local_host(manner, local) == NULL) return;
  }
  if (ledger.is_taken[path]) return;
  ledger_path(local, path, &name);
  uint32_t flags = user__path_flags(local, path);
  const char* access = NULL;
  uint32_t which = 0;
  if (local == IOCP_PIPE && ledger_access(path) == WORLD_CUSTOM) {
    which = tape_choose(USER__ACCESSES);
    access = user__accesses[which];
  }
  bool is_left_over =
      is_foreign && manner == PEER_REFUSES && !ledger.may_be_replaced[path];
  uint64_t since_ms = world_now_ms();
  int32_t id = iocp_listen_path(ledger.ports[port].id,
                                &name,
                                backlogs[tape_choose(4)],
                                flags,
                                IOCP_MODE_DEFAULT,
                                access,
                                access == NULL ? 0 : (uint32_t)strlen(access));
  TRACE("iocp_listen_path(%u, %.*s, %u, %s): %d",
        port,
        (int)name.length,
        (const char*)name.bytes,
        flags,
        access == NULL ? "-" : access,
        id);
  reasons_check_call(port, id);
  if ((flags & IOCP_REPLACE_STALE) != 0) ledger.may_be_replaced[path] = true;
  if (id == -IOCP_EINVAL && which >= USER__ACCESSES_VALID) return;
  if (id == -IOCP_EACCES && which == USER__ACCESS_OF_OTHERS) return;
  if (id < 0) {
    user__listen_failed(local, path, id);
    return;
  }
  RULE("a security descriptor is checked",
       which < USER__ACCESSES_VALID && which != USER__ACCESS_OF_OTHERS);
  const struct entry* rival = user__listener_at(local, path);
  RULE("a name in use cannot be listened on",
       (!is_foreign || manner == PEER_REFUSES) &&
           (rival == NULL || rival->is_closing));
  RULE("a socket file that is left over is replaced only if that is asked for",
       !is_foreign || ledger.may_be_replaced[path]);
  /* "A listener that is not of this library may only have a full backlog." */
  RULE("a socket file is replaced when it has refused connections for a while",
       !is_left_over || local != IOCP_UNIX || !world_is_exact() ||
           world_now_ms() - since_ms >= USER__REFUSES_MS);
  struct entry* entry = ledger_entry(port, id, ENTRY_LISTENER);
  entry->local = local;
  entry->path = path;
  user__check_path(entry, IOCP_LOCAL);
}

/* ---- connecting */

struct user__local_target {
  uint16_t local;
  uint32_t path;
  enum peer_manner manner;
  bool is_to_guest;
  bool is_there;
};

static struct user__local_target user__local_target(void) {
  static const enum peer_manner manners[] = {
      PEER_ACCEPTS, PEER_ACCEPTS, PEER_REFUSES, PEER_NEVER_ANSWERS};
  struct user__local_target target = {.local = user__local()};
  struct entry* listener = user_choose(ENTRY_LISTENER);
  if (listener != NULL && listener->local != 0 &&
      !ledger.is_taken[listener->path] && tape_choose(2) == 0) {
    target.local = listener->local;
    target.path = listener->path;
    target.is_there = true;
    return target;
  }
  target.manner = manners[tape_choose(4)];
  struct host* host = guests_local_host(target.manner, target.local);
  if (host == NULL) return target;
  target.path = host->path;
  target.is_to_guest = target.is_there = true;
  return target;
}

/* The errors of a connect to a name. */
void user_connect_path_failed(const struct entry* entry, int32_t result) {
  /* No one has accepted it. */
  if (result == -IOCP_ETIMEDOUT && entry->local == IOCP_UNIX) {
    reasons_check_wait(entry);
    return;
  }
  if (!ERROR_IS(
          result, IOCP_ENOENT, IOCP_ECONNREFUSED, IOCP_ECONNRESET, IOCP_EACCES))
    report_violation(
        "connecting to a name fails with one of the expected errors",
        "%d",
        result);
  if (result != -IOCP_ENOENT && result != -IOCP_ECONNREFUSED) return;
  const struct entry* listener = user__listener_at(entry->local, entry->path);
  bool is_full = result == -IOCP_ECONNREFUSED && entry->local == IOCP_UNIX &&
                 world_refuses_when_full();
  /* Entries are in the order in which they were made. The connect may have
   * failed before there was this listener. */
  bool is_recorded =
      entry >= ledger.entries && entry < ledger.entries + ledger.entry_count;
  bool is_newer = is_recorded && listener > entry;
  RULE("a listener can be found by its name while it is open",
       listener == NULL || listener->is_closing || is_full || is_newer ||
           (entry->is_to_guest && entry->manner == PEER_REFUSES) ||
           ledger.is_taken[entry->path] || world_has_broken());
  RULE("a guest that accepts refuses no connection",
       !entry->is_to_guest || entry->manner == PEER_REFUSES ||
           world_has_broken());
}

void user_connect_path(uint32_t port) {
  if (!ledger_has_room() || ledger.guest_count == LEDGER_GUESTS) return;
  struct iocp_path name;
  struct user__local_target target = user__local_target();
  if (!target.is_there || !world_has_local(target.local)) return;
  ledger_path(target.local, target.path, &name);
  int32_t id = iocp_connect(ledger.ports[port].id, &name, NULL);
  TRACE("iocp_connect(%u, %.*s): %d",
        port,
        (int)name.length,
        (const char*)name.bytes,
        id);
  reasons_check_call(port, id);
  struct entry failed = {.local = target.local,
                         .path = target.path,
                         .manner = target.manner,
                         .is_to_guest = target.is_to_guest};
  if (id < 0) {
    user_connect_path_failed(&failed, id);
    return;
  }
  struct entry* entry = ledger_entry(port, id, ENTRY_CONNECTING);
  entry->end = ledger_local_end(true, false, target.local, target.path);
  entry->local = target.local;
  entry->path = target.path;
  entry->manner = target.manner;
  entry->is_to_guest = target.is_to_guest;
}

/* ---- names that change hands */

/* Another program removes the file of a listener and makes one of its own, as a
 * second instance of a server does that does not look first. The listener is
 * not to remove that one. */
void user_take_path(void) {
  struct iocp_path name;
  struct entry* entry = user_choose(ENTRY_LISTENER);
  if (entry == NULL || entry->local != IOCP_UNIX || entry->is_closing ||
      entry->path >= LEDGER_PATHS)
    return;
  ledger_path(IOCP_UNIX, entry->path, &name);
  if (!world_take_path(&name)) return;
  TRACE("another program takes the name of listener %d.%d",
        entry->port,
        entry->id);
  ledger.is_taken[entry->path] = true;
}

/* ---- connections */

bool user_is_path_connected(uint16_t local, uint32_t path) {
  for (uint32_t i = 0; i < ledger.entry_count; i++) {
    const struct entry* entry = &ledger.entries[i];
    if (entry->end != NULL && entry->local == local && entry->path == path &&
        !entry->is_closed)
      return true;
  }
  for (uint32_t i = 0; i < ledger.guest_count; i++) {
    const struct guest* guest = &ledger.guests[i];
    if (guest->end->local == local && guest->end->path == path &&
        !guest->is_gone)
      return true;
  }
  for (uint32_t i = 0; i < ledger.loose_count; i++)
    if (ledger.loose[i].end->local == local &&
        ledger.loose[i].end->path == path)
      return true;
  return false;
}

void user_accepted_path(struct entry* entry) {
  user__check_path(entry, IOCP_LOCAL);
}

/* The process at the other end. */
void user_ask_peer(struct entry* entry) {
  struct iocp_peer peer;
  int32_t result =
      iocp_get_peer(ledger.ports[entry->port].id, entry->id, &peer);
  TRACE("iocp_get_peer(%d.%d): %d", entry->port, entry->id, result);
  schedule_checks++;
  if (entry->is_closing || entry->is_closed || entry->may_expire) return;
  if (entry->local == 0) {
    RULE("only a local connection has a process at its other end",
         result == -IOCP_ENOTSUP || result == -IOCP_ENOTCONN ||
             result == -IOCP_EINVAL);
    return;
  }
  if (result < 0 || entry->kind != ENTRY_STREAM) return;
  const struct guest* guest = guests_of(entry);
  if (guest == NULL || entry->local != IOCP_PIPE) return;
  RULE("a pipe has the process at its other end",
       peer.pid == peer_process(guest->peer) && peer.uid == IOCP_PEER_UNKNOWN &&
           peer.gid == IOCP_PEER_UNKNOWN);
}

/* The names of both ends: that of the listener, or none. */
void user_ask_path(struct entry* entry) {
  struct iocp_path path, expected;
  uint32_t end = tape_choose(2);
  int32_t port = ledger.ports[entry->port].id;
  ledger_path(entry->local, entry->path, &expected);
  int32_t result = iocp_get_address(port, entry->id, end, &path, sizeof path);
  schedule_checks++;
  if (result < 0) {
    RULE("a name can be asked for",
         ERROR_IS(result, IOCP_ENOTCONN, IOCP_ECONNRESET, IOCP_EINVAL) ||
             entry->may_expire);
    return;
  }
  RULE("a name is that of the listener, or empty",
       result == 4 + path.length && path.family == entry->local &&
           (path.length == 0 || entry->has_odd_name ||
            (path.length == expected.length &&
             memcmp(path.bytes, expected.bytes, path.length) == 0)));
  /* The connection may have ended since. */
  result = iocp_get_address(port, entry->id, end, &path, 3);
  RULE("a name needs room",
       ERROR_IS(result, IOCP_EINVAL, IOCP_ENOTCONN, IOCP_ECONNRESET));
}

/* ---- wrong names */

static struct iocp_path user__name(uint16_t family, const char* text) {
  struct iocp_path name = {.family = family, .length = (uint16_t)strlen(text)};
  memcpy(name.bytes, text, name.length);
  return name;
}

static int32_t user__listen_at(int32_t id, const struct iocp_path* name) {
  return iocp_listen_path(id, name, 1, 0, IOCP_MODE_DEFAULT, NULL, 0);
}

/* A port that is out of memory says so first. */
static void user__misuse_pipe(int32_t id) {
  static const char* const bad[] = {"\\\\.\\pipe\\",
                                    "\\\\.\\pipe",
                                    "\\\\server\\pipe\\name",
                                    "\\\\.\\pipe\\..\\x",
                                    "\\\\.\\pipe\\a\\.",
                                    "\\/?/pipe/x",
                                    "/\\?\\pipe\\x",
                                    "\\/?\\pipe\\x",
                                    "\\\\?/pipe\\x",
                                    "\\\\.\\pips\\x",
                                    "\\\\.\\pipe_x",
                                    "\\\\.xpipe\\x",
                                    "\\x.\\pipe\\x",
                                    "x\\.\\pipe\\x",
                                    "\\\\.\\com1",
                                    "\\\\.\\pipe\\\xc3",
                                    "\\\\.\\pipe\\\xe2\x28\xa1",
                                    "\\\\.\\pipe\\\xed\xa0\x80",
                                    "\\\\.\\pipe\\\xf0\x82\x82\xac",
                                    "\\\\.\\pipe\\\xf8\x88\x80",
                                    "\\\\.\\pipe\\\xf4\x90\x80\x80",
                                    "\\\\.\\pipe\\\xc0\x80",
                                    "\\\\.\\pipe\\\xc1\xbf",
                                    "\\\\.\\pipe\\\xc3\x28",
                                    "\\\\.\\pipe\\\xc3\xc3",
                                    "\\\\.\\pipe\\\xe0\x9f\xbf",
                                    "\\\\.\\pipe\\\xe2\x82",
                                    "\\\\.\\pipe\\\xe2\x82\xc0",
                                    "\\\\.\\pipe\\\xed\xbf\xbf",
                                    "\\\\.\\pipe\\\xf0\x8f\xbf\xbf",
                                    "\\\\.\\pipe\\\xf0\x9f\x98",
                                    "\\\\.\\pipe\\\xf0\x9f\xc0\x80",
                                    "\\\\.\\pipe\\\xf5\x80\x80\x80",
                                    "\\\\.\\pipe\\\xff",
                                    "\\\\.\\pipe\\\x80"};
  static const char* const absent[] = {"//./pipe/none",
                                       "\\\\.\\pipe\\.a\\none",
                                       "\\\\?\\pipe\\none",
                                       "\\\\.\\PIPE\\none",
                                       "\\\\.\\Pipe/..a\\b..\\none",
                                       "\\\\.\\pipe\\n\xc3\xb6ne",
                                       "\\\\.\\pipe\\\xe2\x82\xac",
                                       "\\\\.\\pipe\\\xc2\x80",
                                       "\\\\.\\pipe\\\xdf\xbf",
                                       "\\\\.\\pipe\\\xe0\xa0\x80",
                                       "\\\\.\\pipe\\\xed\x9f\xbf",
                                       "\\\\.\\pipe\\\xee\x80\x80",
                                       "\\\\.\\pipe\\\xef\xbf\xbd",
                                       "\\\\.\\pipe\\\xf0\x90\x80\x80",
                                       "\\\\.\\pipe\\\xf4\x8f\xbf\xbf",
                                       "\\\\.\\pipe\\\xf0\x9f\x98\x80"};
  struct iocp_path name =
      user__name(IOCP_PIPE, bad[tape_choose(sizeof bad / sizeof bad[0])]);
  RULE("the name of a pipe is checked",
       ERROR_IS(iocp_connect(id, &name, NULL), IOCP_EINVAL) &&
           ERROR_IS(user__listen_at(id, &name), IOCP_EINVAL));
  name = user__name(IOCP_PIPE,
                    absent[tape_choose(sizeof absent / sizeof absent[0])]);
  RULE("a pipe that is not there is not found",
       ERROR_IS(iocp_connect(id, &name, NULL), IOCP_ENOENT));
  name = user__name(IOCP_PIPE, "\\\\.\\pipe\\");
  memset(name.bytes + name.length, 'a', 300);
  name.length = 257;
  RULE("the name of a pipe has a maximum length",
       ERROR_IS(iocp_connect(id, &name, NULL), IOCP_ENAMETOOLONG) &&
           ERROR_IS(user__listen_at(id, &name), IOCP_ENAMETOOLONG));
  name.length = 12;
  user__misuse_access(id, &name);
  RULE("a pipe has no permission bits, and is never stale",
       iocp_listen_path(id, &name, 1, 0, 0600, NULL, 0) < 0 &&
           iocp_listen_path(
               id, &name, 1, IOCP_REPLACE_STALE, IOCP_MODE_DEFAULT, NULL, 0) <
               0);
}

/* A file that is no socket is never removed. */
static void user__misuse_file(int32_t id) {
  struct iocp_path name;
  ledger_path(IOCP_UNIX, 2 * LEDGER_PATHS - 1, &name);
  world_plain_file(&name);
  RULE("a file that is no socket is not replaced",
       ERROR_IS(
           iocp_listen_path(
               id, &name, 1, IOCP_REPLACE_STALE, IOCP_MODE_DEFAULT, NULL, 0),
           IOCP_EADDRINUSE));
}

static void user__misuse_unix(int32_t id) {
  if (tape_choose(2) != 0) {
    user__misuse_file(id);
    return;
  }
  struct iocp_path name = user__name(IOCP_UNIX, "C:\\simulated-none");
  memset(name.bytes + name.length, 'a', 200);
  name.length = 120;
  RULE("the path of a unix socket has a maximum length",
       ERROR_IS(iocp_connect(id, &name, NULL), IOCP_ENAMETOOLONG) &&
           ERROR_IS(user__listen_at(id, &name), IOCP_ENAMETOOLONG));
  if (!world_posts_operations()) return;
  name.length = 20;
  RULE(
      "Windows has no permission bits",
      ERROR_IS(iocp_listen_path(id, &name, 1, 0, 0600, NULL, 0), IOCP_ENOTSUP));
  name.bytes[19] = 0xc3;
  RULE("a path is UTF-8 on Windows",
       ERROR_IS(user__listen_at(id, &name), IOCP_EINVAL));
  name.bytes[0] = 0;
  RULE("Windows has no abstract names",
       ERROR_IS(iocp_connect(id, &name, NULL), IOCP_ENOTSUP));
}

/* Names that are none, or too long, or of something else. */
void user_misuse_path(uint32_t port) {
  static const uint16_t families[] = {IOCP_PIPE, IOCP_UNIX};
  int32_t id = ledger.ports[port].id;
  uint16_t family = families[tape_choose(2)];
  if (!world_has_local(family)) {
    struct iocp_path name = user__name(family, "\\\\.\\pipe\\x");
    RULE("a system without a kind of local sockets says so",
         ERROR_IS(iocp_connect(id, &name, NULL), IOCP_ENOTSUP) &&
             ERROR_IS(user__listen_at(id, &name), IOCP_ENOTSUP));
  } else if (family == IOCP_PIPE) {
    user__misuse_pipe(id);
  } else {
    user__misuse_unix(id);
  }
}
