/* SPDX-License-Identifier: MIT */
/*
 * The part of windows.h that the Windows engine uses, for the model of Windows
 * (see ../kernel.h). Types have their sizes of 64-bit Windows; names, numbers
 * and prototypes are those of Microsoft's documentation.
 */
#ifndef MODEL_WINDOWS_H
#define MODEL_WINDOWS_H

#include <stddef.h>
#include <stdint.h>
#include <wchar.h>

#define WINAPI
#define CALLBACK
#define NTAPI

typedef int32_t BOOL;
typedef uint8_t BYTE;
typedef uint8_t BOOLEAN;
typedef uint16_t WORD;
typedef uint16_t USHORT;
typedef uint32_t DWORD;
typedef int32_t LONG;
typedef uint32_t ULONG;
typedef uint64_t ULONGLONG;
typedef uintptr_t ULONG_PTR;
typedef wchar_t WCHAR;
typedef void* HANDLE;
typedef void* LPVOID;
typedef HANDLE HMODULE;
typedef HANDLE HINSTANCE;
/* A BSD name, of another size in libc. */
#define u_long model_u_long
typedef uint32_t u_long;

#define TRUE 1
#define FALSE 0
#define INFINITE 0xFFFFFFFFu
#define INVALID_HANDLE_VALUE ((HANDLE)(intptr_t)-1)
#define MAKEWORD(low, high) ((WORD)((low) | (high) << 8))

/* ---- errors */

#define ERROR_INVALID_FUNCTION 1u
#define ERROR_FILE_NOT_FOUND 2u
#define ERROR_PATH_NOT_FOUND 3u
#define ERROR_TOO_MANY_OPEN_FILES 4u
#define ERROR_ACCESS_DENIED 5u
#define ERROR_INVALID_HANDLE 6u
#define ERROR_NOT_ENOUGH_MEMORY 8u
#define ERROR_OUTOFMEMORY 14u
#define ERROR_NOT_SUPPORTED 50u
#define ERROR_WRITE_PROTECT 19u
#define ERROR_HANDLE_DISK_FULL 39u
#define ERROR_REM_NOT_LIST 51u
#define ERROR_BAD_NETPATH 53u
#define ERROR_NETWORK_BUSY 54u
#define ERROR_DEV_NOT_EXIST 55u
#define ERROR_UNEXP_NET_ERR 59u
#define ERROR_NETNAME_DELETED 64u
#define ERROR_NETWORK_ACCESS_DENIED 65u
#define ERROR_REQ_NOT_ACCEP 71u
#define ERROR_CRC 23u
#define ERROR_SHARING_VIOLATION 32u
#define ERROR_LOCK_VIOLATION 33u
#define ERROR_HANDLE_EOF 38u
#define ERROR_FILE_EXISTS 80u
#define ERROR_INVALID_PARAMETER 87u
#define ERROR_BROKEN_PIPE 109u
#define ERROR_DISK_FULL 112u
#define ERROR_SEM_TIMEOUT 121u
#define ERROR_INSUFFICIENT_BUFFER 122u
#define ERROR_INVALID_NAME 123u
#define ERROR_PROC_NOT_FOUND 127u
#define ERROR_BAD_PATHNAME 161u
#define ERROR_ALREADY_EXISTS 183u
#define ERROR_FILENAME_EXCED_RANGE 206u
#define ERROR_BAD_PIPE 230u
#define ERROR_PIPE_BUSY 231u
#define ERROR_NO_DATA 232u
#define ERROR_PIPE_NOT_CONNECTED 233u
#define ERROR_MORE_DATA 234u
#define ERROR_DIRECTORY 267u
#define WAIT_TIMEOUT 258u
#define ERROR_ABANDONED_WAIT_0 735u
#define ERROR_CANT_ACCESS_FILE 1920u
#define ERROR_PIPE_CONNECTED 535u
#define ERROR_PIPE_LISTENING 536u
#define ERROR_OPERATION_ABORTED 995u
#define ERROR_IO_DEVICE 1117u
#define ERROR_IO_PENDING 997u
#define ERROR_NOACCESS 998u
#define ERROR_NOT_FOUND 1168u
#define ERROR_CANCELLED 1223u
#define ERROR_CONNECTION_REFUSED 1225u
#define ERROR_GRACEFUL_DISCONNECT 1226u
#define ERROR_ADDRESS_ALREADY_ASSOCIATED 1227u
#define ERROR_ADDRESS_NOT_ASSOCIATED 1228u
#define ERROR_CONNECTION_INVALID 1229u
#define ERROR_CONNECTION_ACTIVE 1230u
#define ERROR_NETWORK_UNREACHABLE 1231u
#define ERROR_HOST_UNREACHABLE 1232u
#define ERROR_PROTOCOL_UNREACHABLE 1233u
#define ERROR_PORT_UNREACHABLE 1234u
#define ERROR_REQUEST_ABORTED 1235u
#define ERROR_CONNECTION_ABORTED 1236u
#define ERROR_CONNECTION_COUNT_LIMIT 1238u
#define ERROR_HOST_DOWN 1256u
#define ERROR_PRIVILEGE_NOT_HELD 1314u
#define ERROR_NONE_MAPPED 1332u
#define ERROR_INVALID_SECURITY_DESCR 1338u
#define ERROR_NO_SYSTEM_RESOURCES 1450u
#define ERROR_WORKING_SET_QUOTA 1453u
#define ERROR_PAGEFILE_QUOTA 1454u
#define ERROR_COMMITMENT_LIMIT 1455u
#define ERROR_INVALID_USER_BUFFER 1784u
#define ERROR_NOT_ENOUGH_QUOTA 1816u

DWORD WINAPI GetLastError(void);
void WINAPI SetLastError(DWORD error);

/* ---- completion ports and overlapped operations */

typedef struct _OVERLAPPED {
  ULONG_PTR Internal;
  ULONG_PTR InternalHigh;
  union {
    struct {
      DWORD Offset;
      DWORD OffsetHigh;
    };
    void* Pointer;
  };
  HANDLE hEvent;
} OVERLAPPED;

typedef struct _OVERLAPPED_ENTRY {
  ULONG_PTR lpCompletionKey;
  OVERLAPPED* lpOverlapped;
  ULONG_PTR Internal;
  DWORD dwNumberOfBytesTransferred;
} OVERLAPPED_ENTRY;

#define FILE_SKIP_COMPLETION_PORT_ON_SUCCESS 1
#define FILE_SKIP_SET_EVENT_ON_HANDLE 2

HANDLE WINAPI CreateIoCompletionPort(HANDLE file,
                                     HANDLE port,
                                     ULONG_PTR key,
                                     DWORD threads);
BOOL WINAPI GetQueuedCompletionStatusEx(HANDLE port,
                                        OVERLAPPED_ENTRY* entries,
                                        ULONG count,
                                        ULONG* removed,
                                        DWORD timeout_ms,
                                        BOOL alertable);
BOOL WINAPI PostQueuedCompletionStatus(HANDLE port,
                                       DWORD bytes,
                                       ULONG_PTR key,
                                       OVERLAPPED* overlapped);
BOOL WINAPI SetFileCompletionNotificationModes(HANDLE file, BYTE flags);
BOOL WINAPI CancelIoEx(HANDLE file, OVERLAPPED* overlapped);

/* ---- handles and modules */

#define HANDLE_FLAG_INHERIT 1u
#define GET_MODULE_HANDLE_EX_FLAG_PIN 1u
#define GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS 4u

#define LOAD_LIBRARY_SEARCH_SYSTEM32 0x800u

typedef intptr_t(WINAPI* FARPROC)(void);

typedef struct {
  DWORD dwOSVersionInfoSize;
  DWORD dwMajorVersion;
  DWORD dwMinorVersion;
  DWORD dwBuildNumber;
} OSVERSIONINFOW;

#define VER_NT_WORKSTATION 1
#define VER_NT_SERVER 3

typedef struct {
  DWORD dwOSVersionInfoSize;
  DWORD dwMajorVersion;
  DWORD dwMinorVersion;
  DWORD dwBuildNumber;
  BYTE wProductType;
} OSVERSIONINFOEXW;

BOOL WINAPI CloseHandle(HANDLE object);
BOOL WINAPI SetHandleInformation(HANDLE object, DWORD mask, DWORD flags);
HMODULE WINAPI GetModuleHandleW(const WCHAR* name);
BOOL WINAPI GetModuleHandleExW(DWORD flags, const WCHAR* name, HMODULE* module);
FARPROC WINAPI GetProcAddress(HMODULE module, const char* name);
HMODULE WINAPI LoadLibraryExW(const WCHAR* name, HANDLE file, DWORD flags);
BOOL WINAPI FreeLibrary(HMODULE module);

/* ---- files and named pipes */

typedef struct _SECURITY_ATTRIBUTES {
  DWORD nLength;
  LPVOID lpSecurityDescriptor;
  BOOL bInheritHandle;
} SECURITY_ATTRIBUTES;

#define GENERIC_READ 0x80000000u
#define GENERIC_WRITE 0x40000000u
#define DELETE 0x00010000u
#define FILE_READ_ATTRIBUTES 0x80u
#define FILE_SHARE_READ 1u
#define FILE_SHARE_WRITE 2u
#define FILE_SHARE_DELETE 4u
#define OPEN_EXISTING 3u
#define OPEN_ALWAYS 4u
#define FILE_ATTRIBUTE_READONLY 0x1u
#define FILE_ATTRIBUTE_HIDDEN 2u
#define FILE_ATTRIBUTE_DIRECTORY 16u
#define FILE_FLAG_SEQUENTIAL_SCAN 0x08000000u
#define FILE_FLAG_DELETE_ON_CLOSE 0x04000000u
#define FILE_FLAG_BACKUP_SEMANTICS 0x02000000u
#define FILE_FLAG_OPEN_REPARSE_POINT 0x00200000u
#define FILE_FLAG_OVERLAPPED 0x40000000u
#define FILE_FLAG_FIRST_PIPE_INSTANCE 0x00080000u
#define SECURITY_ANONYMOUS 0u
#define SECURITY_IDENTIFICATION 0x00010000u
#define SECURITY_IMPERSONATION 0x00020000u
#define SECURITY_DELEGATION 0x00030000u
#define SECURITY_SQOS_PRESENT 0x00100000u
#define FILE_TYPE_UNKNOWN 0u
#define FILE_TYPE_DISK 1u
#define FILE_TYPE_PIPE 3u

#define PIPE_ACCESS_INBOUND 1u
#define PIPE_ACCESS_OUTBOUND 2u
#define PIPE_ACCESS_DUPLEX 3u
#define PIPE_WAIT 0u
#define PIPE_NOWAIT 1u
#define PIPE_READMODE_BYTE 0u
#define PIPE_READMODE_MESSAGE 2u
#define PIPE_TYPE_BYTE 0u
#define PIPE_TYPE_MESSAGE 4u
#define PIPE_ACCEPT_REMOTE_CLIENTS 0u
#define PIPE_REJECT_REMOTE_CLIENTS 8u
#define PIPE_CLIENT_END 0u
#define PIPE_SERVER_END 1u
#define PIPE_UNLIMITED_INSTANCES 255u

HANDLE WINAPI CreateNamedPipeW(const WCHAR* name,
                               DWORD open_mode,
                               DWORD pipe_mode,
                               DWORD instances_max,
                               DWORD out_size,
                               DWORD in_size,
                               DWORD timeout_ms,
                               SECURITY_ATTRIBUTES* security);
BOOL WINAPI ConnectNamedPipe(HANDLE pipe, OVERLAPPED* overlapped);
BOOL WINAPI DisconnectNamedPipe(HANDLE pipe);
BOOL WINAPI PeekNamedPipe(HANDLE pipe,
                          void* buffer,
                          DWORD size,
                          DWORD* read,
                          DWORD* available,
                          DWORD* left);
BOOL WINAPI GetNamedPipeInfo(HANDLE pipe,
                             DWORD* flags,
                             DWORD* out_size,
                             DWORD* in_size,
                             DWORD* instances_max);
BOOL WINAPI GetNamedPipeClientProcessId(HANDLE pipe, ULONG* id);
BOOL WINAPI GetNamedPipeServerProcessId(HANDLE pipe, ULONG* id);
HANDLE WINAPI CreateFileW(const WCHAR* name,
                          DWORD access,
                          DWORD share,
                          SECURITY_ATTRIBUTES* security,
                          DWORD disposition,
                          DWORD flags,
                          HANDLE template);
BOOL WINAPI ReadFile(HANDLE file,
                     void* buffer,
                     DWORD length,
                     DWORD* count,
                     OVERLAPPED* overlapped);
BOOL WINAPI WriteFile(HANDLE file,
                      const void* buffer,
                      DWORD length,
                      DWORD* count,
                      OVERLAPPED* overlapped);
DWORD WINAPI GetFileType(HANDLE file);
BOOL WINAPI GetNamedPipeHandleStateW(HANDLE pipe,
                                     DWORD* state,
                                     DWORD* instances,
                                     DWORD* collection_max,
                                     DWORD* collection_ms,
                                     WCHAR* user,
                                     DWORD user_size);

typedef enum {
  FileNameInfo = 2,
  FileDispositionInfo = 4,
  FileAttributeTagInfo = 9
} FILE_INFO_BY_HANDLE_CLASS;

typedef struct {
  DWORD FileAttributes;
  DWORD ReparseTag;
} FILE_ATTRIBUTE_TAG_INFO;

typedef struct {
  BOOLEAN DeleteFile;
} FILE_DISPOSITION_INFO;

typedef struct {
  DWORD dwFileAttributes;
  DWORD dwVolumeSerialNumber;
  DWORD nFileSizeHigh;
  DWORD nFileSizeLow;
  DWORD nFileIndexHigh;
  DWORD nFileIndexLow;
} BY_HANDLE_FILE_INFORMATION;

BOOL WINAPI GetFileInformationByHandle(HANDLE file,
                                       BY_HANDLE_FILE_INFORMATION* information);
BOOL WINAPI SetFileInformationByHandle(HANDLE file,
                                       FILE_INFO_BY_HANDLE_CLASS class,
                                       void* information,
                                       DWORD size);

BOOL WINAPI GetFileInformationByHandleEx(HANDLE file,
                                         FILE_INFO_BY_HANDLE_CLASS class,
                                         void* information,
                                         DWORD size);

/* ---- users and security descriptors */

#define TOKEN_QUERY 8u
#define SE_DACL_PRESENT 0x0004u
#define SE_SELF_RELATIVE 0x8000u
#define SECURITY_MAX_SID_SIZE 68

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

typedef struct {
  BYTE Revision;
  BYTE Sbz1;
  WORD Control;
  DWORD Owner;
  DWORD Group;
  DWORD Sacl;
  DWORD Dacl;
} SECURITY_DESCRIPTOR_RELATIVE;

HANDLE WINAPI GetCurrentProcess(void);
DWORD WINAPI GetCurrentProcessId(void);
BOOL WINAPI OpenProcessToken(HANDLE process, DWORD access, HANDLE* token);
BOOL WINAPI GetTokenInformation(HANDLE token,
                                TOKEN_INFORMATION_CLASS class,
                                void* information,
                                DWORD size,
                                DWORD* needed);
void* WINAPI LocalFree(void* memory);

/* ---- memory */

#define MEM_COMMIT 0x1000u
#define MEM_RESERVE 0x2000u
#define MEM_RELEASE 0x8000u
#define PAGE_READWRITE 4u

void* WINAPI VirtualAlloc(void* address, size_t size, DWORD type, DWORD access);
BOOL WINAPI VirtualFree(void* address, size_t size, DWORD type);
HANDLE WINAPI GetProcessHeap(void);
void* WINAPI HeapAlloc(HANDLE heap, DWORD flags, size_t size);
BOOL WINAPI HeapFree(HANDLE heap, DWORD flags, void* block);

/* ---- threads, time and waits */

typedef struct {
  int state;
  void* next; /* for the model, in the list of those that have run */
} INIT_ONCE;
typedef struct {
  DWORD owner;
} SRWLOCK;
typedef struct {
  uint64_t wakes;
} CONDITION_VARIABLE;
typedef struct {
  DWORD dwNumberOfProcessors;
} SYSTEM_INFO;

#define SRWLOCK_INIT {0}
#define CONDITION_VARIABLE_INIT {0}
#define INIT_ONCE_STATIC_INIT {0, NULL}
#define FLS_OUT_OF_INDEXES 0xFFFFFFFFu
#define WT_EXECUTEINWAITTHREAD 4u
#define WT_EXECUTEONLYONCE 8u
#define WAIT_OBJECT_0 0u

typedef BOOL(CALLBACK* PINIT_ONCE_FN)(INIT_ONCE* once,
                                      void* parameter,
                                      void** context);
typedef void(NTAPI* PFLS_CALLBACK_FUNCTION)(void* data);
typedef DWORD(WINAPI* LPTHREAD_START_ROUTINE)(void* argument);
typedef void(CALLBACK* WAITORTIMERCALLBACK)(void* context, BOOLEAN timed_out);

BOOL WINAPI InitOnceExecuteOnce(INIT_ONCE* once,
                                PINIT_ONCE_FN run,
                                void* parameter,
                                void** context);
DWORD WINAPI FlsAlloc(PFLS_CALLBACK_FUNCTION callback);
BOOL WINAPI FlsSetValue(DWORD index, void* data);
DWORD WINAPI GetCurrentThreadId(void);
HANDLE WINAPI CreateThread(void* security,
                           size_t stack,
                           LPTHREAD_START_ROUTINE run,
                           void* argument,
                           DWORD flags,
                           DWORD* id);
HANDLE WINAPI CreateEventW(void* security,
                           BOOL manual_reset,
                           BOOL initial,
                           const WCHAR* name);
DWORD WINAPI WaitForSingleObject(HANDLE object, DWORD timeout_ms);
BOOL WINAPI RegisterWaitForSingleObject(HANDLE* wait,
                                        HANDLE object,
                                        WAITORTIMERCALLBACK run,
                                        void* context,
                                        ULONG timeout_ms,
                                        ULONG flags);
BOOL WINAPI UnregisterWaitEx(HANDLE wait, HANDLE event);
void WINAPI InitializeSRWLock(SRWLOCK* lock);
void WINAPI AcquireSRWLockExclusive(SRWLOCK* lock);
BOOLEAN WINAPI TryAcquireSRWLockExclusive(SRWLOCK* lock);
void WINAPI ReleaseSRWLockExclusive(SRWLOCK* lock);
void WINAPI InitializeConditionVariable(CONDITION_VARIABLE* condition);
BOOL WINAPI SleepConditionVariableSRW(CONDITION_VARIABLE* condition,
                                      SRWLOCK* lock,
                                      DWORD timeout_ms,
                                      ULONG flags);
void WINAPI WakeAllConditionVariable(CONDITION_VARIABLE* condition);
void WINAPI GetSystemInfo(SYSTEM_INFO* info);
ULONGLONG WINAPI GetTickCount64(void);
BOOL WINAPI QueryUnbiasedInterruptTime(ULONGLONG* time_out);
void WINAPI Sleep(DWORD duration_ms);

#endif /* MODEL_WINDOWS_H */
