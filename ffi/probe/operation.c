/* SPDX-License-Identifier: MIT */
#include "operation.h"

#include <string.h>

#include "answer.h"

/* "At least 16 bytes more than the maximum address length" (AcceptEx()). */
#define OPERATION__NAME (sizeof(struct sockaddr_storage) + 16)

struct operation* operation_new(uint32_t size) {
  struct operation* operation = VirtualAlloc(
      NULL, sizeof *operation + size, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
  NEED(operation != NULL);
  operation->size = size;
  operation->bytes = (char*)(operation + 1);
  return operation;
}

struct operation* operation_new_accept(uint32_t data_size) {
  struct operation* operation =
      operation_new(data_size + 2 * (uint32_t)OPERATION__NAME);
  operation->size = data_size;
  return operation;
}

static DWORD operation__result(bool is_done) {
  return is_done ? 0 : (DWORD)WSAGetLastError();
}

DWORD operation_receive(SOCKET socket, struct operation* operation) {
  WSABUF buffer = {operation->size, operation->bytes};
  return operation__result(WSARecv(socket,
                                   &buffer,
                                   1,
                                   NULL,
                                   &operation->flags,
                                   &operation->overlapped,
                                   NULL) == 0);
}

DWORD operation_send(SOCKET socket, struct operation* operation) {
  WSABUF buffer = {operation->size, operation->bytes};
  return operation__result(
      WSASend(socket, &buffer, 1, NULL, 0, &operation->overlapped, NULL) == 0);
}

static void operation__extension(SOCKET socket,
                                 GUID id,
                                 void* function_out,
                                 DWORD size) {
  DWORD length;
  NEED(WSAIoctl(socket,
                SIO_GET_EXTENSION_FUNCTION_POINTER,
                &id,
                sizeof id,
                function_out,
                size,
                &length,
                NULL,
                NULL) == 0);
}

DWORD operation_connect(SOCKET socket,
                        const struct sockaddr_in* to,
                        struct operation* operation) {
  LPFN_CONNECTEX connect_ex;
  GUID id = WSAID_CONNECTEX;
  operation__extension(socket, id, &connect_ex, sizeof connect_ex);
  return operation__result(connect_ex(socket,
                                      (const struct sockaddr*)to,
                                      sizeof *to,
                                      NULL,
                                      0,
                                      &operation->count,
                                      &operation->overlapped));
}

DWORD operation_accept(SOCKET listener,
                       SOCKET target,
                       struct operation* operation) {
  LPFN_ACCEPTEX accept_ex;
  GUID id = WSAID_ACCEPTEX;
  operation__extension(listener, id, &accept_ex, sizeof accept_ex);
  return operation__result(accept_ex(listener,
                                     target,
                                     operation->bytes,
                                     operation->size,
                                     OPERATION__NAME,
                                     OPERATION__NAME,
                                     &operation->count,
                                     &operation->overlapped));
}

uint16_t operation_accept_peer(SOCKET listener, struct operation* operation) {
  LPFN_GETACCEPTEXSOCKADDRS get;
  GUID id = WSAID_GETACCEPTEXSOCKADDRS;
  struct sockaddr* local;
  struct sockaddr* remote;
  int local_length;
  int remote_length;
  operation__extension(listener, id, &get, sizeof get);
  get(operation->bytes,
      operation->size,
      OPERATION__NAME,
      OPERATION__NAME,
      &local,
      &local_length,
      &remote,
      &remote_length);
  return ntohs(((struct sockaddr_in*)(void*)remote)->sin_port);
}

LONG operation_status(const struct operation* operation) {
  return (LONG)operation->overlapped.Internal;
}

uint32_t operation_bytes(const struct operation* operation) {
  return (uint32_t)operation->overlapped.InternalHigh;
}

/* ---- completion ports */

HANDLE port_new(DWORD limit) {
  HANDLE port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, limit);
  NEED(port != NULL);
  return port;
}

void port_tie(HANDLE port, SOCKET socket) {
  NEED(CreateIoCompletionPort((HANDLE)socket, port, 1, 0) == port);
}

DWORD port_dequeue(HANDLE port, DWORD timeout_ms, OVERLAPPED_ENTRY* entry_out) {
  ULONG count = 0;
  if (GetQueuedCompletionStatusEx(
          port, entry_out, 1, &count, timeout_ms, FALSE))
    return 0;
  return GetLastError();
}

bool port_has_ended(HANDLE port,
                    const struct operation* operation,
                    DWORD timeout_ms) {
  OVERLAPPED_ENTRY entry;
  while (port_dequeue(port, timeout_ms, &entry) == 0)
    if (entry.lpOverlapped == &operation->overlapped) return true;
  return false;
}

struct operation* operation_pending_receive(SOCKET socket, HANDLE port) {
  struct operation* operation = operation_new(64);
  port_tie(port, socket);
  NEED(operation_receive(socket, operation) == WSA_IO_PENDING);
  return operation;
}

struct operation* operation_pending_send(SOCKET socket,
                                         HANDLE port,
                                         char byte,
                                         uint32_t size) {
  struct operation* operation = operation_new(size);
  memset(operation->bytes, byte, size);
  port_tie(port, socket);
  NEED(operation_send(socket, operation) == WSA_IO_PENDING);
  NEED(!port_has_ended(port, operation, LOOPBACK_QUIET_MS));
  return operation;
}
