/* SPDX-License-Identifier: MIT */
/* The rows of iocp_option.h as an array, for tests that choose among them. */
#ifndef TESTS_OPTION_ROW_H
#define TESTS_OPTION_ROW_H

#include "iocp.h"

enum option_owner { OWNER_SYSTEM, OWNER_LIBRARY };
enum option_scope { SCOPE_SOCKET, SCOPE_LISTENER, SCOPE_DATAGRAM, SCOPE_ALL };

struct option_row {
  enum option_owner owner;
  enum option_scope scope;
  int32_t min;
  int32_t max;
};

/* By the number of the option; a number that no option has is all zeros. */
static const struct option_row option_rows[] = {
#define OPTION_ROW(name, number, owner, scope, min, max) \
  [number] = {OWNER_##owner, SCOPE_##scope, min, max},
    IOCP_OPTIONS(OPTION_ROW)
#undef OPTION_ROW
};
#define OPTION_ROWS (sizeof option_rows / sizeof option_rows[0])

#endif /* TESTS_OPTION_ROW_H */
