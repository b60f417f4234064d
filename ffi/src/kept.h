/* SPDX-License-Identifier: MIT */
/*
 * The copies that iocp_send() keeps of what the kernel did not take, oldest
 * first. They leave in that order, and are told in that order as well.
 *
 *   done, not yet told | with the kernel, or still to go | newest
 *   first ------------------------------------------------> last
 */
#ifndef IOCP_KEPT_H
#define IOCP_KEPT_H

#include "socket.h"

struct kept {
  struct list_node node; /* in `kept` of the socket */
  struct socket* socket;
  uint32_t length;
  uint32_t offset; /* what the kernel has taken */
  int32_t result;  /* once done: `length` or -IOCP_E... */
  bool is_done;
  struct engine_kept engine;
  uint8_t bytes[];
};

/* Copies what is to leave behind all else. NULL: out of memory. */
struct kept* kept_new(struct socket* socket,
                      const uint8_t* bytes,
                      uint32_t length);

/* The oldest that has not left yet, or NULL. */
struct kept* kept_first(const struct socket* socket);

/* The one behind it, or NULL. */
struct kept* kept_next(const struct kept* kept);

/* It has left, or never will (-IOCP_E...). To be told by the next poll. */
void kept_done(struct kept* kept, int32_t result);

/* The oldest when it is done and not yet told, or NULL. */
struct kept* kept_told(const struct socket* socket);

void kept_free(struct kept* kept);
void kept_free_all(struct socket* socket);

#endif /* IOCP_KEPT_H */
