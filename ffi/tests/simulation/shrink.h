/* SPDX-License-Identifier: MIT */
/* Makes the draws of a failed schedule fewer and plainer. */
#ifndef IOCP_SHRINK_H
#define IOCP_SHRINK_H

#include <stddef.h>
#include <stdint.h>

struct shrink {
  uint32_t* draws; /* in, and out; there is room for as many */
  size_t count;
  char rule[160];     /* which must be broken again */
  char message[1024]; /* of the last time */
  uint32_t attempts;  /* out */
};

/* Takes no longer than about `seconds`. Returns false when playing the draws
 * does not break the rule again; then they are what they were. */
_Bool shrink_run(struct shrink* shrink, double seconds);

#endif /* IOCP_SHRINK_H */
