/* SPDX-License-Identifier: MIT */
/*
 * The name of a pipe: who gets it, who may connect, and that a client finds it
 * as long as its listener is open.
 *
 * It is hard because the name belongs to the instances, not to the listener:
 * between the last instance that has a client and the next one there may be
 * none.
 */
#include <stdio.h>
#include <string.h>

#include "iocp.h"
#include "shared/drive.h"
#include "shared/test.h"

#if defined(_WIN32)
#include "shared/pipe.h"

/* Errors of Windows. */
#define NATIVE_FILE_NOT_FOUND 2

/* FILE_ALL_ACCESS. */
#define ALL_RIGHTS 0x1f01ff

static void set_name(struct iocp_path* path, const char* text) {
  path->length = (uint16_t)strlen(text);
  memcpy(path->bytes, text, path->length);
}

/* One client after the other, each opened as soon as the one before is closed,
 * which the server closes too: no attempt finds the name gone. */
static void five_thousand_connects_in_a_row(void) {
  static const uint32_t pools[] = {1, 16};
  for (size_t i = 0; i < 2; i++) {
    struct drive drive;
    struct iocp_path path;
    struct drive_socket* listener = pipe_open_listener(&drive, &path, pools[i]);
    for (int j = 0; j < 2500; j++) {
      void* plain = pipe_plain_connect(&drive, &path);
      if (j % 3 == 0) pipe_plain_send(&drive, plain, 7, 0, 10);
      pipe_plain_close(plain);
      struct drive_socket* server = pipe_accepted(listener);
      if (j % 3 == 0) {
        /* The client is gone, but not what it has written. */
        drive_sink(server, 7, 1000);
        drive_until(&drive, server->end_result != DRIVE_NOTHING);
        check_is(server->end_result, 0);
        check_is(server->received, 10);
      }
      drive_close(server, IOCP_GRACEFUL, DRIVE_DEADLINE_MS);
      drive_until(&drive, server->is_closed);
      drive_forget(server);
    }
    check_is(listener->accepted_count, 2500);
    drive_finish(&drive);
  }
}

/* The same with clients of the library, many at once. */
static void clients_wait_while_the_pipe_is_busy(void) {
  enum { COUNT = 40 };
  struct drive drive;
  struct drive_socket* clients[COUNT];
  struct iocp_path path;
  struct drive_socket* listener = pipe_open_listener(&drive, &path, 0);
  for (int i = 0; i < COUNT; i++) clients[i] = pipe_connect(&drive, &path);
  /* Nothing is accepted: one client has the only instance. */
  drive_for(&drive, 100);
  int connected = 0;
  for (int i = 0; i < COUNT; i++)
    if (clients[i]->connect_result == 0) connected++;
  check_is(connected, 1);
  check_is(listener->accepted_count, 0);
  /* One gives up. */
  drive_close(clients[COUNT - 1], IOCP_RESET, 0);
  drive_until(&drive, clients[COUNT - 1]->is_closed);
  check_is(clients[COUNT - 1]->connect_result, -IOCP_ECANCELED);
  drive_accept(listener, 4);
  for (int i = 0; i < COUNT - 1; i++) {
    drive_until(&drive, clients[i]->connect_result != DRIVE_NOTHING);
    check_is(clients[i]->connect_result, 0);
  }
  drive_until(&drive, listener->accepted_count == COUNT - 1);
  drive_finish(&drive);
}

/* The server goes away while a client waits. */
static void busy_until_the_server_is_gone(void) {
  struct drive drive;
  struct iocp_path path = pipe_path("\\\\.\\pipe\\");
  drive_open(&drive);
  void* plain = pipe_plain_make(&path);
  struct drive_socket* first = pipe_connect(&drive, &path);
  drive_until(&drive, first->connect_result == 0);
  struct drive_socket* second = pipe_connect(&drive, &path);
  drive_for(&drive, 100);
  check_is(second->connect_result, DRIVE_NOTHING);
  pipe_plain_close(plain);
  drive_until(&drive, second->connect_result != DRIVE_NOTHING);
  check_is(second->connect_result, -IOCP_ENOENT);
  drive_finish(&drive);
}

static void a_name_in_use(void) {
  struct drive drive;
  struct iocp_path path;
  uint32_t native;
  struct drive_socket* listener = pipe_open_listener(&drive, &path, 0);
  check_is(pipe_try_listen(&drive, &path), -IOCP_EADDRINUSE);
  /* Names have no case. */
  for (int i = 0; i < path.length; i++)
    if (path.bytes[i] == 't') path.bytes[i] = 'T';
  check_is(pipe_try_listen(&drive, &path), -IOCP_EADDRINUSE);
  drive_close_now(listener);
  check(pipe_plain_try_connect(&path, &native) == NULL);
  check_is(native, NATIVE_FILE_NOT_FOUND);
  listener = pipe_listen(&drive, &path);
  drive_close_now(listener);
  /* That of another program. */
  void* plain = pipe_plain_make(&path);
  check_is(pipe_try_listen(&drive, &path), -IOCP_EADDRINUSE);
  pipe_plain_close(plain);
  drive_finish(&drive);
}

/* Both prefixes, and either slash. */
static void forms_of_a_name(void) {
  static const char* const forms[] = {
      "\\\\.\\pipe\\", "\\\\?\\pipe\\", "//./pipe/", "\\\\.\\PIPE\\"};
  for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
    struct drive drive;
    struct iocp_path path = pipe_path(forms[i]);
    struct iocp_path seen;
    drive_open(&drive);
    struct drive_socket* listener = pipe_listen(&drive, &path);
    drive_accept(listener, 1);
    struct drive_socket* client = pipe_connect(&drive, &path);
    drive_until(&drive, client->connect_result == 0);
    struct drive_socket* server = pipe_accepted(listener);
    int32_t ids[] = {listener->id, client->id, server->id};
    for (size_t j = 0; j < 6; j++) {
      if (j == 1) continue;
      int32_t size = iocp_get_address(
          drive.port, ids[j / 2], (uint32_t)j % 2, &seen, sizeof seen);
      check_is(size, 4 + path.length);
      check(memcmp(&seen, &path, (size_t)size) == 0);
    }
    check_is(iocp_get_address(drive.port, client->id, 0, &seen, 20),
             -IOCP_EINVAL);
    check_is(iocp_get_address(
                 drive.port, listener->id, IOCP_PEER, &seen, sizeof seen),
             -IOCP_ENOTCONN);
    drive_finish(&drive);
  }
}

/* Names that are refused by both calls, before the system is asked. */
static void wrong_names(void) {
  static const struct {
    const char* text;
    int32_t result;
  } names[] = {
      {"\\\\.\\pipe\\", -IOCP_EINVAL},
      {"\\\\.\\pipe", -IOCP_EINVAL},
      {"\\\\.\\pip\\name", -IOCP_EINVAL},
      {"\\\\other\\pipe\\name", -IOCP_EINVAL},
      {"C:\\windows\\win.ini", -IOCP_EINVAL},
      {"\\\\.\\pipe\\..\\C:\\windows\\win.ini", -IOCP_EINVAL},
      {"\\\\.\\pipe\\a\\.", -IOCP_EINVAL},
      {"//?/pipe/name", -IOCP_EINVAL},
      {"\\\\.\\pipe\\\xff\xfe", -IOCP_EINVAL},
      {"\\\\.\\pipe\\\xc0\x80", -IOCP_EINVAL},
      {"\\\\.\\pipe\\\xed\xa0\x80", -IOCP_EINVAL},
  };
  struct drive drive;
  struct iocp_path path = {.family = IOCP_PIPE};
  drive_open(&drive);
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    set_name(&path, names[i].text);
    check_is(pipe_try_listen(&drive, &path), names[i].result);
    check_is(iocp_connect(drive.port, &path, NULL), names[i].result);
  }
  set_name(&path, "\\\\.\\pipe\\iocp-test-nobody-listens");
  check_is(iocp_connect(drive.port, &path, NULL), -IOCP_ENOENT);
  drive_finish(&drive);
}

/* 256 units of UTF-16, in characters of each size in UTF-8. */
static void the_longest_name(void) {
  static const struct {
    const char* text;
    uint32_t units;
  } characters[] = {
      {"x", 1}, {"\xc3\xa9", 1}, {"\xe2\x82\xac", 1}, {"\xf0\x9f\x98\x80", 2}};
  for (size_t i = 0; i < 4; i++) {
    struct drive drive;
    struct iocp_path path = pipe_path("\\\\.\\pipe\\");
    uint32_t units = path.length;
    drive_open(&drive);
    if (units % 2 == 1) {
      path.bytes[path.length++] = 'y';
      units++;
    }
    while (units < 256) {
      size_t size = strlen(characters[i].text);
      memcpy(path.bytes + path.length, characters[i].text, size);
      path.length = (uint16_t)(path.length + size);
      units += characters[i].units;
    }
    check_is(units, 256);
    struct drive_socket* listener = pipe_listen(&drive, &path);
    drive_accept(listener, 1);
    struct drive_socket* client = pipe_connect(&drive, &path);
    drive_until(&drive, client->connect_result == 0);
    drive_close_now(pipe_accepted(listener));
    /* The plain functions find it under the same name. */
    pipe_plain_close(pipe_plain_connect(&drive, &path));
    path.bytes[path.length++] = 'z';
    check_is(pipe_try_listen(&drive, &path), -IOCP_ENAMETOOLONG);
    check_is(iocp_connect(drive.port, &path, NULL), -IOCP_ENAMETOOLONG);
    drive_finish(&drive);
  }
}

static int32_t listen_with(struct drive* drive,
                           const struct iocp_path* path,
                           uint32_t flags,
                           const char* sddl) {
  return iocp_listen_path(drive->port,
                          path,
                          16,
                          flags,
                          IOCP_MODE_DEFAULT,
                          sddl,
                          sddl == NULL ? 0 : (uint32_t)strlen(sddl));
}

/* Each descriptor lets this process make instances and connect, and has the
 * entries that were asked for. Of others than the user, everyone may read and
 * write, and not make instances. */
static void who_may_connect(void) {
  static const struct {
    uint32_t flags;
    const char* sddl;
    uint32_t count;
    uint32_t rights[PIPE_ENTRIES_MAX];
  } rows[] = {{0, NULL, 1, {ALL_RIGHTS}},
              {IOCP_EVERYONE, NULL, 2, {ALL_RIGHTS, 0x12019b}},
              {0, "D:P(A;;FA;;;WD)", 1, {ALL_RIGHTS}},
              {0, "D:(A;;FA;;;WD)(A;;FR;;;SY)", 2, {ALL_RIGHTS, 0x120089}},
              /* Wine 10 keeps generic rights, which Windows maps to those of a
               * file, so they are not compared. */
              {0, "D:(A;;GA;;;WD)(A;;GA;;;SY)", 2, {0}}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct drive drive;
    struct iocp_path path = pipe_path("\\\\.\\pipe\\");
    drive_open(&drive);
    int32_t id = listen_with(&drive, &path, rows[i].flags, rows[i].sddl);
    check(id >= 0);
    struct drive_socket* listener = drive_add(&drive, id);
    listener->is_listener = true;
    drive_accept(listener, 3);
    uint32_t rights[PIPE_ENTRIES_MAX] = {0};
    check_is(pipe_plain_rights(&path, rights), rows[i].count);
    for (uint32_t j = 0; j < PIPE_ENTRIES_MAX && rows[i].rights[0] != 0; j++)
      check_is(rights[j], rows[i].rights[j]);
    /* That has been a client, too. */
    drive_close_now(pipe_accepted(listener));
    for (int j = 0; j < 8; j++) {
      struct drive_socket* client = pipe_connect(&drive, &path);
      drive_until(&drive, client->connect_result == 0);
      drive_close_now(pipe_accepted(listener));
    }
    drive_finish(&drive);
  }
}

static void wrong_descriptors(void) {
  static const char* const texts[] = {
      "", "x", "D:(A;;FA;;;XX)", "D:(A;;FA;;;WD", "O:WD", "D:\xff"};
  struct drive drive;
  struct iocp_path path = pipe_path("\\\\.\\pipe\\");
  drive_open(&drive);
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
    check_is(listen_with(&drive, &path, 0, texts[i]), -IOCP_EINVAL);
  check_is(
      iocp_listen_path(drive.port, &path, 16, IOCP_REPLACE_STALE, ~0u, NULL, 0),
      -IOCP_EINVAL);
  check_is(iocp_listen_path(drive.port, &path, 16, 0, 0600, NULL, 0),
           -IOCP_EINVAL);
  drive_finish(&drive);
}

/* A client that says nothing is not reported, and is reset in time. */
static void deferred_clients(void) {
  struct drive drive;
  struct iocp_path path;
  struct drive_socket* listener = pipe_open_listener(&drive, &path, 0);
  drive_set(listener, IOCP_DEFER_ACCEPT, 1);
  drive_accept(listener, 4);
  struct drive_socket* silent = pipe_connect(&drive, &path);
  struct drive_socket* talks = pipe_connect(&drive, &path);
  drive_until(&drive,
              silent->connect_result == 0 && talks->connect_result == 0);
  drive_pump(talks, 7, 10, 10);
  struct drive_socket* server = pipe_accepted(listener);
  drive_sink(server, 7, 100);
  drive_until(&drive, server->received == 10);
  check_is(listener->accepted_count, 1);
  drive_set(listener, IOCP_FIRST_BYTE_TIMEOUT, 50);
  struct drive_socket* late = pipe_connect(&drive, &path);
  drive_until(&drive, late->connect_result == 0);
  drive_receive(late, 100);
  drive_until(&drive, late->end_result != DRIVE_NOTHING);
  check_is(late->end_result, -IOCP_ECONNRESET);
  drive_finish(&drive);
}

static void more_backlog(void) {
  struct drive drive;
  struct iocp_path path;
  struct drive_socket* listener = pipe_open_listener(&drive, &path, 0);
  check_is(drive_stats(listener).accepts_posted, 1);
  drive_accept(listener, 4);
  check_is(drive_stats(listener).accepts_posted, 4);
  drive_set(listener, IOCP_BACKLOG, 70);
  check_is(drive_stats(listener).accepts_posted, 10);
  check_is(iocp_set_option(drive.port, listener->id, IOCP_BACKLOG, 63),
           -IOCP_ENOTSUP);
  drive_finish(&drive);
}

TEST_MAIN(TEST_CASE(five_thousand_connects_in_a_row),
          TEST_CASE(clients_wait_while_the_pipe_is_busy),
          TEST_CASE(busy_until_the_server_is_gone),
          TEST_CASE(a_name_in_use),
          TEST_CASE(forms_of_a_name),
          TEST_CASE(wrong_names),
          TEST_CASE(the_longest_name),
          TEST_CASE(who_may_connect),
          TEST_CASE(wrong_descriptors),
          TEST_CASE(deferred_clients),
          TEST_CASE(more_backlog))

#else
#include "shared/pipe_refused.h"

TEST_MAIN(TEST_CASE(pipe_refused))
#endif
