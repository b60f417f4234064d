/* SPDX-License-Identifier: MIT */
/* The part of sddl.h, securitybaseapi.h and processthreadsapi.h that the
 * Windows engine uses; see windows.h. */
#ifndef MODEL_SDDL_H
#define MODEL_SDDL_H

#include <windows.h>

#define SDDL_REVISION_1 1u
#define TOKEN_QUERY 8u

typedef void* PSID;
typedef void* PSECURITY_DESCRIPTOR;
typedef enum { TokenUser = 1 } TOKEN_INFORMATION_CLASS;

typedef struct {
  PSID Sid;
  DWORD Attributes;
} SID_AND_ATTRIBUTES;

typedef struct {
  SID_AND_ATTRIBUTES User;
} TOKEN_USER;

/* TOKEN_USER and the longest SID. */
#define SECURITY_MAX_SID_SIZE 68

HANDLE WINAPI GetCurrentProcess(void);
BOOL WINAPI OpenProcessToken(HANDLE process, DWORD access, HANDLE* token);
BOOL WINAPI GetTokenInformation(HANDLE token,
                                TOKEN_INFORMATION_CLASS class,
                                void* information,
                                DWORD size,
                                DWORD* needed);
BOOL WINAPI ConvertSidToStringSidW(PSID sid, WCHAR** text);
BOOL WINAPI ConvertStringSecurityDescriptorToSecurityDescriptorW(
    const WCHAR* text,
    DWORD revision,
    PSECURITY_DESCRIPTOR* descriptor,
    ULONG* size);
void* WINAPI LocalFree(void* memory);

#endif /* MODEL_SDDL_H */
