/* SPDX-License-Identifier: MIT */
#include <windows.h>

BOOL WINAPI DllMainCRTStartup(HINSTANCE module, DWORD reason, LPVOID unused);

/* There is no C runtime to start, and nothing of this library may run under the
 * loader lock. */
BOOL WINAPI DllMainCRTStartup(HINSTANCE module, DWORD reason, LPVOID unused) {
  (void)module;
  (void)reason;
  (void)unused;
  return TRUE;
}
