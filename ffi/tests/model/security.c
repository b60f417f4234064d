/* SPDX-License-Identifier: MIT */
#include "security.h"

#include <sddl.h>
#include <stdlib.h>
#include <string.h>

#include "block.h"
#include "habits.h"
#include "kernel.h"
#include "module.h"
#include "object.h"
#include "report.h"

/* The SID of the user that the program runs as. */
struct security__sid {
  uint8_t revision;
  uint8_t count;
  uint8_t authority[6];
  uint32_t parts[5];
};
static const struct security__sid security__user = {
    1, 5, {0, 0, 0, 0, 0, 5}, {21, 11, 22, 33, 1001}};
#define SECURITY__USER_TEXT L"S-1-5-21-11-22-33-1001"

#define SECURITY__MAGIC 0x5ec0de5cu

/* What a descriptor of the model has in its memory. */
struct security__descriptor {
  SECURITY_DESCRIPTOR_RELATIVE header;
  uint32_t magic;
  struct security rights;
};

/* ---- SDDL ("ACE Strings") */

struct security__word {
  const WCHAR* text;
  DWORD mask;
};

static DWORD security__mask(const WCHAR* text, size_t length) {
  static const struct security__word words[] = {
      {L"GA", 0x1F01FF}, {L"FA", 0x1F01FF}, {L"GR", 0x120089},
      {L"FR", 0x120089}, {L"GW", 0x120116}, {L"FW", 0x120116},
      {L"GX", 0x1200A0}, {L"FX", 0x1200A0}, {L"RC", 0x20000},
      {L"SD", 0x10000},  {L"WD", 0x40000},  {L"WO", 0x80000},
      {L"CC", 0x1},      {L"DC", 0x2},      {L"LC", 0x4},
      {L"SW", 0x8},      {L"RP", 0x10},     {L"WP", 0x20},
      {L"DT", 0x40},     {L"LO", 0x80},     {L"CR", 0x100}};
  DWORD mask = 0;
  if (length > 2 && text[0] == '0' && text[1] == 'x')
    return (DWORD)wcstoul(text, NULL, 16);
  for (size_t i = 0; i + 1 < length; i += 2) {
    size_t word = 0;
    while (word < sizeof words / sizeof words[0] &&
           wcsncmp(words[word].text, text + i, 2) != 0)
      word++;
    if (word == sizeof words / sizeof words[0]) return 0;
    mask |= words[word].mask;
  }
  return mask;
}

static bool security__is(const WCHAR* text, size_t length, const WCHAR* word) {
  return wcslen(word) == length && wcsncmp(text, word, length) == 0;
}

static bool security__is_one(const WCHAR* text,
                             size_t length,
                             const WCHAR* const* words,
                             size_t count) {
  for (size_t i = 0; i < count; i++)
    if (security__is(text, length, words[i])) return true;
  return false;
}

/* Everyone, anonymous, authenticated users, interactive ones, users, guests. */
static bool security__is_group(const WCHAR* text, size_t length) {
  static const WCHAR* const words[] = {L"WD",
                                       L"AN",
                                       L"AU",
                                       L"IU",
                                       L"BU",
                                       L"BG",
                                       L"S-1-1-0",
                                       L"S-1-5-11",
                                       L"S-1-5-4",
                                       L"S-1-5-32-545"};
  return security__is_one(text, length, words, sizeof words / sizeof words[0]);
}

/* Those that may do everything anyway, who are not local users, or whose entry
 * has no effect on the pipe itself (CREATOR OWNER). */
static bool security__is_known(const WCHAR* text, size_t length) {
  static const WCHAR* const words[] = {L"SY",
                                       L"BA",
                                       L"NU",
                                       L"CO",
                                       L"S-1-5-18",
                                       L"S-1-5-2",
                                       L"S-1-5-32-544",
                                       L"S-1-3-0"};
  return security__is_one(text, length, words, sizeof words / sizeof words[0]);
}

/* One ACE, "(type;flags;rights;object;inherited object;sid)". */
static bool security__ace(const WCHAR* text,
                          size_t length,
                          struct security__descriptor* descriptor,
                          struct security* denied) {
  const WCHAR* fields[6];
  size_t lengths[6];
  size_t field = 0;
  size_t from = 0;
  for (size_t i = 0; i <= length; i++) {
    if (i != length && text[i] != ';') continue;
    if (field == 6) return false;
    fields[field] = text + from;
    lengths[field++] = i - from;
    from = i + 1;
  }
  if (field != 6) return false;
  DWORD mask = security__mask(fields[2], lengths[2]);
  bool allows = security__is(fields[0], lengths[0], L"A");
  if (!allows && !security__is(fields[0], lengths[0], L"D")) return false;
  bool is_user = security__is(fields[5], lengths[5], SECURITY__USER_TEXT) ||
                 security__is(fields[5], lengths[5], L"OW") ||
                 security__is(fields[5], lengths[5], L"S-1-3-4");
  bool is_group = security__is_group(fields[5], lengths[5]);
  if (!is_user && !is_group && !security__is_known(fields[5], lengths[5]) &&
      wcsncmp(fields[5], L"S-1-", 4) != 0)
    return false;
  if (mask == 0) return false;
  struct security* to = allows ? &descriptor->rights : denied;
  const struct security* against = allows ? denied : &descriptor->rights;
  if (is_user || is_group) to->user |= mask & ~against->user;
  if (is_group) to->others |= mask & ~against->others;
  return true;
}

/* "D:" with its flags and entries; an owner, a group and a SACL are skipped. */
static bool security__parse(const WCHAR* text,
                            struct security__descriptor* descriptor) {
  struct security denied = {0, 0};
  const WCHAR* at = wcsstr(text, L"D:");
  if (at == NULL) return text[0] == 'O' || text[0] == 'G' || text[0] == 'S';
  for (at += 2; *at == 'P' || *at == 'A' || *at == 'I' || *at == 'R'; at++)
    continue;
  descriptor->header.Control |= SE_DACL_PRESENT;
  while (*at == '(') {
    const WCHAR* end = wcschr(at, ')');
    if (end == NULL ||
        !security__ace(at + 1, (size_t)(end - at - 1), descriptor, &denied))
      return false;
    at = end + 1;
  }
  return *at == 0 || *at == 'S' || *at == 'O' || *at == 'G';
}

/* Its functions may be anywhere, or nowhere, while the module is not loaded. */
static void security__enter(void) {
  kernel_enter();
  RULE("a function of advapi32.dll is called while it is loaded",
       module_has_advapi32());
}

static void* security__allocate(size_t size) {
  void* memory = HeapAlloc(GetProcessHeap(), 0, size);
  if (memory == NULL) kernel_fail(ERROR_NOT_ENOUGH_MEMORY);
  return memory;
}

BOOL WINAPI ConvertStringSecurityDescriptorToSecurityDescriptorW(
    const WCHAR* text,
    DWORD revision,
    PSECURITY_DESCRIPTOR* descriptor_out,
    ULONG* size) {
  struct security__descriptor parsed = {
      .header = {.Revision = 1, .Control = SE_SELF_RELATIVE},
      .magic = SECURITY__MAGIC};
  security__enter();
  RULE("SDDL has revision 1", revision == SDDL_REVISION_1 && size == NULL);
  if (!security__parse(text, &parsed))
    return kernel_fail(ERROR_INVALID_PARAMETER);
  struct security__descriptor* descriptor =
      security__allocate(sizeof *descriptor);
  if (descriptor == NULL) return FALSE;
  *descriptor = parsed;
  *descriptor_out = descriptor;
  return kernel_succeed();
}

void* WINAPI LocalFree(void* memory) {
  if (memory != NULL) HeapFree(GetProcessHeap(), 0, memory);
  return NULL;
}

struct security security_of(const SECURITY_ATTRIBUTES* attributes) {
  /* "If you specify NULL, the named pipe gets a default security descriptor",
   * which grants "read access to members of the Everyone group and the
   * anonymous account" ("Named Pipe Security and Access Rights"). */
  RULE("a pipe has a security descriptor of its own",
       attributes != NULL && attributes->nLength == sizeof *attributes &&
           attributes->lpSecurityDescriptor != NULL);
  const struct security__descriptor* descriptor =
      attributes->lpSecurityDescriptor;
  RULE("a security descriptor is allocated while it is used",
       block_has(descriptor, sizeof *descriptor) &&
           descriptor->magic == SECURITY__MAGIC);
  /* "A NULL DACL grants full access to any user that requests it" ("Null DACLs
   * and Empty DACLs"). */
  RULE("a security descriptor has a DACL",
       (descriptor->header.Control & SE_DACL_PRESENT) != 0);
  return descriptor->rights;
}

/* ---- the user */

struct security__token {
  struct object object;
};

HANDLE WINAPI GetCurrentProcess(void) { return (HANDLE)(intptr_t)-1; }

BOOL WINAPI OpenProcessToken(HANDLE process, DWORD access, HANDLE* token_out) {
  security__enter();
  RULE("a token is opened to be queried",
       process == (HANDLE)(intptr_t)-1 && access == TOKEN_QUERY);
  if (habits_fault(habits.handle_faults))
    return kernel_fail(ERROR_TOO_MANY_OPEN_FILES);
  struct security__token* token = calloc(1, sizeof *token);
  if (token == NULL) abort();
  if (object_enter(&token->object, OBJECT_TOKEN) == 0) abort();
  *token_out = (HANDLE)token->object.handle;
  return kernel_succeed();
}

BOOL WINAPI GetTokenInformation(HANDLE handle,
                                TOKEN_INFORMATION_CLASS class,
                                void* information,
                                DWORD size,
                                DWORD* needed) {
  security__enter();
  RULE("an open token is asked for its user",
       class == TokenUser &&
           object_find((uintptr_t)handle, OBJECT_TOKEN, "GetTokenInformation"));
  *needed = sizeof(TOKEN_USER) + sizeof security__user;
  if (size < *needed) return kernel_fail(ERROR_INSUFFICIENT_BUFFER);
  if (habits_fault(habits.kernel_faults))
    return kernel_fail(ERROR_NO_SYSTEM_RESOURCES);
  TOKEN_USER user = {.User = {.Sid = (uint8_t*)information + sizeof user}};
  memcpy(information, &user, sizeof user);
  memcpy(user.User.Sid, &security__user, sizeof security__user);
  return kernel_succeed();
}

BOOL WINAPI ConvertSidToStringSidW(PSID sid, WCHAR** text_out) {
  security__enter();
  RULE("the SID of the user is converted",
       memcmp(sid, &security__user, sizeof security__user) == 0);
  WCHAR* text = security__allocate(sizeof SECURITY__USER_TEXT);
  if (text == NULL) return FALSE;
  memcpy(text, SECURITY__USER_TEXT, sizeof SECURITY__USER_TEXT);
  *text_out = text;
  return kernel_succeed();
}

/* ---- advapi32.dll */

/* "If the function fails, the return value is NULL" (GetProcAddress()), for
 * example in a system that was reduced. */
FARPROC security_function(const char* wanted) {
  static const struct {
    const char* name;
    FARPROC function;
  } functions[] = {
      {"ConvertStringSecurityDescriptorToSecurityDescriptorW",
       (FARPROC)(void (*)(
           void))ConvertStringSecurityDescriptorToSecurityDescriptorW},
      {"ConvertSidToStringSidW",
       (FARPROC)(void (*)(void))ConvertSidToStringSidW},
      {"OpenProcessToken", (FARPROC)(void (*)(void))OpenProcessToken},
      {"GetTokenInformation", (FARPROC)(void (*)(void))GetTokenInformation},
  };
  if (habits_break(habits.lookups)) {
    kernel_fail(ERROR_PROC_NOT_FOUND);
    return NULL;
  }
  for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++)
    if (strcmp(functions[i].name, wanted) == 0) return functions[i].function;
  RULE("a function of advapi32.dll is known", wanted == NULL);
  return NULL;
}
