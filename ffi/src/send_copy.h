/* SPDX-License-Identifier: MIT */
/*
 * Send copies: what iocp_send() copied because the kernel did not accept it at
 * once, oldest first. They are sent in that order, and reported in that order.
 * A part of a file that the system sends by itself has a place among them.
 *
 *   finished, unreported | in flight, or still to be sent | newest
 *   first ------------------------------------------------> last
 */
#ifndef IOCP_SEND_COPY_H
#define IOCP_SEND_COPY_H

#include "file.h"

struct send_copy {
  struct list_node node; /* in `send_copies` of the socket */
  struct socket* socket;
  uint32_t length;
  uint32_t offset; /* bytes that the kernel has accepted */
  int32_t result;  /* once finished: `length` or -IOCP_E... */
  int32_t native;  /* of an error: the system's number */
  bool is_done;
  struct file* file; /* whose bytes are sent; NULL: these ones */
  uint64_t file_offset;
  struct engine_send_copy engine;
  uint8_t bytes[];
};

/* Copies `bytes` behind all other copies. NULL: out of memory. */
struct send_copy* send_copy_new(struct socket* socket,
                                const uint8_t* bytes,
                                uint32_t length);

/* The same with bytes that are still to be written. */
struct send_copy* send_copy_reserve(struct socket* socket, uint32_t length);

/* The same for a part of a file, without bytes. */
struct send_copy* send_copy_of_file(struct socket* socket,
                                    struct file* file,
                                    uint64_t offset,
                                    uint32_t length);

/* Removes the newest one, of which nothing was sent. */
void send_copy_withdraw(struct send_copy* copy);

/* The oldest unfinished one, or NULL. */
struct send_copy* send_copy_first(const struct socket* socket);

/* The one behind it, or NULL. */
struct send_copy* send_copy_next(const struct send_copy* copy);

/* It was sent, or never will be (-IOCP_E...). The next poll reports it. */
void send_copy_finish(struct send_copy* copy, int32_t result);

/* The oldest one if it is finished and not yet reported, or NULL. */
struct send_copy* send_copy_finished(const struct socket* socket);

void send_copy_free(struct send_copy* copy);
void send_copy_free_all(struct socket* socket);

#endif /* IOCP_SEND_COPY_H */
