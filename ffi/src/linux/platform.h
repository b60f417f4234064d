/* SPDX-License-Identifier: MIT */
/* Types of Linux that the common code embeds in its own. */
#ifndef IOCP_PLATFORM_H
#define IOCP_PLATFORM_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "iocp.h"

typedef pthread_t thread_id;

/* The size of a struct socket. */
#define ENGINE_SLOT_MAX 304

/* See posix/inbox.c. */
#define ENGINE_SECRET 16
#define ENGINE_INBOX_HELD 16
struct engine_inbox {
  bool is_open;
  int fd;
  uint8_t secret[ENGINE_SECRET];
  uint32_t held_count;
  struct engine_held {
    uint8_t ticket[ENGINE_SECRET];
    int fd;
  } held[ENGINE_INBOX_HELD];
};

struct engine_port {
  int epoll_fd;
  int wake_fd;
  /* See alarm.h. */
  int alarm_fd;
  int64_t alarm_due_ns;
  /* A short wait has dequeued what there is to deliver, so the next poll need
   * not. */
  bool is_dequeued;
  /* For datagrams that are longer than expected, see datagram_receive.c; or
   * NULL. */
  uint8_t* overflow;
  bool overflow_is_used; /* its pages have memory */
  struct engine_inbox inbox;
};

struct engine_socket {
  int fd;
  /* An edge has come, and no receive has emptied the kernel's buffer since. */
  bool readable : 1;
  /* A FIN or an error has arrived, which is still to be received after a short
   * receive. */
  bool hung_up : 1;
  /* Of a unix socket that connects: it has a descriptor. */
  bool is_open : 1;
  /* Of a unix socket: the queue reports when it has room for a send. */
  bool watches_room : 1;
  /* Of a listener: it is marked, see handle_claim_listener(). Another handle of
   * it may have the mark. */
  bool is_claimed : 1;
};

/* The kernel holds nothing of a send copy. */
struct engine_send_copy {
  char unused;
};

/* See file.h. */
struct engine_file {
  int fd;
};

/* Beside the id of a datagram socket, the event of its `receiver_fd`. */
#define ENGINE_ROOM_EVENT (UINT64_C(1) << 32)

struct engine_datagram {
  struct iocp_address bound; /* the address that a UDP socket was bound to */
  uint32_t slot;         /* length of data that the next datagrams may have */
  uint32_t dropped;      /* the kernel's counter, when it was last queried */
  bool offloads;         /* IOCP_OFFLOAD */
  bool merges;           /* several datagrams of a send into one message */
  bool watches_receiver; /* see datagram_room.c */
  int receiver_fd;
};

/* See identity.h. */
struct engine_identity {
  dev_t device;
  ino_t inode;
};

/* The socket file of a listener (socket_file.h). */
struct engine_path {
  bool has_folder;
  bool has_file;
  int folder; /* a descriptor */
  struct engine_identity file;
};

struct engine_thread {
  pthread_t thread;
};

struct monitor {
  pthread_mutex_t mutex;
  pthread_cond_t condition;
};
#define MONITOR_INIT {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER}

#endif /* IOCP_PLATFORM_H */
