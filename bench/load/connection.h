/* SPDX-License-Identifier: MIT */
/*
 * A connection to the server, and the epoll instance that all are in. What is
 * sent are bytes of a stream that repeats after a prime number of them: where a
 * part is lost, repeated or out of order, the rest does not match.
 */
#ifndef CONNECTION_H
#define CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct connection {
  int fd;
  bool is_full;      /* waits to be writable */
  bool is_ending;    /* has sent its end */
  uint64_t begun_ns; /* when its last exchange began */
  uint64_t base;     /* where its bytes begin in the stream */
  uint64_t owed;     /* bytes to be sent, in all */
  uint64_t sent;     /* bytes */
  uint64_t received; /* bytes */
  void* own;         /* belongs to the kind of load */
};

typedef void connection_handler(struct connection* connection);

/* Memory for options.connections, each with `own_size` zero bytes. */
struct connection* connections_allocate(size_t own_size);

/* The same, and connects them. */
struct connection* connections_open(size_t own_size);

void connection_open(struct connection* connection);

/* Owes one message more, and sends what the system has room for. */
void connection_send_message(struct connection* connection);

/*
 * Receives into the common buffer; returns the number of bytes, 0 if there are
 * none now. Ends the program if the server has ended the connection.
 */
size_t connection_receive(struct connection* connection);
const uint8_t* received_bytes(void);

/* The same, and ends the program unless these are the bytes of the stream from
 * `base` on. */
size_t connection_receive_checked(struct connection* connection, uint64_t base);

/* Sends what is owed, and receives what comes back; true when all has. */
bool connection_echo(struct connection* connection);

/* Waits for events, and handles them. The first form ends the program after 10
 * s without any; the second waits at most for so long and returns their number.
 */
void connections_turn(connection_handler* handler);
int connections_turn_for(connection_handler* handler, uint64_t wait_ns);

#endif /* CONNECTION_H */
