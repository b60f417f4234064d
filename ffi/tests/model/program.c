/* SPDX-License-Identifier: MIT */
#include "program.h"

#include <stddef.h>
#include <string.h>
#include <wchar.h>

#include "disk.h"
#include "habits.h"
#include "network.h"
#include "peer_pipe.h"
#include "port.h"
#include "report.h"
#include "sock.h"
#include "tape.h"
#include "world.h"

/* The local end of the connection that was closed last. */
static struct {
  bool is_known;
  struct iocp_address own;
} program;

void program_open(void) { program.is_known = false; }

static struct iocp_address program__loopback(uint16_t family) {
  struct iocp_address address = {.family = family, .port = network_new_port()};
  if (family == 4) address.bytes[0] = 127;
  address.bytes[family == 4 ? 3 : 15] = 1;
  return address;
}

/* A port may be bound again, so a connection is identified by both ends.
 * TIME_WAIT prevents the same pair of ends from connecting twice. */
static struct iocp_address program__from(const struct iocp_address* to) {
  if (program.is_known && program.own.family == to->family &&
      !network_has(&program.own, to) && tape_chance(500)) {
    program.is_known = false;
    return program.own;
  }
  return program__loopback(to->family);
}

/* The handle may have been on a port of the program that skips packets. This
 * mode cannot be removed. */
static void program__use(struct sock* sock) {
  if (tape_chance(100))
    sock->modes = (uint8_t)(FILE_SKIP_COMPLETION_PORT_ON_SUCCESS |
                            (tape_choose(2) * FILE_SKIP_SET_EVENT_ON_HANDLE));
}

double world_handle_connect(struct peer_listener* listener) {
  struct iocp_address to;
  peer_listener_address(listener, &to);
  struct sock* sock = sock_new(to.family, true);
  if (sock == NULL) return -1;
  struct iocp_address from = program__from(&to);
  struct link* link = network_call(&from, &to);
  peer_listener_queue(listener, link);
  sock_attach(sock, &link->ends[0]);
  sock->lacks_context = false;
  program__use(sock);
  return (double)sock->object.handle;
}

static void program__listen(struct sock* sock,
                            const struct iocp_address* address) {
  sock->local = *address;
  sock->state = SOCK_LISTENING;
  sock->listening.queued_max = UINT32_MAX;
  sock->listening.sock = sock;
  listening_open(&sock->listening, address);
}

double world_handle_listen(uint16_t family, struct iocp_address* address_out) {
  struct sock* sock = sock_new(family, true);
  if (sock == NULL) return -1;
  *address_out = program__loopback(family);
  program__listen(sock, address_out);
  program__use(sock);
  /* The program may use it as a non-blocking socket. */
  sock->is_non_blocking = tape_choose(2) != 0;
  sock->has_events = sock->is_non_blocking && tape_choose(2) != 0;
  sock->resets = tape_chance(200);
  return (double)sock->object.handle;
}

double world_handle_synchronous(struct peer_listener* listener) {
  double handle = world_handle_connect(listener);
  if (handle < 0) return handle;
  struct sock* sock = sock_find((SOCKET)handle, "world_handle_synchronous");
  sock->is_synchronous = true;
  return handle;
}

static double program__connect_unix(const struct iocp_path* path) {
  struct iocp_address to;
  struct iocp_address from = disk_unnamed();
  char text[IOCP_PATH_MAX + 1];
  memcpy(text, path->bytes, path->length);
  text[path->length] = 0;
  if (!disk_find_socket(text, &to)) return -1;
  struct link* link = network_call(&from, &to);
  if (!network_connects(link)) return -1;
  struct sock* sock = sock_new(SOCK_LOCAL, true);
  if (sock == NULL) return -1;
  sock_attach(sock, &link->ends[0]);
  sock->lacks_context = false;
  program__use(sock);
  return (double)sock->object.handle;
}

/* ---- pipes with other names */

static const struct {
  WCHAR wide[6];
  const char* utf8; /* behind the prefix */
} program__names[] = {
    {L"", ""},
    {{'\\', 0xDC00, 'a'},
     "\\\xef\xbf\xbd"
     "a"},
    {{'\\', 'a', 0xD800}, "\\a\xef\xbf\xbd"},
    {{'\\', 0xD800, 'b'},
     "\\\xef\xbf\xbd"
     "b"},
    {{'\\', 0xD83D, 0xDE00}, "\\\xf0\x9f\x98\x80"},
    {{'\\', 0xD83D, 0xFF21}, "\\\xef\xbf\xbd\xef\xbc\xa1"},
    /* Two halves that are no pair. */
    {{'\\', 0xDC00, 0xDC01}, "\\\xef\xbf\xbd\xef\xbf\xbd"},
    {{'\\', 0xD800, 0xD801}, "\\\xef\xbf\xbd\xef\xbf\xbd"},
};
#define PROGRAM__NAMES (sizeof program__names / sizeof program__names[0])

const WCHAR* program_odd_name(uint32_t number) {
  return number == 0 ? NULL : program__names[number - 1].wide;
}

bool world_handle_name(double handle, struct iocp_path* path_out) {
  static const char prefix[] = "\\\\.\\pipe";
  const struct sock* sock =
      sock_find_file((uintptr_t)handle, "world_handle_name");
  if (sock == NULL || sock->odd_name == 0) return false;
  const char* name = program__names[sock->odd_name - 1].utf8;
  path_out->family = IOCP_PIPE;
  path_out->length = 0;
  if (*name == 0) return true;
  path_out->length = (uint16_t)(sizeof prefix - 1 + strlen(name));
  memcpy(path_out->bytes, prefix, sizeof prefix - 1);
  memcpy(path_out->bytes + sizeof prefix - 1, name, strlen(name));
  return true;
}

double world_handle_connect_path(const struct iocp_path* path,
                                 enum world_local_handle kind) {
  WCHAR name[PIPE_NAME_MAX + 1];
  DWORD error;
  if (path->family == IOCP_UNIX)
    return kind == WORLD_LOCAL_BYTES ? program__connect_unix(path) : -1;
  peer_pipe_name(path, name);
  struct sock* sock = sock_new(SOCK_PIPE, true);
  if (sock == NULL) return -1;
  sock->pipe = npfs_connect(name, PROGRAM_ID, &error);
  if (sock->pipe == NULL) {
    sock_close(sock);
    return -1;
  }
  sock->pipe->sock = sock;
  sock->state = SOCK_CONNECTED;
  sock->has_messages = kind == WORLD_LOCAL_MESSAGES;
  sock->is_synchronous = kind == WORLD_LOCAL_SYNCHRONOUS;
  sock->cannot_be_asked = kind == WORLD_LOCAL_UNASKED;
  sock->cannot_read = kind == WORLD_LOCAL_WRITES || sock->cannot_be_asked;
  if (tape_chance(200)) sock->odd_name = 1 + tape_choose(PROGRAM__NAMES);
  program__use(sock);
  return (double)sock->object.handle;
}

bool world_handle_blocks(double handle) {
  const struct sock* sock =
      sock_find_file((uintptr_t)handle, "world_handle_blocks");
  if (sock->family == SOCK_PIPE) return true;
  /* A socket that accept() returns has the linger time of its listener. */
  RULE("a socket that is given to the user lingers as its listener does",
       !sock->has_inherited || sock->resets == sock->inherited_resets);
  return !sock->is_non_blocking && !sock->has_events;
}

/* The server's end of a pipe without a client. */
static double program__listen_pipe(void) {
  WCHAR text[] = L"\\\\.\\pipe\\program-0";
  text[wcslen(text) - 1] = (WCHAR)('0' + tape_choose(10));
  if (npfs_find(text) != NULL) return -1;
  struct sock* sock = sock_new(SOCK_PIPE, true);
  if (sock == NULL) return -1;
  struct pipe_name* name = npfs_add_name(text, 1);
  name->is_foreign = true;
  sock->pipe = npfs_add_instance(name, PROGRAM_ID)->server;
  sock->pipe->sock = sock;
  sock->state = SOCK_CONNECTED;
  return (double)sock->object.handle;
}

/* A connected stream, or a listener, of another family. */
static double program__other(bool listens) {
  struct sock* sock = sock_new(SOCK_OTHER, true);
  if (sock == NULL) return -1;
  struct iocp_address address = {.family = SOCK_OTHER, .bytes = {1}};
  sock->state = SOCK_CONNECTED;
  if (listens) program__listen(sock, &address);
  return (double)sock->object.handle;
}

double world_handle_odd(enum world_odd odd) {
  if (odd == WORLD_PIPE_LISTENING) return program__listen_pipe();
  if (odd == WORLD_OTHER_STREAM || odd == WORLD_OTHER_LISTENING)
    return program__other(odd == WORLD_OTHER_LISTENING);
  bool is_local = odd == WORLD_LOCAL_STREAM || odd == WORLD_LOCAL_LISTENING;
  struct iocp_address address =
      is_local ? disk_unnamed() : program__loopback(4);
  struct sock* sock = sock_new(is_local ? SOCK_LOCAL : 4, true);
  if (sock == NULL) return -1;
  sock->local = address;
  sock->state = SOCK_BOUND;
  if (odd == WORLD_DATAGRAM) sock->type = SOCK_DGRAM;
  if (odd == WORLD_LISTENING || odd == WORLD_LOCAL_LISTENING)
    program__listen(sock, &address);
  if (odd == WORLD_LOCAL_STREAM) sock->state = SOCK_CONNECTED;
  return (double)sock->object.handle;
}

void world_handle_close(double handle) {
  struct sock* sock = sock_find_file((uintptr_t)handle, "world_handle_close");
  RULE("the library does not close a handle after it has returned it",
       sock != NULL);
  sock->via->is_users = true;
  if (sock->end != NULL) {
    program.own = sock->end->name;
    program.is_known = true;
  }
  sock_close(sock);
}

bool world_has_processes(void) { return true; }
bool world_has_lost_passed(void) { return false; }

/* Windows before version 1709 does not return the times of keep-alive
 * ("SIO_KEEPALIVE_VALS control code" has no query), so a later owner that sets
 * one of them sets the other to its default. */
void world_handle_detached(double handle) {
  struct sock* sock =
      sock_find_file((uintptr_t)handle, "world_handle_detached");
  if (sock != NULL) memset(sock->wanted, 0, sizeof sock->wanted);
}

void world_handle_given(double handle) {
  struct sock* sock = sock_find_file((uintptr_t)handle, "world_handle_given");
  RULE("the library returns handles that are open", sock != NULL);
  sock->via->is_users = true;
}

void world_handle_dropped(double handle) {
  struct sock* sock = sock_find_file((uintptr_t)handle, "world_handle_dropped");
  if (sock != NULL) sock->via->is_users = false;
}

bool world_handle_make_synchronous(double handle) {
  struct sock* sock =
      sock_find_file((uintptr_t)handle, "world_handle_make_synchronous");
  sock->is_synchronous = true;
  return true;
}

/* "WSAENETDOWN: the network subsystem has failed" (getsockname(),
 * getsockopt()). */
bool world_handle_fail(double handle) {
  struct sock* sock = sock_find_file((uintptr_t)handle, "world_handle_fail");
  sock->fails_name = tape_choose(2) == 0;
  if (!sock->fails_name) sock->fails_option = SO_ACCEPTCONN;
  return true;
}

bool world_handle_bind(double handle) {
  struct sock* sock = sock_find_file((uintptr_t)handle, "world_handle_bind");
  sock->port = port_new_foreign();
  return true;
}
