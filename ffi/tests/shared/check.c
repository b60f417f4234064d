/* SPDX-License-Identifier: MIT */
#include "check.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "host.h"
#include "iocp.h"

static _Atomic(int32_t) check__port = -1;

void check_note_port(int32_t port) { atomic_store(&check__port, port); }

_Noreturn void check_failed(const char* file,
                            int line,
                            const char* expression) {
  int32_t native = host_last_error();
  /* For a port of another thread, or a deleted one, this is only a further
   * error and does no harm. */
  int32_t port_native = iocp_native_error(atomic_load(&check__port));
  fprintf(stderr,
          "%s:%d: failed: %s\n  the system's last error here: %" PRId32
          ", the port's: %" PRId32 "\n",
          file,
          line,
          expression,
          native,
          port_native);
  fflush(NULL);
  /* Other threads may be running, so exit handlers are not run. */
  _Exit(1);
}

void check_equal(const char* file,
                 int line,
                 const char* expression,
                 int64_t actual,
                 int64_t expected) {
  if (actual == expected) return;
  fprintf(stderr, "%" PRId64 " is not %" PRId64 "\n", actual, expected);
  check_failed(file, line, expression);
}
