/* SPDX-License-Identifier: MIT */
/* Files: those of unix sockets, their locks, and files that are sent. */
#ifndef MODEL_DISK_H
#define MODEL_DISK_H

#include <stdbool.h>
#include <windows.h>

#include "iocp.h"

struct disk_file;

void disk_open(void);
void disk_close(void);

/* The address of the socket file at a path, by which its listener is found, or
 * false if there is none. */
bool disk_find_socket(const char* path, struct iocp_address* address_out);

/* Makes a socket file. False: there is a file of that name already. */
bool disk_add_socket(const char* path, struct iocp_address* address_out);

/* Another program replaces the socket file; false: there is none. */
bool disk_take(const char* path);

/* A file that is no socket. */
void disk_add_plain(const char* path);

/* A file with `bytes` at `lead`, in the place of another one of that name,
 * whose handles stay as they are. */
void disk_write(const char* path,
                uint64_t lead,
                const uint8_t* bytes,
                uint32_t length);

/* Makes the file of that name shorter. */
void disk_shrink(const char* path, uint64_t size);

/* Reads from the file of a handle that is open, as far as there are bytes. A
 * violation if the handle is closed. */
uint32_t disk_read(HANDLE handle,
                   uint64_t offset,
                   uint8_t* buffer,
                   uint32_t length);

/* ReadFile() for a handle of a file. */
BOOL disk_read_file(HANDLE handle,
                    void* buffer,
                    DWORD length,
                    DWORD* count,
                    const OVERLAPPED* overlapped);

/* The path of a socket file by its address, or "". */
const char* disk_path(const struct iocp_address* address);

/* An address without a name, and whether an address is one. */
struct iocp_address disk_unnamed(void);
bool disk_is_unnamed(const struct iocp_address* address);

/* CreateFile() for a path that is no pipe. */
HANDLE disk_create(const WCHAR* path,
                   DWORD access,
                   DWORD share,
                   DWORD disposition,
                   DWORD flags);
bool disk_close_handle(HANDLE handle);

/* GetFileInformationByHandleEx(); false if the handle is none of a file. */
bool disk_has(HANDLE handle);
BOOL disk_query_tag(HANDLE handle, void* information, DWORD size);

/* A violation if a file was deleted that the library did not make, or if one of
 * a listener that is closed is left. */
void disk_check(void);

#endif /* MODEL_DISK_H */
