/* SPDX-License-Identifier: MIT */
/* Makes the draws of a failed schedule fewer and smaller. */
#ifndef IOCP_SHRINK_H
#define IOCP_SHRINK_H

#include <stddef.h>
#include <stdint.h>

struct shrink {
  uint32_t* draws; /* input and output, of the same size */
  size_t count;
  char rule[160];     /* which must be broken again */
  char message[1024]; /* of the last failure */
  uint32_t attempts;  /* output */
};

/* Takes about `seconds` at most. Returns false if playing the draws does not
 * break the rule again; then they are unchanged. */
_Bool shrink_run(struct shrink* shrink, double seconds);

#endif /* IOCP_SHRINK_H */
