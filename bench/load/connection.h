/* SPDX-License-Identifier: MIT */
/* A connection to the server, and the epoll instance that all are in. */
#ifndef CONNECTION_H
#define CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SILENCE_MS 10000

struct connection {
  int fd;
  uint32_t index;
  bool is_full;      /* waits to be writable */
  uint64_t base;     /* where in the pattern its stream begins */
  uint64_t owed;     /* may be sent, in all */
  uint64_t sent;     /* bytes */
  uint64_t received; /* bytes */
  void* own;         /* what the kind of load knows of it */
};

/* Works off an event of a connection. */
typedef void connection_handler(struct connection* connection, uint32_t events);

/* Memory for `count`, each with `own_size` zero bytes of its own. */
struct connection* connections_allocate(uint64_t count, size_t own_size);

/* The same, and opens them. */
struct connection* connections_open(uint64_t count, size_t own_size);

/* Opens one, and waits until it is connected. */
void connection_open(struct connection* connection);

void connection_close(struct connection* connection);

/* Says which events are waited for (EPOLLIN, EPOLLOUT). */
void connection_watch(struct connection* connection, uint32_t events);

/* Sends what is owed of its stream, as far as the system takes it. */
void connection_send(struct connection* connection);

/*
 * Receives into the common buffer; returns the number of bytes, 0 when there
 * are none now, and ends the program when the server has ended the connection.
 */
size_t connection_receive(struct connection* connection);

/* The same, and whether these are the bytes of the pattern at `base` and on. */
size_t connection_receive_checked(struct connection* connection, uint64_t base);

/* Receives, if the events say so, what comes back of what was sent; true when
 * something has. */
bool connection_receive_echo(struct connection* connection, uint32_t events);

/* What was received last. */
const uint8_t* received_bytes(void);

/*
 * Waits until something is ready, at most so long, and works it off. Nothing
 * for SILENCE_MS ends the program.
 */
void connections_turn(connection_handler* handler);
void connections_turn_for(connection_handler* handler, uint64_t wait_ns);

#endif /* CONNECTION_H */
