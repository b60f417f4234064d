/* SPDX-License-Identifier: MIT */
#if !defined(_WIN32)
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "local.h"

static char local__folder[64];

void local_folder_make(void) {
  strcpy(local__folder, "/tmp/iocp-test-XXXXXX");
  check(mkdtemp(local__folder) != NULL);
}

void local_folder_remove(void) { check_is(rmdir(local__folder), 0); }

const char* local_folder(void) { return local__folder; }

uint32_t local_process(void) { return (uint32_t)getpid(); }

uint32_t local_user(void) { return (uint32_t)getuid(); }
#endif
