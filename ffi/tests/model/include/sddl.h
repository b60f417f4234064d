/* SPDX-License-Identifier: MIT */
/* The part of sddl.h that the Windows engine uses; see windows.h. */
#ifndef MODEL_SDDL_H
#define MODEL_SDDL_H

#include <windows.h>

#define SDDL_REVISION_1 1u

BOOL WINAPI ConvertSidToStringSidW(PSID sid, WCHAR** text);
BOOL WINAPI ConvertStringSecurityDescriptorToSecurityDescriptorW(
    const WCHAR* text,
    DWORD revision,
    PSECURITY_DESCRIPTOR* descriptor,
    ULONG* size);

#endif /* MODEL_SDDL_H */
