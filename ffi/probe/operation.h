/* SPDX-License-Identifier: MIT */
/* Overlapped operations of an experiment, and their packets. */
#ifndef PROBE_OPERATION_H
#define PROBE_OPERATION_H

#include <stdbool.h>
#include <stdint.h>

#include "loopback.h"

struct operation {
  OVERLAPPED overlapped;
  DWORD count; /* out-parameters, which the system may write to later */
  DWORD flags;
  uint32_t size;
  char* bytes;
};

/* Never freed, as the system may write to it until the end. */
struct operation* operation_new(uint32_t size);

/* Start an operation. Return 0 if it completed at once, WSA_IO_PENDING, or the
 * error. */
DWORD operation_receive(SOCKET socket, struct operation* operation);
DWORD operation_send(SOCKET socket, struct operation* operation);
DWORD operation_connect(SOCKET socket,
                        const struct sockaddr_in* to,
                        struct operation* operation);
/* `operation` must have room for the addresses (operation_new_accept()). */
struct operation* operation_new_accept(uint32_t data_size);
DWORD operation_accept(SOCKET listener,
                       SOCKET target,
                       struct operation* operation);

/* The peer's port, as a completed accept has stored it. */
uint16_t operation_accept_peer(SOCKET listener, struct operation* operation);

LONG operation_status(const struct operation* operation);
uint32_t operation_bytes(const struct operation* operation);

/* ---- completion ports */

HANDLE port_new(DWORD limit);
void port_tie(HANDLE port, SOCKET socket);
/* Returns 0 or the error of the wait. */
DWORD port_dequeue(HANDLE port, DWORD timeout_ms, OVERLAPPED_ENTRY* entry_out);

/* Whether the packet of the operation arrives in that time; others are
 * discarded. */
bool port_has_ended(HANDLE port,
                    const struct operation* operation,
                    DWORD timeout_ms);
/* Waits for its packet, which must arrive. */
#define NEED_END(port, operation) \
  NEED(port_has_ended(port, operation, LOOPBACK_LONG_MS))

/* Starts a receive on a socket with nothing to read, on a port. */
struct operation* operation_pending_receive(SOCKET socket, HANDLE port);

/* Starts a send of so many bytes that it pends, as the peer reads none. */
struct operation* operation_pending_send(SOCKET socket,
                                         HANDLE port,
                                         char byte,
                                         uint32_t size);

#endif /* PROBE_OPERATION_H */
