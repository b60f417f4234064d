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

#endif /* TESTS_ACTIVATE_H */
