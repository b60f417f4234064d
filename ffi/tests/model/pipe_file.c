/* SPDX-License-Identifier: MIT */
/* The functions of the system for named pipes, and for files as far as they are
 * pipes. */
#include <string.h>
#include <wchar.h>
#include <wctype.h>

#include "disk.h"
#include "habits.h"
#include "kernel.h"
#include "op.h"
#include "npfs.h"
#include "peer_pipe.h"
#include "program.h"
#include "report.h"
#include "security.h"
#include "sock.h"
#include "tape.h"

#define PIPE__PREFIX L"\\\\.\\pipe\\"
#define PIPE__PREFIX_LENGTH 9

static HANDLE pipe_file__fails(DWORD error) {
  kernel_fail(error);
  return INVALID_HANDLE_VALUE;
}

/* A handle of the library. */
static struct sock* pipe_file__sock(struct pipe_end* end, bool is_inheritable) {
  struct sock* sock = sock_new(SOCK_PIPE, false);
  if (sock == NULL) return NULL;
  sock->state = SOCK_CONNECTED;
  sock->is_inheritable = is_inheritable;
  sock->pipe = end;
  end->sock = sock;
  return sock;
}

struct sock* pipe_file_find(HANDLE handle, const char* call) {
  struct sock* sock = sock_find_file((uintptr_t)handle, call);
  if (sock != NULL && sock->family == SOCK_PIPE) return sock;
  kernel_fail(ERROR_INVALID_HANDLE);
  return NULL;
}

/* ---- servers */

/* "The entire pipe name string can be up to 256 characters long"
 * (CreateNamedPipe()). */
static bool pipe_file__is_name(const WCHAR* text) {
  size_t length = wcslen(text);
  if (length <= PIPE__PREFIX_LENGTH || length > PIPE_NAME_MAX) return false;
  for (size_t i = 0; i < PIPE__PREFIX_LENGTH; i++)
    if (towlower((wint_t)text[i]) != (wint_t)PIPE__PREFIX[i]) return false;
  return true;
}

static void pipe_file__check_modes(DWORD open_mode, DWORD pipe_mode) {
  RULE("a pipe is opened for both directions and overlapped operations",
       (open_mode & ~FILE_FLAG_FIRST_PIPE_INSTANCE) ==
           (PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED));
  /* "Connections from remote clients can be accepted and checked against the
   * security descriptor for the pipe" otherwise. */
  RULE("a pipe rejects remote clients",
       (pipe_mode & PIPE_REJECT_REMOTE_CLIENTS) != 0);
  /* PIPE_NOWAIT "should not be used to achieve asynchronous I/O". */
  RULE("a pipe is a stream of bytes, and waits",
       (pipe_mode & ~PIPE_REJECT_REMOTE_CLIENTS) ==
           (PIPE_TYPE_BYTE | PIPE_READMODE_BYTE | PIPE_WAIT));
}

/* What the user of the library asked for is part of the name. */
static void pipe_file__check_access(const WCHAR* name, struct security rights) {
  if (wcsstr(name, L"custom") != NULL) return;
  RULE("a pipe is for the current user alone unless it is asked otherwise",
       rights.others == 0 || wcsstr(name, L"everyone") != NULL);
  RULE("everyone may connect to a pipe if this was asked for",
       wcsstr(name, L"everyone") == NULL ||
           (rights.others & SECURITY_MAY_READ) != 0);
  RULE("others cannot change the access to a pipe",
       (rights.others & SECURITY_MAY_CHANGE) == 0);
}

/* "The DACL must allow the calling thread FILE_CREATE_PIPE_INSTANCE access"
 * ("Named Pipe Security and Access Rights"). */
static DWORD pipe_file__refusal(const struct pipe_name* name,
                                DWORD open_mode,
                                DWORD instances_max) {
  if (instances_max == 0 || instances_max > PIPE_UNLIMITED_INSTANCES)
    return ERROR_INVALID_PARAMETER;
  if (habits_fault(habits.kernel_faults)) return ERROR_NO_SYSTEM_RESOURCES;
  if (habits_fault(habits.handle_faults)) return ERROR_TOO_MANY_OPEN_FILES;
  if (name == NULL) return 0;
  /* It is not documented which of the two is checked first; npfs begins with
   * the number of instances (ReactOS, npfs/create.c). */
  if (name->count >= name->instances_max &&
      name->instances_max != PIPE_UNLIMITED_INSTANCES)
    return ERROR_PIPE_BUSY;
  /* Wine 10 ignores the flag. */
  if ((open_mode & FILE_FLAG_FIRST_PIPE_INSTANCE) != 0)
    return habits.is_wine ? 0 : ERROR_ACCESS_DENIED;
  /* Of another user, or one that may not be created again. */
  if (name->is_foreign || !name->has_full_access) return ERROR_ACCESS_DENIED;
  return 0;
}

HANDLE WINAPI CreateNamedPipeW(const WCHAR* text,
                               DWORD open_mode,
                               DWORD pipe_mode,
                               DWORD instances_max,
                               DWORD out_size,
                               DWORD in_size,
                               DWORD timeout_ms,
                               SECURITY_ATTRIBUTES* security) {
  (void)out_size;
  (void)in_size;
  (void)timeout_ms;
  kernel_enter();
  if (!pipe_file__is_name(text)) return pipe_file__fails(ERROR_INVALID_NAME);
  pipe_file__check_modes(open_mode, pipe_mode);
  struct security rights = security_of(security);
  pipe_file__check_access(text, rights);
  struct pipe_name* name = npfs_find(text);
  bool is_first = (open_mode & FILE_FLAG_FIRST_PIPE_INSTANCE) != 0;
  /* Another program may have created a pipe of that name, and would get some of
   * the clients. */
  RULE("the first instance of a pipe is created as the first",
       is_first || (name != NULL && !name->is_foreign));
  DWORD error = pipe_file__refusal(name, open_mode, instances_max);
  if (error != 0) return pipe_file__fails(error);
  if (name == NULL) {
    name = npfs_add_name(text, instances_max);
    /* Otherwise "FILE_GENERIC_WRITE enables permission to create the pipe". */
    RULE("others cannot create instances of a pipe",
         (rights.others & SECURITY_MAY_CREATE_INSTANCE) == 0 ||
             wcsstr(text, L"custom") != NULL);
    name->has_full_access = (rights.user & SECURITY_MAY_CREATE_INSTANCE) != 0;
  }
  struct pipe* pipe = npfs_add_instance(name, PROGRAM_ID);
  struct sock* sock =
      pipe_file__sock(pipe->server, security->bInheritHandle != 0);
  if (sock == NULL) {
    npfs_end_close(pipe->server);
    return pipe_file__fails(ERROR_TOO_MANY_OPEN_FILES);
  }
  kernel_succeed();
  return (HANDLE)sock->object.handle;
}

/* The server's end, or NULL with the last error. */
static struct sock* pipe_file__server(HANDLE handle, const char* call) {
  struct sock* sock = pipe_file_find(handle, call);
  if (sock == NULL || sock->pipe->is_server) return sock;
  kernel_fail(ERROR_INVALID_FUNCTION);
  return NULL;
}

static bool pipe_file__is_immediate(const struct op* op) {
  return (op->has_no_packet || sock_skips_packets(op->sock)) &&
         habits_fault(habits.immediate);
}

/* A client comes between the start of the call and its end. Only "if the
 * operation is still pending, the return value is zero" (ConnectNamedPipe(),
 * return value). */
static bool pipe_file__is_met(const struct pipe* pipe, const struct op* op) {
  if (pipe_peer_calls() == 0 || !pipe_file__is_immediate(op)) return false;
  pipe_peer_step(tape_choose(pipe_peer_calls()));
  return pipe->state != PIPE_LISTENING;
}

BOOL WINAPI ConnectNamedPipe(HANDLE handle, OVERLAPPED* overlapped) {
  kernel_enter();
  struct sock* sock = pipe_file__server(handle, "ConnectNamedPipe");
  if (sock == NULL) return FALSE;
  struct pipe* pipe = sock->pipe->pipe;
  RULE("every operation is overlapped", overlapped != NULL);
  RULE("one connect of an instance is pending at a time", pipe->listen == NULL);
  if (habits_fault(habits.kernel_faults))
    return kernel_fail(ERROR_NO_SYSTEM_RESOURCES);
  /* "There is a good connection between client and server, even though the
   * function returns zero." */
  if (pipe->state == PIPE_CONNECTED) return kernel_fail(ERROR_PIPE_CONNECTED);
  if (pipe->state == PIPE_CLOSING) return kernel_fail(ERROR_NO_DATA);
  npfs_listen(pipe);
  struct op* op = op_new(sock, OP_LISTEN, overlapped, "ConnectNamedPipe");
  if (pipe_file__is_met(pipe, op)) {
    op_drop_done(op, STATUS_OK, 0);
    return kernel_succeed();
  }
  pipe->listen = op;
  op_pend(op);
  return op_answer(op);
}

BOOL WINAPI DisconnectNamedPipe(HANDLE handle) {
  kernel_enter();
  struct sock* sock = pipe_file__server(handle, "DisconnectNamedPipe");
  if (sock == NULL) return FALSE;
  if (sock->pipe->pipe->state == PIPE_DISCONNECTED)
    return kernel_fail(ERROR_PIPE_NOT_CONNECTED);
  npfs_disconnect(sock->pipe->pipe);
  return kernel_succeed();
}

/* ---- clients */

/* Other forms of a name mean the same: forward slashes, and "\\?\pipe\". */
static void pipe_file__normalize(const WCHAR* text, WCHAR* to) {
  size_t i = 0;
  for (; text[i] != 0 && i < PIPE_NAME_MAX; i++)
    to[i] = text[i] == '/' ? '\\' : text[i];
  to[i] = 0;
  if (wcsncmp(to, L"\\\\?\\", 4) == 0) to[2] = '.';
}

static void pipe_file__check_open(DWORD access, DWORD flags) {
  /* The path of a file that is to be sent may be the name of a pipe. */
  const DWORD file_flags =
      FILE_FLAG_SEQUENTIAL_SCAN | FILE_FLAG_BACKUP_SEMANTICS;
  bool is_file = access == GENERIC_READ && (flags & file_flags) == file_flags;
  RULE("a pipe is opened for both directions",
       is_file || access == (GENERIC_READ | GENERIC_WRITE));
  RULE("a pipe is opened for overlapped operations",
       is_file || (flags & FILE_FLAG_OVERLAPPED) != 0);
  /* Otherwise the server may act as the client: the default is
   * SecurityImpersonation (CreateFile(), "Impersonation Levels"). */
  RULE("a server of a pipe may identify its client, and no more",
       (flags & SECURITY_SQOS_PRESENT) != 0 &&
           (flags & SECURITY_DELEGATION) <= SECURITY_IDENTIFICATION);
}

HANDLE WINAPI CreateFileW(const WCHAR* text,
                          DWORD access,
                          DWORD share,
                          SECURITY_ATTRIBUTES* security,
                          DWORD disposition,
                          DWORD flags,
                          HANDLE template) {
  WCHAR name[PIPE_NAME_MAX + 1];
  DWORD error;
  kernel_enter();
  /* A path of a volume. */
  if (text[0] != 0 && text[1] == ':')
    return disk_create(text, access, share, disposition, flags);
  pipe_file__normalize(text, name);
  /* "\\server\pipe\name" would be of another machine. */
  RULE("a pipe that is opened is one of this machine",
       wcsncmp(name, L"\\\\.\\", 4) == 0);
  if (wcslen(text) > PIPE_NAME_MAX)
    return pipe_file__fails(ERROR_FILENAME_EXCED_RANGE);
  if (!pipe_file__is_name(name)) return pipe_file__fails(ERROR_INVALID_NAME);
  RULE("a pipe that is opened exists",
       disposition == OPEN_EXISTING && template == NULL);
  pipe_file__check_open(access, flags);
  if (habits_break(habits.kernel_faults))
    return pipe_file__fails(ERROR_NO_SYSTEM_RESOURCES);
  struct sock* sock = sock_new(SOCK_PIPE, false);
  if (sock == NULL) return pipe_file__fails(ERROR_TOO_MANY_OPEN_FILES);
  struct pipe_end* end = npfs_connect(name, PROGRAM_ID, &error);
  if (end == NULL) {
    sock_close(sock);
    return pipe_file__fails(error);
  }
  sock->state = SOCK_CONNECTED;
  sock->is_inheritable = security != NULL && security->bInheritHandle;
  sock->pipe = end;
  end->sock = sock;
  kernel_succeed();
  return (HANDLE)sock->object.handle;
}

/* ---- transfers */

/* "Too many outstanding asynchronous I/O requests", or the quota of the process
 * (ReadFile(), remarks). */
static DWORD pipe_file__many(void) {
  static const DWORD errors[] = {ERROR_NO_SYSTEM_RESOURCES,
                                 ERROR_NOT_ENOUGH_MEMORY,
                                 ERROR_NOT_ENOUGH_QUOTA,
                                 ERROR_INVALID_USER_BUFFER};
  return habits_fault(habits.kernel_faults) ? errors[tape_choose(4)] : 0;
}

/* Why this end cannot transfer, or 0. */
static DWORD pipe_file__end_error(const struct pipe_end* end, bool reads) {
  if (end->pipe == NULL || end->pipe->state == PIPE_DISCONNECTED)
    return ERROR_PIPE_NOT_CONNECTED;
  if (end->pipe->state == PIPE_LISTENING) return ERROR_PIPE_LISTENING;
  if (end->pipe->state == PIPE_CONNECTED) return 0;
  if (!reads) return ERROR_NO_DATA;
  return end->in.count != 0 ? 0 : ERROR_BROKEN_PIPE;
}

/* Why a transfer is refused, or 0. A filter driver may have an error of its
 * own. */
static DWORD pipe_file__transfer_error(const struct pipe_end* end, bool reads) {
  DWORD error = pipe_file__end_error(end, reads);
  if (error == 0) error = pipe_file__many();
  if (error == 0 && sock_has_unknown_error()) error = ERROR_UNKNOWN_CODE;
  return error;
}

/* The other end has written no bytes, see npfs_write_null(). */
static BOOL pipe_file__read_null(struct sock* sock, struct op* op) {
  sock->pipe->has_null = false;
  if (pipe_file__is_immediate(op)) {
    op_drop_done(op, STATUS_OK, 0);
    return kernel_succeed();
  }
  list_push(&sock->receives, &op->node);
  op_pend(op);
  op_done(op, STATUS_OK, 0);
  return op_answer(op);
}

BOOL WINAPI ReadFile(HANDLE handle,
                     void* buffer,
                     DWORD length,
                     DWORD* count,
                     OVERLAPPED* overlapped) {
  kernel_enter();
  if (disk_has(handle))
    return disk_read_file(handle, buffer, length, count, overlapped);
  struct sock* sock = pipe_file_find(handle, "ReadFile");
  if (sock == NULL) return FALSE;
  DWORD error = pipe_file__transfer_error(sock->pipe, true);
  if (error != 0) return kernel_fail(error);
  struct op* op = op_new(sock, OP_RECEIVE, overlapped, "ReadFile");
  op_give_buffer(op, buffer, length);
  op_give_count(op, count);
  if (sock->pipe->has_null) return pipe_file__read_null(sock, op);
  uint32_t readable = sock->pipe->in.count;
  if (list_is_empty(&sock->receives) && readable != 0 &&
      pipe_file__is_immediate(op)) {
    if (readable < length) length = readable;
    if (length > 1 && habits_fault(habits.splits))
      length = 1 + tape_choose(length);
    length = npfs_read(sock->pipe, op->buffer, length);
    op_drop_done(op, STATUS_OK, length);
    return kernel_succeed();
  }
  list_push(&sock->receives, &op->node);
  op_pend(op);
  npfs_moved(sock->pipe);
  return op_answer(op);
}

BOOL WINAPI WriteFile(HANDLE handle,
                      const void* buffer,
                      DWORD length,
                      DWORD* count,
                      OVERLAPPED* overlapped) {
  kernel_enter();
  struct sock* sock = pipe_file_find(handle, "WriteFile");
  if (sock == NULL) return FALSE;
  /* It may look like an end to the other program (libuv #985). */
  RULE("a write to a pipe has bytes", length != 0);
  DWORD error = pipe_file__transfer_error(sock->pipe, false);
  if (error != 0) return kernel_fail(error);
  struct op* op = op_new(sock, OP_SEND, overlapped, "WriteFile");
  op_give_buffer(op, (void*)(uintptr_t)buffer, length);
  op_give_count(op, count);
  if (list_is_empty(&sock->sends) && npfs_room(sock->pipe) >= length &&
      pipe_file__is_immediate(op)) {
    length = npfs_write(sock->pipe, op->buffer, length);
    op_drop_done(op, STATUS_OK, length);
    return kernel_succeed();
  }
  list_push(&sock->sends, &op->node);
  op_pend(op);
  npfs_moved(sock->pipe);
  return op_answer(op);
}

BOOL WINAPI PeekNamedPipe(HANDLE handle,
                          void* buffer,
                          DWORD size,
                          DWORD* read,
                          DWORD* available,
                          DWORD* left) {
  kernel_enter();
  struct sock* sock = pipe_file_find(handle, "PeekNamedPipe");
  if (sock == NULL) return FALSE;
  RULE("a pipe is asked for the number of its bytes",
       buffer == NULL && size == 0 && read == NULL && left == NULL);
  /* "The handle must have GENERIC_READ access." */
  if (sock->cannot_read) return kernel_fail(ERROR_ACCESS_DENIED);
  DWORD error = pipe_file__end_error(sock->pipe, true);
  if (error != 0) return kernel_fail(error);
  if (habits_fault(habits.silences))
    return kernel_fail(ERROR_NO_SYSTEM_RESOURCES);
  *available = sock->pipe->in.count;
  return kernel_succeed();
}

/* ---- queries */

BOOL WINAPI GetNamedPipeInfo(HANDLE handle,
                             DWORD* flags,
                             DWORD* out_size,
                             DWORD* in_size,
                             DWORD* instances_max) {
  kernel_enter();
  struct sock* sock = pipe_file_find(handle, "GetNamedPipeInfo");
  if (sock == NULL) return FALSE;
  /* "GENERIC_WRITE and FILE_READ_ATTRIBUTES access for a write-only pipe." */
  if (sock->cannot_be_asked) return kernel_fail(ERROR_ACCESS_DENIED);
  if (flags != NULL)
    *flags = sock->pipe->is_server ? PIPE_SERVER_END : PIPE_CLIENT_END;
  if (out_size != NULL) *out_size = habits.window;
  if (in_size != NULL) *in_size = habits.window;
  if (instances_max != NULL) *instances_max = PIPE_UNLIMITED_INSTANCES;
  return kernel_succeed();
}

static BOOL pipe_file__id(HANDLE handle,
                          ULONG* id,
                          bool of_client,
                          const char* call) {
  kernel_enter();
  struct sock* sock = pipe_file_find(handle, call);
  if (sock == NULL) return FALSE;
  const struct pipe* pipe = sock->pipe->pipe;
  if (pipe == NULL || pipe->client == NULL)
    return kernel_fail(ERROR_PIPE_NOT_CONNECTED);
  *id = of_client ? pipe->client_id : pipe->server_id;
  return kernel_succeed();
}

BOOL WINAPI GetNamedPipeClientProcessId(HANDLE handle, ULONG* id) {
  return pipe_file__id(handle, id, true, "GetNamedPipeClientProcessId");
}

BOOL WINAPI GetNamedPipeServerProcessId(HANDLE handle, ULONG* id) {
  return pipe_file__id(handle, id, false, "GetNamedPipeServerProcessId");
}

/* "FILE_TYPE_PIPE: the specified file is a socket, a named pipe, or an
 * anonymous pipe." */
DWORD WINAPI GetFileType(HANDLE handle) {
  kernel_enter();
  if (disk_has(handle)) {
    kernel_succeed();
    return FILE_TYPE_DISK;
  }
  if (sock_find_file((uintptr_t)handle, "GetFileType") == NULL) {
    kernel_fail(ERROR_INVALID_HANDLE);
    return FILE_TYPE_UNKNOWN;
  }
  kernel_succeed();
  return FILE_TYPE_PIPE;
}

BOOL WINAPI GetNamedPipeHandleStateW(HANDLE handle,
                                     DWORD* state,
                                     DWORD* instances,
                                     DWORD* collection_max,
                                     DWORD* collection_ms,
                                     WCHAR* user,
                                     DWORD user_size) {
  kernel_enter();
  struct sock* sock = pipe_file_find(handle, "GetNamedPipeHandleStateW");
  if (sock == NULL) return FALSE;
  RULE("a pipe is asked for its state",
       (state != NULL || instances != NULL) && collection_max == NULL &&
           collection_ms == NULL && user == NULL && user_size == 0);
  /* "The pipe instance has not been connected" fails with this. */
  if (sock->pipe->pipe == NULL || sock->pipe->pipe->state == PIPE_DISCONNECTED)
    return kernel_fail(ERROR_PIPE_NOT_CONNECTED);
  if (habits_fault(habits.kernel_faults))
    return kernel_fail(ERROR_NO_SYSTEM_RESOURCES);
  if (state != NULL)
    *state = sock->has_messages ? PIPE_READMODE_MESSAGE : PIPE_READMODE_BYTE;
  if (instances != NULL) *instances = sock->pipe->pipe->name->count;
  return kernel_succeed();
}

/* The name within the file system of pipes ("FILE_NAME_INFO"). */
BOOL WINAPI GetFileInformationByHandleEx(HANDLE handle,
                                         FILE_INFO_BY_HANDLE_CLASS class,
                                         void* information,
                                         DWORD size) {
  kernel_enter();
  if (class == FileAttributeTagInfo && disk_has(handle))
    return disk_query_tag(handle, information, size);
  struct sock* sock = pipe_file_find(handle, "GetFileInformationByHandleEx");
  if (sock == NULL) return FALSE;
  RULE("a file is asked for its name", class == FileNameInfo);
  if (sock->pipe->pipe == NULL) return kernel_fail(ERROR_PIPE_NOT_CONNECTED);
  if (habits_fault(habits.kernel_faults))
    return kernel_fail(ERROR_NO_SYSTEM_RESOURCES);
  const WCHAR* text = program_odd_name(sock->odd_name);
  if (text == NULL)
    text = sock->pipe->pipe->name->text + PIPE__PREFIX_LENGTH - 1;
  DWORD length = (DWORD)(wcslen(text) * sizeof *text);
  if (size < sizeof length + length) return kernel_fail(ERROR_MORE_DATA);
  memcpy(information, &length, sizeof length);
  memcpy((uint8_t*)information + sizeof length, text, length);
  return kernel_succeed();
}
