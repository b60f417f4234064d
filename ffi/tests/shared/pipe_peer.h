/* SPDX-License-Identifier: MIT */
/*
 * Both ends of a named pipe in the plain calls of Windows: CreateFile(),
 * CreateNamedPipe(), ReadFile() and WriteFile(), none of them overlapped. They
 * return false on a system without named pipes.
 *
 * A connection has two parts. First the client sends `total` bytes in pieces,
 * and waits for the echo of each. Then it sends as many bytes again, and only
 * when it has sent all of them, the server sends them back and closes the pipe.
 * So the server's close comes while much of it was not read.
 */
#ifndef TESTS_PIPE_PEER_H
#define TESTS_PIPE_PEER_H

#include <stdbool.h>
#include <stdint.h>

/* Sends the stream `seed`, and checks that exactly the same bytes come back,
 * and then the end of the pipe. */
bool pipe_peer_client(const char* name, uint64_t total, uint64_t seed);

/* Prints that it listens, and serves one client. `disconnects`: it ends the
 * pipe by FlushFileBuffers() and DisconnectNamedPipe(), as Microsoft's examples
 * do, and not by CloseHandle() alone. */
bool pipe_peer_server(const char* name, uint64_t total, bool disconnects);

#endif /* TESTS_PIPE_PEER_H */
