/* SPDX-License-Identifier: MIT */
/* Other machines, and the checks at the end of a schedule. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bind.h"
#include "block.h"
#include "disk.h"
#include "duplicate.h"
#include "fiber.h"
#include "habits.h"
#include "kernel.h"
#include "list.h"
#include "listening.h"
#include "module.h"
#include "network.h"
#include "object.h"
#include "op.h"
#include "peer_pipe.h"
#include "port.h"
#include "program.h"
#include "report.h"
#include "sock.h"
#include "tape.h"
#include "thread.h"
#include "udp.h"
#include "world.h"

struct peer {
  struct list_node node;
  struct pipe_peer* pipe; /* or a connection: */
  struct link* link;
  struct end* end;
  bool found_nothing; /* no file of the name */
  bool closes;        /* as soon as it is connected */
};

struct peer_listener {
  struct list_node node;
  struct pipe_host* pipe; /* or a listener of the network: */
  struct listening listening;
  enum peer_manner manner;
};

struct world_thread {
  struct fiber* fiber;
  void (*run)(void* argument);
  void* argument;
};

static struct list_node peers;
static struct list_node peer_listeners;

/* ---- start and end of a schedule */

void world_open(void) {
  list_open(&peers);
  list_open(&peer_listeners);
  memset(&habits, 0, sizeof habits);
  object_open_all();
  block_open_all();
  thread_open_all();
  op_open_all();
  port_open_all();
  sock_open_all();
  duplicate_open_all();
  listening_open_all();
  network_open();
  udp_open_all();
  disk_open();
  npfs_open_all();
  peer_pipe_open_all();
  program_open();
  bind_open();
  module_open();
  fiber_open();
  kernel_open();
  habits_draw();
}

static void world__check(void) {
  size_t bytes;
  if (object_count() != 0) object_trace_all();
  RULE("every handle is closed", object_count() == 0);
  RULE("every operation completes", op_count() == 0);
  sock_check_children();
  disk_check();
  module_check();
  size_t count = block_count(&bytes);
  if (count != 0)
    report_violation("all memory is freed",
                     "%zu blocks of %zu bytes are left",
                     count,
                     bytes);
}

/* What the library keeps for its process is not reset between schedules: it
 * ends with the process. */
static bool world__has_exited;

/* Without it the library cannot know that the process ends. */
bool world_can_exit(void) { return habits.has_ntdll; }

void world_exit(void) {
  TRACE("the process ends");
  world__has_exited = true;
  thread_exit_process();
  object_trace_all();
}

bool world_has_exited(void) { return world__has_exited; }

/* What the system does at the end of a process. */
static void world__sweep(void) {
  struct object* object;
  op_close_all();
  while ((object = object_left()) != NULL) {
    RULE("the end of the process closes every socket",
         object->kind != OBJECT_SOCKET && object->kind != OBJECT_DUPLICATE);
    if (!thread_sweep(object) && !port_sweep(object))
      disk_close_handle((HANDLE)object->handle);
  }
}

static void peer__free(struct peer* peer) {
  list_remove(&peer->node);
  free(peer);
}

void world_close(void) {
  while (!list_is_empty(&peers))
    peer_reset(LIST_ENTRY(peers.next, struct peer, node));
  while (!list_is_empty(&peer_listeners)) {
    struct list_node* node = list_shift(&peer_listeners);
    struct peer_listener* listener =
        LIST_ENTRY(node, struct peer_listener, node);
    if (listener->manner != PEER_REFUSES && listener->pipe == NULL)
      listening_close(&listener->listening);
    free(listener);
  }
  if (thread_has_exited())
    world__sweep();
  else
    world__check();
  fiber_close();
  network_close();
  disk_close();
  peer_pipe_close_all();
  npfs_close_all();
  sock_close_all();
  duplicate_close_all();
  udp_close_all();
  port_close_all();
  op_close_all();
  block_close_all();
}

void world_calm(void) {
  TRACE("no more faults from here on");
  habits.is_calm = true;
  network_widen();
  npfs_widen();
}

uint64_t world_now_ms(void) { return kernel_now_ms(); }

void world_pause(uint32_t ms) { fiber_wait(NULL, NULL, fiber_now_ms() + ms); }

void world_sleep(uint32_t ms) { kernel_sleep(ms); }
void world_compute(uint32_t ms) { fiber_compute(ms); }

const char world_name[] = "windows";

bool world_has_broken(void) { return habits.has_broken; }

bool world_detaches_ports(void) {
  return habits.detaches_ports && habits.has_ntdll;
}

bool world_has_interfaces(void) { return true; }

bool world_reports_progress(void) { return !habits.lacks_tcp_info; }

bool world_has_raced(void) { return habits.has_raced; }

bool world_refuses_when_full(void) { return true; }

bool world_refuses_at_once(void) {
  return habits.build >= BUILD_1709 && habits.has_ntdll;
}

bool world_is_unclear(void) { return habits.is_unclear; }
bool world_is_strange(void) { return habits.is_strange; }

/* The clock advances to the next deadline only when nothing else can happen, so
 * deadlines are exact to the millisecond. */
bool world_is_exact(void) { return true; }
uint64_t world_calls(void) { return kernel_calls(); }
bool world_posts_operations(void) { return true; }

/* ---- threads */

static void world__thread_main(void* argument) {
  struct world_thread* thread = argument;
  thread->run(thread->argument);
}

struct world_thread* world_thread_start(void (*run)(void* argument),
                                        void* argument) {
  struct world_thread* thread = calloc(1, sizeof *thread);
  if (thread == NULL) abort();
  thread->run = run;
  thread->argument = argument;
  thread->fiber = fiber_start(world__thread_main, thread);
  return thread;
}

static bool world__thread_has_ended(void* argument) {
  return fiber_has_ended(((struct world_thread*)argument)->fiber);
}

/* The callbacks of fiber local storage run on the thread that deletes it. */
void world_thread_delete_fiber(struct world_thread* thread) {
  if (!fiber_has_ended(thread->fiber))
    thread_ended(fiber_locals(thread->fiber));
}

void world_thread_join(struct world_thread* thread) {
  fiber_wait(world__thread_has_ended, thread, FIBER_FOREVER);
  fiber_free(thread->fiber);
  free(thread);
}

/* ---- peers that listen */

static struct iocp_address peer__loopback(uint16_t family) {
  struct iocp_address address = {.family = family, .port = network_new_port()};
  if (family == 4) address.bytes[0] = 127;
  address.bytes[family == 4 ? 3 : 15] = 1;
  return address;
}

struct peer_listener* peer_listen(enum peer_manner manner, uint16_t family) {
  struct peer_listener* listener = calloc(1, sizeof *listener);
  if (listener == NULL) abort();
  struct iocp_address address = peer__loopback(family);
  listener->manner = manner;
  listener->listening.is_silent = manner == PEER_NEVER_ANSWERS;
  listener->listening.queued_max = UINT32_MAX;
  listener->listening.address = address;
  if (manner != PEER_REFUSES) listening_open(&listener->listening, &address);
  list_push(&peer_listeners, &listener->node);
  return listener;
}

void peer_listener_address(const struct peer_listener* listener,
                           struct iocp_address* address_out) {
  *address_out = listener->listening.address;
}

static struct peer* peer__new(struct link* link, struct end* end) {
  struct peer* peer = calloc(1, sizeof *peer);
  if (peer == NULL) abort();
  peer->link = link;
  peer->end = end;
  list_push(&peers, &peer->node);
  return peer;
}

void peer_listener_queue(struct peer_listener* listener, struct link* link) {
  link->state = LINK_QUEUED;
  list_push(&listener->listening.backlog, &link->backlog_node);
  listener->listening.queued++;
}

static struct peer* peer__of_pipe(struct pipe_peer* pipe) {
  if (pipe == NULL) return NULL;
  struct peer* peer = peer__new(NULL, NULL);
  peer->pipe = pipe;
  return peer;
}

struct peer* peer_accept(struct peer_listener* listener) {
  if (listener->manner != PEER_ACCEPTS) return NULL;
  if (listener->pipe != NULL)
    return peer__of_pipe(pipe_host_accept(listener->pipe));
  struct link* link = listening_pop(&listener->listening);
  return link == NULL ? NULL : peer__new(link, &link->ends[1]);
}

/* ---- peers that connect */

struct peer* peer_connect(const struct iocp_address* to) {
  struct iocp_address from = peer__loopback(to->family);
  if (address_is_link_local(to)) {
    memcpy(from.bytes, to->bytes, sizeof from.bytes);
    from.scope = to->scope;
  }
  struct link* link = network_call(&from, to);
  /* A listener at all addresses has this one too. */
  if (address_is_any(to)) {
    uint16_t port = to->port;
    link->ends[1].name = from;
    link->ends[1].name.port = port;
  }
  return peer__new(link, &link->ends[0]);
}

enum peer_state peer_state(struct peer* peer) {
  if (peer->pipe != NULL) return pipe_peer_state(peer->pipe);
  if (peer->link->state == LINK_REFUSED || peer->end->in->rst_arrived)
    return PEER_FAILED;
  if (peer->link->state == LINK_CALLING) return PEER_CONNECTING;
  return peer->closes ? PEER_CLOSED : PEER_OPEN;
}

void peer_addresses(struct peer* peer,
                    struct iocp_address* own_out,
                    struct iocp_address* other_out) {
  *own_out = peer->end->name;
  *other_out = peer->end->other->name;
}

int32_t peer_send(struct peer* peer, const uint8_t* bytes, uint32_t length) {
  if (peer->pipe != NULL) return pipe_peer_send(peer->pipe, bytes, length);
  if (peer_state(peer) == PEER_FAILED) return PEER_RESET;
  uint32_t count = end_send(peer->end, bytes, length);
  return count == 0 ? PEER_WOULD_BLOCK : (int32_t)count;
}

int32_t peer_receive(struct peer* peer, uint8_t* buffer, uint32_t length) {
  if (peer->pipe != NULL) return pipe_peer_receive(peer->pipe, buffer, length);
  if (peer_state(peer) == PEER_FAILED) return PEER_RESET;
  uint32_t count = end_receive(peer->end, buffer, length);
  if (count != 0) return (int32_t)count;
  return peer->end->in->fin_arrived ? 0 : PEER_WOULD_BLOCK;
}

bool peer_has_hole(const struct peer* peer) {
  return peer->pipe == NULL && end_has_hole(peer->end->other);
}

void peer_shutdown(struct peer* peer) { end_finish(peer->end); }

void peer_reset(struct peer* peer) {
  if (peer->pipe != NULL) {
    pipe_peer_close(peer->pipe, true);
    peer__free(peer);
    return;
  }
  TRACE("  peer at port %u: reset", peer->end->name.port);
  end_reset(peer->end);
  peer__free(peer);
}

void peer_close(struct peer* peer) {
  if (peer->pipe != NULL)
    pipe_peer_close(peer->pipe, false);
  else
    end_close(peer->end);
  peer__free(peer);
}

/* ---- local sockets */

bool world_has_local(uint16_t family) {
  return family == IOCP_PIPE || sock_has_local();
}

/* What the model knows of the access to a pipe, it knows by its name. */
void world_path(uint16_t family,
                uint32_t number,
                enum world_access access,
                struct iocp_path* path_out) {
  static const char* const suffixes[] = {"", "-everyone", "-custom"};
  char* text = (char*)path_out->bytes;
  size_t room = sizeof path_out->bytes;
  path_out->family = family;
  int length =
      family == IOCP_PIPE
          ? snprintf(text,
                     room,
                     "\\\\.\\pipe\\simulated-%u%s",
                     number,
                     number % 4 == 1 ? "-\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"
                                     : suffixes[access])
          : snprintf(text, room, "C:\\simulated-%u.sock", number);
  path_out->length = (uint16_t)length;
}

static const char* peer__text(const struct iocp_path* path) {
  static char text[IOCP_PATH_MAX + 1];
  memcpy(text, path->bytes, path->length);
  text[path->length] = 0;
  return text;
}

void world_plain_file(const struct iocp_path* path) {
  disk_add_plain(peer__text(path));
}

uint32_t world_file_path(uint32_t number, char path_out[128]) {
  return (uint32_t)snprintf(path_out, 128, "C:\\simulated-%u.bin", number);
}

void world_file_write(uint32_t number,
                      uint64_t lead,
                      const uint8_t* bytes,
                      uint32_t length) {
  char path[128];
  world_file_path(number, path);
  disk_write(path, lead, bytes, length);
}

void world_file_shrink(uint32_t number, uint64_t size) {
  char path[128];
  world_file_path(number, path);
  disk_shrink(path, size);
}

bool world_take_path(const struct iocp_path* path) {
  return disk_take(peer__text(path));
}

/* A server that refuses has ended without removing its file. False: the name is
 * in use. */
static bool peer__listen_unix(struct peer_listener* listener,
                              const struct iocp_path* path) {
  struct iocp_address address;
  if (!disk_add_socket(peer__text(path), &address)) return false;
  listener->listening.is_silent = listener->manner == PEER_NEVER_ANSWERS;
  listener->listening.queued_max = UINT32_MAX;
  listener->listening.address = address;
  if (listener->manner != PEER_REFUSES)
    listening_open(&listener->listening, &address);
  return true;
}

struct peer_listener* peer_listen_path(enum peer_manner manner,
                                       const struct iocp_path* path) {
  struct peer_listener* listener = calloc(1, sizeof *listener);
  if (listener == NULL) abort();
  listener->manner = manner;
  if (path->family == IOCP_PIPE)
    listener->pipe = pipe_host_new(manner, path);
  else if (!peer__listen_unix(listener, path))
    listener->manner = PEER_REFUSES;
  list_push(&peer_listeners, &listener->node);
  return listener;
}

struct peer* peer_connect_path(const struct iocp_path* path,
                               const uint8_t* bytes,
                               uint32_t length,
                               bool closes) {
  if (path->family == IOCP_PIPE)
    return peer__of_pipe(pipe_peer_call(path, bytes, length, closes));
  struct iocp_address to;
  struct iocp_address from = disk_unnamed();
  bool is_there = disk_find_socket(peer__text(path), &to);
  struct link* link = network_call(&from, &to);
  struct peer* peer = peer__new(link, &link->ends[0]);
  peer->found_nothing = !is_there;
  link->window += length;
  end_send(peer->end, bytes, length);
  peer->closes = closes;
  return peer;
}

bool peer_found_nothing(const struct peer* peer) {
  return peer->found_nothing ||
         (peer->pipe != NULL && pipe_peer_found_nothing(peer->pipe));
}

uint32_t peer_process(const struct peer* peer) {
  return peer->pipe == NULL ? 0 : pipe_peer_id(peer->pipe);
}
