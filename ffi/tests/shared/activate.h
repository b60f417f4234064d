/* SPDX-License-Identifier: MIT */
/* What a service manager does: it makes listening sockets, keeps them, and
 * starts the program of the service with them, again and again. */
#ifndef TESTS_ACTIVATE_H
#define TESTS_ACTIVATE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Starts `command`, which ends with a NULL, `runs` times, one after the other,
 * with a TCP listener on 127.0.0.1 as descriptor 3, named "web", and a unix
 * socket with an abstract name as descriptor 4, named "local"
 * (sd_listen_fds(3)). Prints the port, the name, and the id of each process.
 * Returns false on a system without such services.
 */
bool activate(uint32_t runs, char** command);

/*
 * Becomes `command` with a socket for each letter of `kinds` as descriptors 3
 * and following, all of them TCP or UDP on 127.0.0.1, whose ports it prints:
 * "l" listens for streams, "s" is a stream that does not, "d" is for datagrams.
 * Returns only on a system without such services, with false.
 */
bool activate_with(const char* kinds, char** command);

#endif /* TESTS_ACTIVATE_H */
