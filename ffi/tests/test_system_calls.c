/* SPDX-License-Identifier: MIT */
/*
 * A message costs one system call to receive and one to send, and nothing else:
 * no second receive that finds nothing, no registration, no extra packet. The
 * system is asked for each address of a connection at most once, and for none
 * at a close.
 *
 * The library's calls are counted where it imports them, so the test does not
 * depend on tools or on speed. Dequeueing is not counted there: one call takes
 * a batch whose size depends on timing. A short wait for a message and its poll
 * need one call in all.
 */
#include <string.h>

#include "iocp.h"
#include "shared/drive.h"
#include "shared/raw.h"
#include "shared/test.h"

enum call {
  CALL_RECEIVE,
  CALL_SEND,
  CALL_LOCAL,
  CALL_PEER,
  CALL_WAIT,
  CALL_OTHER,
  CALLS
};

static uint64_t counts[CALLS];

#if defined(_WIN32)
#include <winsock2.h>
#include <windows.h>

/* Calls this program's import of that name; the library's own import is
 * replaced by the function that counts. */
static int WSAAPI count_receive(SOCKET socket,
                                WSABUF* buffers,
                                DWORD buffer_count,
                                DWORD* received,
                                DWORD* flags,
                                WSAOVERLAPPED* overlapped,
                                LPWSAOVERLAPPED_COMPLETION_ROUTINE routine) {
  counts[CALL_RECEIVE]++;
  return WSARecv(
      socket, buffers, buffer_count, received, flags, overlapped, routine);
}

static int WSAAPI
count_send_overlapped(SOCKET socket,
                      WSABUF* buffers,
                      DWORD buffer_count,
                      DWORD* sent,
                      DWORD flags,
                      WSAOVERLAPPED* overlapped,
                      LPWSAOVERLAPPED_COMPLETION_ROUTINE routine) {
  counts[CALL_SEND]++;
  return WSASend(
      socket, buffers, buffer_count, sent, flags, overlapped, routine);
}

static int WSAAPI count_receive_plain(SOCKET socket,
                                      char* buffer,
                                      int length,
                                      int flags) {
  counts[CALL_RECEIVE]++;
  return recv(socket, buffer, length, flags);
}

static int WSAAPI count_send_plain(SOCKET socket,
                                   const char* buffer,
                                   int length,
                                   int flags) {
  counts[CALL_SEND]++;
  return send(socket, buffer, length, flags);
}

static int WSAAPI count_local(SOCKET socket, SOCKADDR* address, int* length) {
  counts[CALL_LOCAL]++;
  return getsockname(socket, address, length);
}

static int WSAAPI count_peer(SOCKET socket, SOCKADDR* address, int* length) {
  counts[CALL_PEER]++;
  return getpeername(socket, address, length);
}

static int WSAAPI count_control(SOCKET socket, long command, u_long* argument) {
  counts[CALL_OTHER]++;
  return ioctlsocket(socket, command, argument);
}

static BOOL WINAPI count_post(HANDLE port,
                              DWORD bytes,
                              ULONG_PTR key,
                              OVERLAPPED* overlapped) {
  counts[CALL_OTHER]++;
  return PostQueuedCompletionStatus(port, bytes, key, overlapped);
}

/* Under Wine the library avoids non-blocking sends, which may lose bytes there
 * (winsock.c). This test counts the calls on Windows. */
static FARPROC WINAPI hide_wine(HMODULE module, const char* name) {
  if ((uintptr_t)name > 0xffff && strcmp(name, "wine_get_version") == 0)
    return NULL;
  return GetProcAddress(module, name);
}

static const struct {
  const char* name;
  void* function;
} replacements[] = {{"WSARecv", (void*)count_receive},
                    {"WSASend", (void*)count_send_overlapped},
                    {"recv", (void*)count_receive_plain},
                    {"send", (void*)count_send_plain},
                    {"getsockname", (void*)count_local},
                    {"getpeername", (void*)count_peer},
                    {"ioctlsocket", (void*)count_control},
                    {"PostQueuedCompletionStatus", (void*)count_post},
                    {"GetProcAddress", (void*)hide_wine}};

static void replace_import(const char* name, void** entry) {
  for (size_t i = 0; i < sizeof replacements / sizeof *replacements; i++) {
    DWORD protection;
    if (strcmp(name, replacements[i].name) != 0) continue;
    check(VirtualProtect(entry, sizeof *entry, PAGE_READWRITE, &protection));
    *entry = replacements[i].function;
    check(VirtualProtect(entry, sizeof *entry, protection, &protection));
  }
}

/* Walks the import table of the library ("PE Format", .idata). */
static void count_calls(void) {
  uint8_t* base = (uint8_t*)GetModuleHandleW(L"iocp.dll");
  check(base != NULL);
  const IMAGE_NT_HEADERS* headers =
      (const void*)(base + ((const IMAGE_DOS_HEADER*)base)->e_lfanew);
  const IMAGE_DATA_DIRECTORY* directory =
      &headers->OptionalHeader.DataDirectory[IMAGE_DIRECTORY_ENTRY_IMPORT];
  const IMAGE_IMPORT_DESCRIPTOR* library =
      (const void*)(base + directory->VirtualAddress);
  for (; library->Name != 0; library++) {
    const uint64_t* names = (const void*)(base + library->OriginalFirstThunk);
    void** entries = (void**)(base + library->FirstThunk);
    for (; *names != 0; names++, entries++) {
      if (IMAGE_SNAP_BY_ORDINAL64(*names)) continue;
      const IMAGE_IMPORT_BY_NAME* import = (const void*)(base + *names);
      replace_import((const char*)import->Name, entries);
    }
  }
}
#else
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The dynamic linker prefers these to the functions of the C library. */
ssize_t recv(int fd, void* buffer, size_t length, int flags) {
  counts[CALL_RECEIVE]++;
  return syscall(SYS_recvfrom, fd, buffer, length, flags, NULL, NULL);
}

ssize_t send(int fd, const void* buffer, size_t length, int flags) {
  counts[CALL_SEND]++;
  return syscall(SYS_sendto, fd, buffer, length, flags, NULL, 0);
}

int getsockname(int fd, struct sockaddr* address, socklen_t* length) {
  counts[CALL_LOCAL]++;
  return (int)syscall(SYS_getsockname, fd, address, length);
}

int getpeername(int fd, struct sockaddr* address, socklen_t* length) {
  counts[CALL_PEER]++;
  return (int)syscall(SYS_getpeername, fd, address, length);
}

int poll(struct pollfd* entries, nfds_t count, int timeout_ms) {
  /* With a timeout it is a wait for the port. */
  counts[timeout_ms == 0 ? CALL_OTHER : CALL_WAIT]++;
  return (int)syscall(SYS_poll, entries, count, timeout_ms);
}

int epoll_ctl(int epoll_fd, int how, int fd, struct epoll_event* event) {
  counts[CALL_OTHER]++;
  return (int)syscall(SYS_epoll_ctl, epoll_fd, how, fd, event);
}

int epoll_wait(int epoll_fd,
               struct epoll_event* events,
               int capacity,
               int timeout_ms) {
  counts[CALL_WAIT]++;
  return (int)syscall(
      SYS_epoll_pwait, epoll_fd, events, capacity, timeout_ms, NULL, 0);
}

static void count_calls(void) {}
#endif

#define PAIRS 10
#define MESSAGES 400 /* of each pair, which are counted */
#define WARM_UP 20
#define BYTES 64u

struct end {
  bool is_server;
  uint32_t answered; /* of a client */
  uint32_t goal;
};

static uint32_t waiting;

static void echo(struct drive_socket* socket,
                 const struct iocp_record* record,
                 const uint8_t* bytes) {
  struct end* end = socket->user;
  if (end == NULL || bytes == NULL) return;
  /* A message of 64 bytes is never split on the loopback interface. */
  check_is(record->result, BYTES);
  drive_receive(socket, BYTES);
  if (end->is_server || ++end->answered < end->goal)
    drive_send(socket, bytes, BYTES);
  else
    waiting--;
}

static void exchange(struct drive* drive,
                     struct drive_socket** clients,
                     struct end* ends,
                     uint32_t messages) {
  uint8_t message[BYTES] = {0};
  waiting = PAIRS;
  for (uint32_t i = 0; i < PAIRS; i++) {
    ends[i].goal = ends[i].answered + messages;
    drive_send(clients[i], message, BYTES);
  }
  drive_until(drive, waiting == 0);
}

static void one_receive_and_one_send_a_message(void) {
  struct drive drive;
  struct drive_socket* clients[PAIRS];
  struct end ends[PAIRS] = {{0}};
  struct end server = {.is_server = true};
  count_calls();
  drive_open(&drive);
  drive.on_record = echo;
  for (uint32_t i = 0; i < PAIRS; i++) {
    struct drive_socket* accepted;
    drive_pair(&drive, &clients[i], &accepted);
    clients[i]->user = &ends[i];
    accepted->user = &server;
    drive_receive(clients[i], 1 << 20);
    drive_receive(accepted, 1 << 20);
  }
  exchange(&drive, clients, ends, WARM_UP);
  memset(counts, 0, sizeof counts);
  exchange(&drive, clients, ends, MESSAGES);
  /* Each message is sent to the server and back. */
  uint64_t moved = 2 * PAIRS * MESSAGES;
  check_is(counts[CALL_SEND], moved);
  check(counts[CALL_RECEIVE] >= moved);
  /* Each receiver of a pair may post one more receive after its last
   * message. */
  check(counts[CALL_RECEIVE] <= moved + 2 * PAIRS);
  check(counts[CALL_OTHER] <= 2 * PAIRS);
  drive_finish(&drive);
}

#ifndef _WIN32
/* The kernel may wake a thread that waits in the instance on the core of the
 * sender, and one that polls the instance on another core only. */
static void a_short_wait_dequeues(void) {
  struct drive drive;
  host_socket raw;
  drive_open(&drive);
  struct drive_socket* socket = drive_raw_receiver(&drive, &raw);
  for (uint32_t i = 0; i < 10; i++) {
    drive_raw_send(&drive, raw, 0, i, 1);
    memset(counts, 0, sizeof counts);
    check_is(iocp_wait_here(drive.port, IOCP_WAIT_HERE_MAX), 1);
    check_is(drive_poll(&drive), 1);
    check_is(socket->received, i + 1);
    check_is(counts[CALL_WAIT], 1);
    check_is(counts[CALL_OTHER], 0);
    /* The next poll looks again. */
    check_is(drive_poll(&drive), 0);
    check_is(counts[CALL_WAIT], 2);
  }
  raw_close(raw);
  drive_finish(&drive);
}
#endif

static void check_addresses(const struct drive* drive,
                            const struct drive_socket* socket,
                            uint64_t locals,
                            uint64_t peers) {
  struct iocp_address address;
  memset(counts, 0, sizeof counts);
  check_is(iocp_get_address(drive->port,
                            socket->id,
                            IOCP_LOCAL,
                            &address,
                            sizeof(struct iocp_address)),
           sizeof(struct iocp_address));
  check_is(iocp_get_address(drive->port,
                            socket->id,
                            IOCP_PEER,
                            &address,
                            sizeof(struct iocp_address)),
           sizeof(struct iocp_address));
  check_is(counts[CALL_LOCAL], locals);
  check_is(counts[CALL_PEER], peers);
}

static void addresses_are_queried_once(void) {
  struct drive drive;
  struct drive_socket *client, *accepted;
  count_calls();
  drive_open(&drive);
  drive_pair(&drive, &client, &accepted);
  /* A connect asks for both ends: for the peer in the system's own form, and
   * because a socket must not be connected to itself. */
  check_addresses(&drive, client, 0, 0);
  /* An accept returns the peer's address. */
  check_addresses(&drive, accepted, 1, 0);
  memset(counts, 0, sizeof counts);
  drive_close(client, IOCP_GRACEFUL, 1000);
  drive_close(accepted, IOCP_GRACEFUL, 1000);
  drive_until(&drive, client->is_closed && accepted->is_closed);
  check_is(counts[CALL_LOCAL] + counts[CALL_PEER], 0);
  drive_pair(&drive, &client, &accepted);
  /* One more for the listener, whose port drive_pair() needs. */
  check_is(counts[CALL_LOCAL], 2);
  check_is(counts[CALL_PEER], 1);
  memset(counts, 0, sizeof counts);
  drive_close(client, IOCP_RESET, 0);
  drive_close(accepted, IOCP_RESET, 0);
  drive_until(&drive, client->is_closed && accepted->is_closed);
  check_is(counts[CALL_LOCAL] + counts[CALL_PEER], 0);
  drive_finish(&drive);
}

TEST_MAIN(TEST_CASE(one_receive_and_one_send_a_message),
#ifndef _WIN32
          TEST_CASE(a_short_wait_dequeues),
#endif
          TEST_CASE(addresses_are_queried_once))
