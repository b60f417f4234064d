/* SPDX-License-Identifier: MIT */
/*
 * Without a descriptor of its own, a pipe could be read by everyone, the
 * anonymous account included, and opened fully by administrators and services
 * (CreateNamedPipe(), lpSecurityAttributes; node #47086).
 *
 * By default only the user of this process may open it, as with .NET's
 * PipeOptions.CurrentUserOnly: neither administrators nor LocalSystem, who can
 * take the ownership of any object anyway, are listed.
 */
#include "pipe_security.h"

#include "errors.h"
#include "memory.h"
#include "utf8.h"

/* All rights of a file, for the given user. P: nothing is inherited. */
#define PIPE_SECURITY__USER_FIRST L"D:P(A;;FA;;;"
#define PIPE_SECURITY__USER_LAST L")"
/* FILE_GENERIC_READ and FILE_GENERIC_WRITE, for everyone, without
 * FILE_CREATE_PIPE_INSTANCE, which "has the same definition" as
 * FILE_APPEND_DATA and is a part of FILE_GENERIC_WRITE ("Named Pipe Security
 * and Access Rights"): another user could make instances of the pipe and get
 * its clients. A client that asks for GENERIC_WRITE is let in without that
 * right (npfs, create.c; .NET's PipeAccessRights.ReadWrite lacks it as well).
 */
#define PIPE_SECURITY__EVERYONE L"(A;;0x12019b;;;WD)"

/* SDDL_REVISION_1 of sddl.h. */
#define PIPE_SECURITY__REVISION 1
/* S-1-, an authority of up to 15 digits, and 15 parts of up to 10. */
#define PIPE_SECURITY__SID_MAX 192
/* "The maximum size of a SID" (SECURITY_MAX_SID_SIZE). */
#define PIPE_SECURITY__SID_BYTES 68
/* Longer text is no descriptor that a person would write. */
#define PIPE_SECURITY__TEXT_MAX 32767

typedef BOOL(WINAPI* pipe_security__open_token)(HANDLE, DWORD, HANDLE*);
typedef BOOL(WINAPI* pipe_security__query_token)(
    HANDLE, TOKEN_INFORMATION_CLASS, void*, DWORD, DWORD*);
typedef BOOL(WINAPI* pipe_security__sid_text)(PSID, WCHAR**);
typedef BOOL(WINAPI* pipe_security__parse)(const WCHAR*, DWORD, void**, ULONG*);

struct pipe_security__functions {
  HMODULE module;
  pipe_security__open_token open_token;
  pipe_security__query_token query_token;
  pipe_security__sid_text sid_text;
  pipe_security__parse parse;
};

static bool pipe_security__find(HMODULE module,
                                const char* name,
                                void* function_out) {
  FARPROC function = GetProcAddress(module, name);
  if (function != NULL) memory_copy(function_out, &function, sizeof function);
  return function != NULL;
}

/* Loaded only for a pipe, so that other programs do not load the module for
 * this library. Returns 0 or the system's error. */
static DWORD pipe_security__load(struct pipe_security__functions* security) {
  HMODULE module =
      LoadLibraryExW(L"advapi32.dll", NULL, LOAD_LIBRARY_SEARCH_SYSTEM32);
  if (module == NULL) return GetLastError();
  security->module = module;
  if (pipe_security__find(module, "OpenProcessToken", &security->open_token) &&
      pipe_security__find(
          module, "GetTokenInformation", &security->query_token) &&
      pipe_security__find(
          module, "ConvertSidToStringSidW", &security->sid_text) &&
      pipe_security__find(
          module,
          "ConvertStringSecurityDescriptorToSecurityDescriptorW",
          &security->parse))
    return 0;
  DWORD native = GetLastError();
  FreeLibrary(module);
  return native;
}

/* ---- the current user */

/* The process' user, not that of a thread which acts for another one. */
static DWORD pipe_security__user(
    const struct pipe_security__functions* security,
    WCHAR text_out[PIPE_SECURITY__SID_MAX]) {
  _Alignas(TOKEN_USER)
      uint8_t user[sizeof(TOKEN_USER) + PIPE_SECURITY__SID_BYTES];
  HANDLE token;
  DWORD length;
  WCHAR* text;
  if (!security->open_token(GetCurrentProcess(), TOKEN_QUERY, &token))
    return GetLastError();
  DWORD native = 0;
  if (!security->query_token(token, TokenUser, user, sizeof user, &length))
    native = GetLastError();
  CloseHandle(token);
  if (native != 0) return native;
  if (!security->sid_text(((const TOKEN_USER*)(const void*)user)->User.Sid,
                          &text))
    return GetLastError();
  uint32_t i = 0;
  for (; text[i] != 0 && i < PIPE_SECURITY__SID_MAX - 1; i++)
    text_out[i] = text[i];
  text_out[i] = 0;
  LocalFree(text);
  return 0;
}

static uint32_t pipe_security__append(WCHAR* text,
                                      uint32_t at,
                                      const WCHAR* part) {
  while (*part != 0) text[at++] = *part++;
  text[at] = 0;
  return at;
}

static DWORD pipe_security__default(
    const struct pipe_security__functions* security,
    uint32_t flags,
    void** descriptor_out) {
  WCHAR user[PIPE_SECURITY__SID_MAX];
  WCHAR text[PIPE_SECURITY__SID_MAX + 64];
  DWORD native = pipe_security__user(security, user);
  if (native != 0) return native;
  uint32_t at = pipe_security__append(text, 0, PIPE_SECURITY__USER_FIRST);
  at = pipe_security__append(text, at, user);
  at = pipe_security__append(text, at, PIPE_SECURITY__USER_LAST);
  if ((flags & IOCP_EVERYONE) != 0)
    pipe_security__append(text, at, PIPE_SECURITY__EVERYONE);
  return security->parse(text, PIPE_SECURITY__REVISION, descriptor_out, NULL)
             ? 0
             : GetLastError();
}

/* ---- a descriptor of the caller */

/* A descriptor without a DACL would let everyone do everything ("Null DACLs and
 * Empty DACLs"). It is a part of a self-relative descriptor's header (winnt.h).
 */
static bool pipe_security__has_dacl(const void* descriptor) {
  const SECURITY_DESCRIPTOR_RELATIVE* header = descriptor;
  return (header->Control & SE_DACL_PRESENT) != 0;
}

static int32_t pipe_security__given(
    struct port* port,
    const struct pipe_security__functions* security,
    const struct path_access* access,
    void** descriptor_out) {
  uint32_t length = access->sddl_length;
  if (length > PIPE_SECURITY__TEXT_MAX) return port_fail(port, -IOCP_EINVAL, 0);
  WCHAR* text = memory_alloc(((size_t)length + 1) * sizeof *text);
  if (text == NULL) return port_fail(port, -IOCP_ENOMEM, 0);
  int32_t units = utf8_to_wide(access->sddl, length, text, length);
  DWORD native = 0;
  bool is_valid = units > 0;
  if (is_valid) {
    text[units] = 0;
    is_valid =
        security->parse(text, PIPE_SECURITY__REVISION, descriptor_out, NULL);
    if (!is_valid) native = GetLastError();
  }
  memory_free(text);
  if (is_valid && pipe_security__has_dacl(*descriptor_out)) return 0;
  if (is_valid) pipe_security_free(*descriptor_out);
  if (native == ERROR_NOT_ENOUGH_MEMORY) return errors_fail(port, native);
  return port_fail(port, -IOCP_EINVAL, (int32_t)native);
}

int32_t pipe_security_new(struct port* port,
                          const struct path_access* access,
                          void** descriptor_out) {
  struct pipe_security__functions security;
  DWORD native = pipe_security__load(&security);
  if (native != 0) return errors_fail(port, native);
  int32_t result = 0;
  if (access->sddl != NULL) {
    result = pipe_security__given(port, &security, access, descriptor_out);
  } else {
    native = pipe_security__default(&security, access->flags, descriptor_out);
    if (native != 0) result = errors_fail(port, native);
  }
  FreeLibrary(security.module);
  return result;
}

void pipe_security_free(void* descriptor) { LocalFree(descriptor); }
