/* SPDX-License-Identifier: MIT */
/*
 * A process ends while its sockets are open.
 *
 * It is hard on Windows, where the library runs code of its own then, after the
 * system has terminated all other threads: one of them may have been in the
 * middle of work for the library, which will never be finished.
 */
#include <string.h>

#include "iocp.h"
#include "shared/drive.h"
#include "shared/exit.h"
#include "shared/host.h"
#include "shared/raw.h"
#include "shared/test.h"

#define CODE 7
#define EXITS "--exits"

/* A listener whose socket is on another port: on Windows a thread of the
 * system's pool posts the packets of its operations. */
static struct drive_socket* add_passed(struct drive* drive,
                                       struct iocp_address* address_out) {
  uint8_t inbox[IOCP_INBOX_MAX];
  uint8_t ticket[IOCP_TICKET_MAX];
  struct drive_socket* first = drive_listen(drive, "127.0.0.1", 0, address_out);
  int32_t length = iocp_inbox(drive->port, inbox, sizeof inbox);
  check(length > 0);
  length = iocp_pass(drive->port,
                     first->id,
                     0,
                     inbox,
                     (uint32_t)length,
                     ticket,
                     sizeof ticket);
  check(length > 0);
  int32_t handle = iocp_take(drive->port, ticket, (uint32_t)length);
  check(handle >= 0);
  struct drive_socket* second =
      drive_add(drive, iocp_add_listener(drive->port, handle, IOCP_DETACHED));
  second->is_listener = true;
  return second;
}

/* In the child process. */
static int exits(void) {
  /* Memory that can be reached at the end is no leak. */
  static struct drive drive;
  struct iocp_address address;
  host_start();
  drive_open(&drive);
  struct drive_socket* listener = add_passed(&drive, &address);
  drive_accept(listener, 2);
  drive_drain(&drive);
  exit_hold_pool();
  raw_connect(&address);
  exit_await_held();
  return CODE;
}

static void while_the_pool_works(void) { check_is(exit_code_of(EXITS), CODE); }

int main(int argc, char** argv) {
  static const struct test_case cases[] = {TEST_CASE(while_the_pool_works)};
  if (argc == 2 && strcmp(argv[1], EXITS) == 0) return exits();
  return test_main(cases, sizeof cases / sizeof cases[0], argc, argv);
}
