/* SPDX-License-Identifier: MIT */
#include "disk.h"

#include <stdlib.h>
#include <string.h>

#include "habits.h"
#include "kernel.h"
#include "list.h"
#include "listening.h"
#include "network.h"
#include "object.h"
#include "report.h"
#include "sock.h"
#include "tape.h"

#define DISK__VOLUME 0xD15C
#define DISK__PATH_MAX 260
/* Distinct from every IP address. */
#define DISK__BYTE 0xF5

enum disk__kind { DISK_SOCKET, DISK_LOCK, DISK_PLAIN };

struct disk_file {
  struct list_node node;
  char path[DISK__PATH_MAX];
  enum disk__kind kind;
  uint16_t index; /* of the file on its volume */
  DWORD volume;   /* its serial number */
  uint32_t handles;
  bool is_deleted; /* as soon as no handle is open */
  bool is_foreign; /* of another program, in the place of ours */
  bool is_gone;    /* sockets that were bound to it keep its name */
  uint64_t lead;   /* zeros before its bytes */
  uint64_t size;
  uint8_t* bytes; /* or NULL */
};

struct disk__handle {
  struct object object;
  struct disk_file* file;
  DWORD access;
  bool deletes; /* FILE_FLAG_DELETE_ON_CLOSE */
};

static struct {
  struct list_node files;
  uint16_t next_index;
} disk;

void disk_open(void) {
  list_open(&disk.files);
  disk.next_index = 1;
}

void disk_close(void) {
  while (!list_is_empty(&disk.files)) {
    struct disk_file* file =
        LIST_ENTRY(list_shift(&disk.files), struct disk_file, node);
    free(file->bytes);
    free(file);
  }
}

static struct disk_file* disk__find(const char* path) {
  for (struct list_node* node = disk.files.next; node != &disk.files;
       node = node->next) {
    struct disk_file* file = LIST_ENTRY(node, struct disk_file, node);
    if (!file->is_gone && strcmp(file->path, path) == 0) return file;
  }
  return NULL;
}

static struct disk_file* disk__add(const char* path, enum disk__kind kind) {
  struct disk_file* file = calloc(1, sizeof *file);
  if (file == NULL) abort();
  strncpy(file->path, path, DISK__PATH_MAX - 1);
  file->kind = kind;
  file->index = disk.next_index++;
  file->volume = DISK__VOLUME;
  list_push(&disk.files, &file->node);
  return file;
}

/* ---- addresses */

static struct iocp_address disk__address(uint16_t index) {
  struct iocp_address address = {.family = SOCK_LOCAL, .port = index};
  memset(address.bytes, DISK__BYTE, sizeof address.bytes);
  return address;
}

bool disk_find_socket(const char* path, struct iocp_address* address_out) {
  const struct disk_file* file = disk__find(path);
  *address_out = disk__address(0);
  if (file == NULL || file->kind != DISK_SOCKET) return false;
  *address_out = disk__address(file->index);
  return true;
}

bool disk_add_socket(const char* path, struct iocp_address* address_out) {
  if (disk__find(path) != NULL) return false;
  *address_out = disk__address(disk__add(path, DISK_SOCKET)->index);
  TRACE("  a socket file is made: %s", path);
  return true;
}

bool disk_take(const char* path) {
  struct disk_file* file = disk__find(path);
  if (file == NULL || file->kind != DISK_SOCKET || file->handles != 0)
    return false;
  file->is_gone = true;
  struct disk_file* taken = disk__add(path, DISK_SOCKET);
  taken->is_foreign = true;
  /* A folder of the path may be one of another volume by now. */
  taken->volume += tape_choose(2);
  return true;
}

void disk_add_plain(const char* path) {
  if (disk__find(path) == NULL) disk__add(path, DISK_PLAIN);
}

/* ---- files that are sent */

void disk_write(const char* path,
                uint64_t lead,
                const uint8_t* bytes,
                uint32_t length) {
  struct disk_file* former = disk__find(path);
  if (former != NULL) former->is_gone = true;
  struct disk_file* file = disk__add(path, DISK_PLAIN);
  file->bytes = malloc(length + 1);
  if (file->bytes == NULL) abort();
  memcpy(file->bytes, bytes, length);
  file->lead = lead;
  file->size = lead + length;
}

void disk_shrink(const char* path, uint64_t size) {
  struct disk_file* file = disk__find(path);
  if (file != NULL && size < file->size) file->size = size;
}

static uint32_t disk__read(const struct disk_file* file,
                           uint64_t offset,
                           uint8_t* buffer,
                           uint32_t length) {
  uint32_t count = 0;
  for (; count < length && offset + count < file->size; count++)
    buffer[count] = offset + count < file->lead
                        ? 0
                        : file->bytes[offset + count - file->lead];
  return count;
}

const char* disk_path(const struct iocp_address* address) {
  for (struct list_node* node = disk.files.next; node != &disk.files;
       node = node->next) {
    struct disk_file* file = LIST_ENTRY(node, struct disk_file, node);
    if (file->index == address->port && !disk_is_unnamed(address))
      return file->path;
  }
  return "";
}

/* Each is another one, so that a pair of ends is connected once only. */
struct iocp_address disk_unnamed(void) {
  struct iocp_address address = disk__address(network_new_port());
  address.scope = 1;
  return address;
}

bool disk_is_unnamed(const struct iocp_address* address) {
  return address->scope == 1;
}

/* Whether a socket that listens is bound to the file, and whose it is. */
static const struct listening* disk__listening(const struct disk_file* file) {
  for (struct listening* one = listening_next(NULL); one != NULL;
       one = listening_next(one))
    if (one->address.family == SOCK_LOCAL && one->address.port == file->index)
      return one;
  return NULL;
}

/* ---- handles */

static HANDLE disk__fails(DWORD error) {
  kernel_fail(error);
  return INVALID_HANDLE_VALUE;
}

static struct disk__handle* disk__handle(HANDLE handle, const char* call) {
  struct object* object = object_find((uintptr_t)handle, OBJECT_FILE, call);
  return object == NULL ? NULL
                        : LIST_ENTRY(object, struct disk__handle, object);
}

static HANDLE disk__open(struct disk_file* file, DWORD access, DWORD flags) {
  struct disk__handle* handle = calloc(1, sizeof *handle);
  if (handle == NULL) abort();
  if (object_enter(&handle->object, OBJECT_FILE) == 0) {
    free(handle);
    return disk__fails(ERROR_TOO_MANY_OPEN_FILES);
  }
  handle->file = file;
  handle->access = access;
  handle->deletes = (flags & FILE_FLAG_DELETE_ON_CLOSE) != 0;
  file->handles++;
  kernel_succeed();
  return (HANDLE)handle->object.handle;
}

HANDLE disk_create(const WCHAR* wide,
                   DWORD access,
                   DWORD share,
                   DWORD disposition,
                   DWORD flags) {
  char path[DISK__PATH_MAX] = "";
  for (size_t i = 0; wide[i] != 0 && i < sizeof path - 1; i++)
    path[i] = (char)wide[i];
  /* A file that cannot be opened cannot be removed either. */
  if (habits_break(habits.handle_faults))
    return disk__fails(ERROR_TOO_MANY_OPEN_FILES);
  struct disk_file* file = disk__find(path);
  if (disposition == OPEN_EXISTING) {
    if (file == NULL || file->is_deleted)
      return disk__fails(ERROR_FILE_NOT_FOUND);
    /* Nothing handles the reparse point of a socket (STL #4077, zig #5652). */
    if (file->kind == DISK_SOCKET &&
        (flags & FILE_FLAG_OPEN_REPARSE_POINT) == 0)
      return disk__fails(ERROR_CANT_ACCESS_FILE);
    RULE("a file that is sent may be written, renamed and deleted meanwhile",
         (access & GENERIC_READ) == 0 ||
             share == (FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE));
    /* The path may be that of a pipe ("Impersonation Levels"). */
    RULE("the server of a pipe that is opened as a file may only identify",
         (access & GENERIC_READ) == 0 ||
             ((flags & SECURITY_SQOS_PRESENT) != 0 &&
              (flags & SECURITY_DELEGATION) <= SECURITY_IDENTIFICATION));
    return disk__open(file, access, flags);
  }
  RULE("a file that is made is a lock, and is removed with its handle",
       disposition == OPEN_ALWAYS && share == 0 &&
           (flags & FILE_FLAG_DELETE_ON_CLOSE) != 0);
  /* STATUS_CANNOT_DELETE ([MS-FSA] 2.1.5.1.1, "Creation of a New File"). */
  RULE("a file that is removed with its handle is not made read-only",
       (flags & FILE_ATTRIBUTE_READONLY) == 0);
  if (file != NULL && file->handles != 0)
    return disk__fails(ERROR_SHARING_VIOLATION);
  if (file == NULL) file = disk__add(path, DISK_LOCK);
  return disk__open(file, access, flags);
}

bool disk_close_handle(HANDLE value) {
  struct disk__handle* handle = disk__handle(value, "CloseHandle");
  if (handle == NULL) return false;
  struct disk_file* file = handle->file;
  if (handle->deletes) file->is_deleted = true;
  object_release(&handle->object);
  free(handle);
  if (--file->handles != 0 || !file->is_deleted) return true;
  TRACE("  a file is removed: %s", file->path);
  file->is_gone = true;
  return true;
}

uint32_t disk_read(HANDLE value,
                   uint64_t offset,
                   uint8_t* buffer,
                   uint32_t length) {
  const struct disk__handle* handle = disk__handle(value, "TransmitFile");
  RULE("a file stays open until its transmission has completed",
       handle != NULL);
  return disk__read(handle->file, offset, buffer, length);
}

BOOL disk_read_file(HANDLE value,
                    void* buffer,
                    DWORD length,
                    DWORD* count,
                    const OVERLAPPED* overlapped) {
  const struct disk__handle* handle = disk__handle(value, "ReadFile");
  RULE("a file is read at an offset, and only if it was opened to be read",
       overlapped != NULL && (handle->access & GENERIC_READ) != 0);
  uint64_t offset = (uint64_t)overlapped->OffsetHigh << 32 | overlapped->Offset;
  *count = 0;
  if (habits_break(habits.kernel_faults))
    return kernel_fail(ERROR_NO_SYSTEM_RESOURCES);
  if (length > 1 && habits_fault(habits.splits))
    length = 1 + tape_choose(length);
  *count = disk__read(handle->file, offset, buffer, length);
  /* "When a synchronous read operation reaches the end of a file" with an
   * OVERLAPPED (ReadFile(), "Synchronization and File Position"). */
  return *count == 0 ? kernel_fail(ERROR_HANDLE_EOF) : kernel_succeed();
}

bool disk_has(HANDLE value) { return disk__handle(value, "file") != NULL; }

BOOL disk_query_tag(HANDLE value, void* information, DWORD size) {
  const struct disk__handle* handle =
      disk__handle(value, "GetFileInformationByHandleEx");
  FILE_ATTRIBUTE_TAG_INFO* tag = information;
  RULE("the tag of a file has its size", size == sizeof *tag);
  if (habits_break(habits.kernel_faults))
    return kernel_fail(ERROR_NO_SYSTEM_RESOURCES);
  *tag = (FILE_ATTRIBUTE_TAG_INFO){0};
  if (handle->file->kind == DISK_SOCKET) tag->ReparseTag = 0x80000023u;
  return kernel_succeed();
}

BOOL WINAPI GetFileInformationByHandle(HANDLE value,
                                       BY_HANDLE_FILE_INFORMATION* out) {
  kernel_enter();
  const struct disk__handle* handle =
      disk__handle(value, "GetFileInformationByHandle");
  RULE("a file is asked for its index", handle != NULL);
  if (habits_break(habits.kernel_faults))
    return kernel_fail(ERROR_NO_SYSTEM_RESOURCES);
  /* All three identify a file ("BY_HANDLE_FILE_INFORMATION"). */
  *out = (BY_HANDLE_FILE_INFORMATION){
      .nFileSizeHigh = (DWORD)(handle->file->size >> 32),
      .nFileSizeLow = (DWORD)handle->file->size,
      .dwVolumeSerialNumber = handle->file->volume,
      .nFileIndexHigh = handle->file->index / 2,
      .nFileIndexLow = handle->file->index % 2};
  return kernel_succeed();
}

BOOL WINAPI SetFileInformationByHandle(HANDLE value,
                                       FILE_INFO_BY_HANDLE_CLASS class,
                                       void* information,
                                       DWORD size) {
  const FILE_DISPOSITION_INFO* disposition = information;
  kernel_enter();
  struct disk__handle* handle =
      disk__handle(value, "SetFileInformationByHandle");
  RULE("a file is deleted by its handle",
       handle != NULL && class == FileDispositionInfo &&
           size == sizeof *disposition && disposition->DeleteFile &&
           (handle->access & DELETE) != 0);
  struct disk_file* file = handle->file;
  RULE("only the file of a socket is removed", file->kind == DISK_SOCKET);
  /* Another one could take its place, and get its clients. The maker of a
   * socket that it has passed removes the file unless it stops before. */
  const struct listening* listening = disk__listening(file);
  RULE("the file of a socket that listens is not removed",
       listening == NULL ||
           (listening->sock != NULL && listening->sock->was_passed));
  RULE("the file of another program is not removed", !file->is_foreign);
  if (habits_break(habits.kernel_faults))
    return kernel_fail(ERROR_NO_SYSTEM_RESOURCES);
  file->is_deleted = true;
  return kernel_succeed();
}

void disk_check(void) {
  for (struct list_node* node = disk.files.next; node != &disk.files;
       node = node->next) {
    const struct disk_file* file = LIST_ENTRY(node, struct disk_file, node);
    RULE("no lock file is left", file->is_gone || file->kind != DISK_LOCK);
  }
}
