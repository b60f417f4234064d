/* SPDX-License-Identifier: MIT */
/* The part of world.h that scenarios use, over unix sockets of Linux: what one
 * end sends has reached the other one when the call returns. */
#include "world.h"

#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "fiber.h"
#include "report.h"

#define WORLD__PEERS 16
#define WORLD__LISTENERS 4

const char world_name[] = "linux";

struct peer_listener {
  int fd; /* the other end of what has connected last */
};

struct peer {
  int fd; /* -1: none */
};

struct world_thread {
  struct fiber* fiber;
  void (*run)(void* argument);
  void* argument;
};

static struct peer_listener world__host;
static struct peer world__peers[WORLD__PEERS];
static uint32_t world__peer_count;
static struct {
  struct sockaddr_un name;
  socklen_t size;
} world__listeners[WORLD__LISTENERS];
static uint16_t world__listener_count;

int __real_close(int fd);

void world_open(void) {
  fiber_open();
  world__peer_count = 0;
  world__listener_count = 0;
}

void world_calm(void) {}

void world_pause(uint32_t ms) { fiber_wait(NULL, NULL, fiber_now_ms() + ms); }

bool world_posts_operations(void) { return false; }

void world_close(void) {
  for (uint32_t i = 0; i < world__peer_count; i++)
    if (world__peers[i].fd >= 0) __real_close(world__peers[i].fd);
  fiber_close();
}

/* ---- threads */

static void world__main(void* argument) {
  struct world_thread* thread = argument;
  thread->run(thread->argument);
}

struct world_thread* world_thread_start(void (*run)(void* argument),
                                        void* argument) {
  struct world_thread* thread = malloc(sizeof *thread);
  if (thread == NULL) abort();
  thread->run = run;
  thread->argument = argument;
  thread->fiber = fiber_start(world__main, thread);
  return thread;
}

static bool world__has_ended(void* fiber) { return fiber_has_ended(fiber); }

void world_thread_join(struct world_thread* thread) {
  fiber_wait(world__has_ended, thread->fiber, FIBER_FOREVER);
  fiber_free(thread->fiber);
  free(thread);
}

/* ---- peers */

static struct peer* world__peer(int fd) {
  RULE("the world has room for a peer",
       fd >= 0 && world__peer_count < WORLD__PEERS);
  world__peers[world__peer_count].fd = fd;
  return &world__peers[world__peer_count++];
}

struct peer_listener* peer_listen(enum peer_manner manner, uint16_t family) {
  (void)manner, (void)family;
  return &world__host;
}

struct peer* peer_accept(struct peer_listener* listener) {
  return world__peer(listener->fd);
}

struct peer* peer_connect(const struct iocp_address* to) {
  const struct sockaddr* name =
      (const struct sockaddr*)&world__listeners[to->port].name;
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  RULE("a peer connects",
       connect(fd, name, world__listeners[to->port].size) == 0);
  return world__peer(fd);
}

int32_t peer_send(struct peer* peer, const uint8_t* bytes, uint32_t length) {
  return (int32_t)send(peer->fd, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
}

void peer_shutdown(struct peer* peer) { shutdown(peer->fd, SHUT_WR); }

void peer_close(struct peer* peer) {
  __real_close(peer->fd);
  peer->fd = -1;
}

/* ---- sockets of the program */

double world_handle_connect(struct peer_listener* listener) {
  int pair[2];
  RULE("the world has sockets",
       socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
  listener->fd = pair[1];
  return pair[0];
}

/* Its name is abstract, and one that the system chooses. */
double world_handle_listen(uint16_t family, struct iocp_address* address_out) {
  uint16_t index = world__listener_count++;
  struct sockaddr* name = (struct sockaddr*)&world__listeners[index].name;
  socklen_t* size = &world__listeners[index].size;
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  name->sa_family = AF_UNIX;
  *size = sizeof world__listeners[index].name;
  RULE("the world has listeners",
       index < WORLD__LISTENERS &&
           bind(fd, name, sizeof name->sa_family) == 0 && listen(fd, 16) == 0 &&
           getsockname(fd, name, size) == 0);
  *address_out = (struct iocp_address){.family = family, .port = index};
  return fd;
}

void world_handle_given(double handle) { (void)handle; }

void world_handle_dropped(double handle) { (void)handle; }

void world_handle_close(double handle) {
  fiber_preempt();
  __real_close((int)handle);
}
