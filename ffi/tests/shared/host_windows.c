/* SPDX-License-Identifier: MIT */
#if defined(_WIN32)
#include <winsock2.h>
#include <ws2tcpip.h>
#include <windows.h>
/* After windows.h, which they need. */
#include <mswsock.h>
#include <psapi.h>
#include <stdio.h>
#include <stdlib.h>

#include "check.h"
#include "host.h"
#include "iocp.h"

#define HOST__WIDE(text) HOST__WIDER(text)
#define HOST__WIDER(text) L##text

static volatile LONG64 host__deadline_ms;

static bool host__is_over(void) {
  LONG64 deadline_ms = InterlockedCompareExchange64(&host__deadline_ms, 0, 0);
  return deadline_ms != 0 && (LONG64)GetTickCount64() >= deadline_ms;
}

static DWORD WINAPI host__watch(void* unused) {
  (void)unused;
  while (!host__is_over()) Sleep(200);
  fprintf(stderr, "the watchdog ended the test: it hangs\n");
  fflush(stderr);
  TerminateProcess(GetCurrentProcess(), 1);
  return 1;
}

void host_start(void) {
  WSADATA data;
  check_is(WSAStartup(MAKEWORD(2, 2), &data), 0);
  HANDLE thread = CreateThread(NULL, 0, host__watch, NULL, 0, NULL);
  check(thread != NULL);
  CloseHandle(thread);
}

void host_broken_pipe_ends(bool does_end) { (void)does_end; }

int32_t host_last_error(void) { return (int32_t)GetLastError(); }

uint64_t host_now_ms(void) { return GetTickCount64(); }

void host_sleep_ms(uint32_t duration_ms) { Sleep(duration_ms); }

void host_watchdog(uint32_t seconds) {
  LONG64 deadline_ms =
      seconds == 0 ? 0 : (LONG64)GetTickCount64() + (LONG64)seconds * 1000;
  InterlockedExchange64(&host__deadline_ms, deadline_ms);
}

int32_t host_handle_count(void) {
  DWORD count = 0;
  check(GetProcessHandleCount(GetCurrentProcess(), &count));
  return (int32_t)count;
}

/* Winsock and the thread pool open some handles at their first use. */
int32_t host_handle_slack(void) { return 8; }

int64_t host_memory(void) {
  PROCESS_MEMORY_COUNTERS counters;
  check(GetProcessMemoryInfo(GetCurrentProcess(), &counters, sizeof counters));
  return (int64_t)counters.WorkingSetSize;
}

int64_t host_memory_slack(void) { return 0; }

bool host_limit_handles(int32_t count) {
  (void)count;
  return false;
}

struct host_thread {
  HANDLE thread;
  host_thread_main* run;
  void* argument;
};

static DWORD WINAPI host__thread_main(void* argument) {
  struct host_thread* thread = argument;
  thread->run(thread->argument);
  return 0;
}

struct host_thread* host_thread_start(host_thread_main* run, void* argument) {
  struct host_thread* thread = malloc(sizeof *thread);
  check(thread != NULL);
  thread->run = run;
  thread->argument = argument;
  thread->thread = CreateThread(NULL, 0, host__thread_main, thread, 0, NULL);
  check(thread->thread != NULL);
  return thread;
}

void host_thread_join(struct host_thread* thread) {
  check_is(WaitForSingleObject(thread->thread, INFINITE), WAIT_OBJECT_0);
  CloseHandle(thread->thread);
  free(thread);
}

struct host_child {
  HANDLE process;
};

struct host_child* host_child_start(void) {
  wchar_t path[1024];
  wchar_t command[] = L"child " HOST__WIDE(HOST_CHILD);
  STARTUPINFOW startup = {.cb = sizeof startup};
  PROCESS_INFORMATION information;
  struct host_child* child = malloc(sizeof *child);
  check(child != NULL);
  check(GetModuleFileNameW(NULL, path, 1024) < 1024);
  check(CreateProcessW(
      path, command, NULL, NULL, TRUE, 0, NULL, NULL, &startup, &information));
  CloseHandle(information.hThread);
  child->process = information.hProcess;
  return child;
}

void host_child_end(struct host_child* child) {
  /* If it has ended before, it did not hold the handles. */
  check_is(WaitForSingleObject(child->process, 0), WAIT_TIMEOUT);
  check(TerminateProcess(child->process, 0));
  check_is(WaitForSingleObject(child->process, INFINITE), WAIT_OBJECT_0);
  CloseHandle(child->process);
  free(child);
}

int32_t host_socket_error(void) {
  switch (WSAGetLastError()) {
    case WSAEWOULDBLOCK:
      return HOST_WOULD_BLOCK;
    case WSAECONNRESET:
      return -IOCP_ECONNRESET;
    case WSAECONNABORTED:
      return -IOCP_ECONNABORTED;
    case WSAECONNREFUSED:
      return -IOCP_ECONNREFUSED;
    case WSAEADDRINUSE:
      return -IOCP_EADDRINUSE;
    case WSAEACCES:
      return -IOCP_EACCES;
    case WSAESHUTDOWN:
      return -IOCP_EPIPE;
    case WSAENOTCONN:
      return -IOCP_ENOTCONN;
    case WSAENETRESET:
      return -IOCP_ENETRESET;
    case WSAETIMEDOUT:
      return -IOCP_ETIMEDOUT;
    case WSAEAFNOSUPPORT:
      return -IOCP_EAFNOSUPPORT;
    case WSAEADDRNOTAVAIL:
      return -IOCP_EADDRNOTAVAIL;
    case WSAENOTSOCK:
      return -IOCP_ENOTSOCK;
    default:
      return -IOCP_EUNKNOWN;
  }
}

void host_socket_show_hops(host_socket socket, bool is_ipv6) {
  DWORD one = 1;
  check_is(setsockopt((SOCKET)socket,
                      is_ipv6 ? IPPROTO_IPV6 : IPPROTO_IP,
                      is_ipv6 ? IPV6_HOPLIMIT : IP_RECVTTL,
                      (const char*)&one,
                      sizeof one),
           0);
}

int32_t host_socket_receive_hops(host_socket socket) {
  GUID id = WSAID_WSARECVMSG;
  LPFN_WSARECVMSG receive = NULL;
  DWORD length;
  char bytes[16], control[64];
  int32_t hops;
  WSABUF buffer = {.buf = bytes, .len = sizeof bytes};
  WSAMSG message = {.lpBuffers = &buffer,
                    .dwBufferCount = 1,
                    .Control = {.buf = control, .len = sizeof control}};
  check_is(WSAIoctl((SOCKET)socket,
                    SIO_GET_EXTENSION_FUNCTION_POINTER,
                    &id,
                    sizeof id,
                    &receive,
                    sizeof receive,
                    &length,
                    NULL,
                    NULL),
           0);
  check_is(receive((SOCKET)socket, &message, &length, NULL, NULL), 0);
  WSACMSGHDR* header = WSA_CMSG_FIRSTHDR(&message);
  check(header != NULL && header->cmsg_len == WSA_CMSG_LEN(sizeof hops));
  memcpy(&hops, WSA_CMSG_DATA(header), sizeof hops);
  return hops;
}

/* Under Wine the first call that notices a reset gets the error. If that is
 * Wine's server, a later receive returns the end of the stream. */
bool host_socket_was_reset(host_socket socket) {
  WSAPOLLFD entry = {.fd = (SOCKET)socket, .events = POLLRDNORM};
  check(WSAPoll(&entry, 1, 0) >= 0);
  return (entry.revents & POLLERR) != 0;
}

host_socket host_socket_open_synchronous(void) {
  SOCKET socket = WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, NULL, 0, 0);
  check(socket != INVALID_SOCKET);
  return (host_socket)socket;
}

void host_socket_set_blocking(host_socket socket, bool is_blocking) {
  u_long is_non_blocking = !is_blocking;
  check_is(ioctlsocket((SOCKET)socket, (long)FIONBIO, &is_non_blocking), 0);
}

void host_socket_close(host_socket socket) {
  check_is(closesocket((SOCKET)socket), 0);
}

void host_socket_skip_packets(host_socket socket) {
  check(SetFileCompletionNotificationModes(
      (HANDLE)socket,
      FILE_SKIP_COMPLETION_PORT_ON_SUCCESS | FILE_SKIP_SET_EVENT_ON_HANDLE));
}

host_socket host_other_open(void) {
  return (host_socket)CreateEventW(NULL, FALSE, FALSE, NULL);
}

void host_other_close(host_socket other) { check(CloseHandle((HANDLE)other)); }

#else
typedef int host_windows_is_not_compiled;
#endif

bool host_posts_operations(void) { return true; }
