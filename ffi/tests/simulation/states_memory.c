/* SPDX-License-Identifier: MIT */
/* Calls that make something while the process is short of memory. */
#include <stddef.h>

#include "report.h"
#include "states.h"
#include "tape.h"

/* Of 1,000 allocations, those that fail. */
#define MEMORY__LACK 300
#define MEMORY__CALLS 24
/* With others, some names would not say who may connect (world_path()). */
#define MEMORY__STEP 4

static int32_t memory__listen_path(int32_t port,
                                   uint16_t family,
                                   uint32_t number,
                                   const char* access,
                                   uint32_t length) {
  struct iocp_path name;
  if (!world_has_local(family)) return -IOCP_ENOTSUP;
  world_path(family, number, access == NULL ? WORLD_USER : WORLD_CUSTOM, &name);
  return iocp_listen_path(port, &name, 1, 0, IOCP_MODE_DEFAULT, access, length);
}

/* The returned id, or an error. */
static int32_t memory__call(int32_t port, uint32_t number) {
  /* Everyone may do everything. */
  static const char access[] = "D:(A;;GA;;;WD)";
  struct iocp_address any = {.family = 4, .bytes = {127, 0, 0, 1}};
  switch (tape_choose(5)) {
    case 4:
      return iocp_group_new(port);
    case 3:
      return iocp_bind(port, &any, 0, IOCP_MODE_DEFAULT);
    case 2:
      return iocp_listen(port, &any, 1, 0);
    case 1:
      return memory__listen_path(port, IOCP_UNIX, number, NULL, 0);
    default:
      return memory__listen_path(
          port, IOCP_PIPE, number, access, sizeof access - 1);
  }
}

/* Unless the system lacks what it takes, a call succeeds, or fails for want of
 * memory and leaves nothing behind: which is checked when the port is deleted.
 */
void states_visit_memory(void) {
  struct states_port port;
  if (!states_open(&port)) return;
  world_lack(WORLD_HEAP, MEMORY__LACK);
  for (uint32_t i = 0; i < MEMORY__CALLS; i++) {
    int32_t result =
        memory__call(port.id, STATES_PATH_MEMORY + MEMORY__STEP * i);
    TRACE("a call that lacks memory: %d", result);
    RULE("a call that lacks memory succeeds, or says that it lacks memory",
         result >= 0 || result == -IOCP_ENOMEM || result == -IOCP_ENOBUFS ||
             result == -IOCP_ENOTSUP);
  }
  world_lack(WORLD_HEAP, 0);
  states_close(&port);
}
