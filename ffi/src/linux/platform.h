/* SPDX-License-Identifier: MIT */
/* What the common code must know about Linux: sizes and words, no calls. */
#ifndef IOCP_PLATFORM_H
#define IOCP_PLATFORM_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

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

/* Which open file a descriptor is; each socket is one of its own. */
struct engine_identity {
  dev_t device;
  ino_t inode;
};

struct engine_thread {
  pthread_t thread;
};

struct monitor {
  pthread_mutex_t mutex;
  pthread_cond_t condition;
};

#endif /* IOCP_PLATFORM_H */
