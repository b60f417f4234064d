/* SPDX-License-Identifier: MIT */
/* What the common code must know about Linux: sizes and words, no calls. */
#ifndef IOCP_PLATFORM_H
#define IOCP_PLATFORM_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

typedef pthread_t thread_id;

struct engine_port {
  int epoll_fd;
  int wake_fd;
};

struct engine_socket {
  int fd;
  /* An edge has come and nothing since has shown that it is used up. */
  bool readable : 1;
  /* FIN or an error has come: a short receive does not use the edge up. */
  bool hung_up : 1;
};

/* Nothing of a copy is the kernel's. */
struct engine_kept {
  char unused;
};

#endif /* IOCP_PLATFORM_H */
