/* SPDX-License-Identifier: MIT */
#if defined(_WIN32)
#include <winsock2.h>
#include <stdio.h>
#include <windows.h>

#include "check.h"
#include "local.h"

static char local__folder[MAX_PATH];

void local_folder_make(void) {
  char parent[MAX_PATH - 32];
  DWORD length = GetTempPathA(sizeof parent, parent);
  check(length != 0 && length < sizeof parent);
  snprintf(local__folder,
           sizeof local__folder,
           "%siocp-test-%u",
           parent,
           local_process());
  check(CreateDirectoryA(local__folder, NULL));
}

void local_folder_remove(void) { check(RemoveDirectoryA(local__folder)); }

const char* local_folder(void) { return local__folder; }

uint32_t local_process(void) { return GetCurrentProcessId(); }

/* Windows has no numbers of users. */
uint32_t local_user(void) { return IOCP_PEER_UNKNOWN; }
#endif
