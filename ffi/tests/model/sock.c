/* SPDX-License-Identifier: MIT */
#include "sock.h"

#include <stdlib.h>
#include <string.h>
#include <ws2tcpip.h>

#include "accept.h"
#include "disk.h"
#include "duplicate.h"
#include "error_rows.h"
#include "fiber.h"
#include "habits.h"
#include "kernel.h"
#include "network.h"
#include "npfs.h"
#include "report.h"
#include "tape.h"
#include "transfer.h"
#include "udp.h"

static struct list_node sock_all;

void sock_open_all(void) { list_open(&sock_all); }

void sock_close_all(void) {
  while (!list_is_empty(&sock_all)) {
    struct sock* sock = LIST_ENTRY(list_shift(&sock_all), struct sock, node);
    udp_free(sock->udp);
    free(sock);
  }
}

struct sock* sock_new(uint16_t family, bool is_users) {
  struct sock* sock = calloc(1, sizeof *sock);
  if (sock == NULL) abort();
  sock->family = family;
  sock->type = SOCK_STREAM;
  sock->object.is_users = is_users;
  sock->object.process = duplicate_process();
  sock->via = &sock->object;
  sock->handles = 1;
  if (object_enter(&sock->object, OBJECT_SOCKET) == 0) {
    free(sock);
    kernel_fail(WSAEMFILE);
    return NULL;
  }
  sock->is_open = true;
  sock->is_v6_only = true;
  /* The defaults ("SIO_KEEPALIVE_VALS control code"). */
  sock->options[SOCK_KEEP_IDLE] = 7200;
  sock->options[SOCK_KEEP_INTERVAL] = 1;
  sock->options[SOCK_KEEP_COUNT] = 10;
  /* IP_TTL and IPV6_UNICAST_HOPS have the same number. */
  sock->family_options[IP_TTL] = 128;
  /* The same for these. */
  sock->family_options[IP_MULTICAST_TTL] = 1;
  sock->family_options[IP_MULTICAST_LOOP] = 1;
  list_open(&sock->receives);
  list_open(&sock->sends);
  list_open(&sock->accepts);
  list_push(&sock_all, &sock->node);
  return sock;
}

struct sock* sock_next(struct sock* after) {
  struct list_node* node = after == NULL ? sock_all.next : after->node.next;
  return node == &sock_all ? NULL : LIST_ENTRY(node, struct sock, node);
}

uint32_t sock_own_ports(void) {
  uint32_t count = 0;
  for (struct sock* sock = sock_next(NULL); sock != NULL;
       sock = sock_next(sock))
    if (sock->is_open && sock->has_own_port && sock->end == NULL) count++;
  return count;
}

bool sock_has_local(void) {
  return habits.build >= BUILD_1803 && !habits.is_wine;
}

SOCKET WSASocketW(int family,
                  int type,
                  int protocol,
                  WSAPROTOCOL_INFOW* info,
                  unsigned group,
                  DWORD flags) {
  (void)group;
  kernel_enter();
  if (family == FROM_PROTOCOL_INFO) {
    /* As in the example of WSADuplicateSocketW(). Other values are requests of
     * their own (WSASocketW()). */
    RULE("a socket that is taken has the type and protocol of its ticket",
         type == FROM_PROTOCOL_INFO && protocol == FROM_PROTOCOL_INFO);
    return duplicate_take(info, flags);
  }
  bool is_udp = type == SOCK_DGRAM && protocol == IPPROTO_UDP;
  RULE("a socket is made for a stream or datagrams, and overlapped",
       ((type == SOCK_STREAM &&
         protocol == (family == AF_UNIX ? 0 : IPPROTO_TCP)) ||
        (is_udp && family != AF_UNIX)) &&
           (flags & WSA_FLAG_OVERLAPPED) != 0);
  /* Since build 17063 ("AF_UNIX comes to Windows"); Wine 10 has none. */
  if (family == AF_UNIX && !sock_has_local()) {
    kernel_fail(WSAEAFNOSUPPORT);
    return INVALID_SOCKET;
  }
  if (habits_fault(habits.handle_faults)) {
    kernel_fail(WSAEMFILE);
    return INVALID_SOCKET;
  }
  if (habits_fault(habits.kernel_faults)) {
    kernel_fail(WSAENOBUFS);
    return INVALID_SOCKET;
  }
  struct sock* sock = sock_new(family == AF_UNIX    ? SOCK_LOCAL
                               : family == AF_INET6 ? 6
                                                    : 4,
                               false);
  if (sock == NULL) return INVALID_SOCKET;
  sock->is_inheritable = (flags & WSA_FLAG_NO_HANDLE_INHERIT) == 0;
  if (is_udp) {
    sock->type = SOCK_DGRAM;
    sock->udp = udp_new();
  }
  kernel_succeed();
  return (SOCKET)sock->object.handle;
}

struct sock* sock_find_file(uintptr_t handle, const char* call) {
  struct object* object = object_find(handle, OBJECT_SOCKET, call);
  struct sock* sock;
  if (object != NULL) {
    sock = LIST_ENTRY(object, struct sock, object);
  } else {
    object = object_find(handle, OBJECT_DUPLICATE, call);
    if (object == NULL) return NULL;
    sock = duplicate_sock(object);
  }
  sock->via = object;
  return sock;
}

struct sock* sock_find(SOCKET handle, const char* call) {
  struct sock* sock = sock_find_file(handle, call);
  if (sock != NULL && sock->family != SOCK_PIPE) return sock;
  kernel_fail(WSAENOTSOCK);
  return NULL;
}

struct sock* sock_find_ready(SOCKET handle, const char* call) {
  struct sock* sock = sock_find(handle, call);
  if (sock == NULL || !sock->lacks_context) return sock;
  /* "AcceptEx function" and "ConnectEx function", remarks: until then the
   * socket is "in the default state of a connected socket". */
  TRACE("  %s(%#zx): its context was not updated", call, (size_t)handle);
  kernel_fail(WSAENOTCONN);
  return NULL;
}

/* Freed once no handle, operation or connection refers to it. */
static void sock__free_if_unused(struct sock* sock) {
  if (sock->object.holds != 0 || sock->is_open) return;
  list_remove(&sock->node);
  udp_free(sock->udp);
  free(sock);
}

void sock_op_ended(struct sock* sock) {
  sock->object.holds--;
  sock__free_if_unused(sock);
}

bool sock_skips_packets(const struct sock* sock) {
  /* A layered provider accepts the mode, and queues packets all the same
   * (Microsoft KB 2568167). */
  return (sock->modes & FILE_SKIP_COMPLETION_PORT_ON_SUCCESS) != 0 &&
         (!habits.is_layered || sock->family == SOCK_PIPE);
}

bool sock_has_unknown_error(void) {
  if (!habits_break(habits.unknown_errors)) return false;
  habits.is_unclear = true;
  return true;
}

/* The pages of the calls list some of the errors that there are ("Windows
 * Sockets Error Codes", [MS-ERREF]), and a provider may have others. */
uint32_t sock_strange_error(bool is_status) {
  if (!habits_break(habits.strange_errors)) return 0;
  uint32_t row = tape_choose((uint32_t)ERROR_ROWS);
  while (error_rows[row].number >> 31 != is_status)
    row = (row + 1) % (uint32_t)ERROR_ROWS;
  habits.is_strange = true;
  return error_rows[row].number;
}

DWORD sock_reset_error(void) {
  if (sock_has_unknown_error()) return ERROR_UNKNOWN_CODE;
  return tape_choose(4) == 1 ? WSAECONNABORTED : WSAECONNRESET;
}

LONG sock_reset_status(void) {
  static const LONG statuses[] = {STATUS_WAS_RESET,
                                  STATUS_WAS_ABORTED,
                                  STATUS_LOCAL_DISCONNECTED,
                                  STATUS_WIN32_DELETED,
                                  STATUS_ADDRESS_WAS_CLOSED};
  if (sock_has_unknown_error()) return STATUS_UNKNOWN;
  uint32_t strange = sock_strange_error(true);
  if (strange != 0) return (LONG)strange;
  return statuses[tape_choose(5)];
}

/* ---- connections */

void sock_attach(struct sock* sock, struct end* end) {
  sock->state = SOCK_CONNECTED;
  sock->lacks_context = true;
  sock->end = end;
  sock->connected_ms = fiber_now_ms() + kernel_slept_ms();
  sock->local = sock_address_for(sock, &end->name);
  end->sock = sock;
}

static struct op* sock__end_connect(struct sock* sock) {
  struct op* op = sock->connect;
  sock->connect = NULL;
  sock->call = NULL;
  return op;
}

void sock_or_peer_connected(struct end* end) {
  struct sock* sock = end->sock;
  if (sock == NULL) return;
  sock_attach(sock, end);
  op_done(sock__end_connect(sock), STATUS_OK, 0);
}

void sock_or_peer_refused(struct end* end, LONG status) {
  struct sock* sock = end->sock;
  if (sock == NULL) return;
  sock->state = SOCK_FAILED;
  end->sock = NULL;
  uint32_t strange = sock_strange_error(true);
  if (strange != 0) status = (LONG)strange;
  op_done(sock__end_connect(sock), status, 0);
}

void sock_moved(struct sock* sock) {
  if (sock->accept != NULL)
    accept_moved(sock);
  else
    transfer_moved(sock);
}

/* ---- canceling */

void sock_cancel_now(struct op* op) {
  LONG status = STATUS_IS_CANCELLED;
  uint32_t bytes = 0;
  if (op->kind == OP_CONNECT) {
    network_hang_up(op->sock->call);
    sock__end_connect(op->sock);
    op->sock->state = SOCK_FAILED;
  } else if (op->kind == OP_ACCEPT) {
    accept_canceled(op);
  } else if (op->sock->family == SOCK_PIPE) {
    if (op->sock->pipe != NULL) npfs_op_canceled(op);
  } else if (op->kind == OP_RECEIVE && op->node.prev == &op->sock->receives &&
             habits_fault(habits.byte_cancels)) {
    /* Too late: bytes have been received already. Only the oldest receive can
     * have any, since they are filled in posting order. */
    op->is_canceling = true;
    bytes = transfer_read(op);
    if (bytes != 0 && tape_choose(2) == 0) status = STATUS_OK;
  }
  op_done(op, status, bytes);
}

/* "Only cancels I/O operations in the current process" ("CancelIoEx function").
 * Those of another handle of the same socket there are canceled as well: the
 * system looks for the file object (ReactOS, NtCancelIoFile()). */
static bool sock__cancel(struct op* op, const OVERLAPPED* overlapped) {
  if (op == NULL || (overlapped != NULL && op->overlapped != overlapped) ||
      op->process != op->sock->via->process)
    return false;
  if (habits_fault(habits.late_cancels))
    op_cancel_later(op);
  else
    sock_cancel_now(op);
  return true;
}

static bool sock__cancel_all(struct list_node* list,
                             const OVERLAPPED* overlapped) {
  bool has_found = false;
  struct list_node* next;
  for (struct list_node* node = list->next; node != list; node = next) {
    next = node->next;
    if (sock__cancel(LIST_ENTRY(node, struct op, node), overlapped))
      has_found = true;
  }
  return has_found;
}

BOOL WINAPI CancelIoEx(HANDLE file, OVERLAPPED* overlapped) {
  kernel_enter();
  struct sock* sock = sock_find_file((uintptr_t)file, "CancelIoEx");
  if (sock == NULL) return kernel_fail(ERROR_INVALID_HANDLE);
  if (!sock->via->is_users && habits_break(habits.kernel_faults)) {
    sock->has_failed_cancel = true;
    return kernel_fail(ERROR_NO_SYSTEM_RESOURCES);
  }
  bool has_found = sock__cancel(sock->connect, overlapped);
  if (sock->family == SOCK_PIPE && sock->pipe->pipe != NULL &&
      sock->pipe->is_server)
    has_found |= sock__cancel(sock->pipe->pipe->listen, overlapped);
  has_found |= sock__cancel_all(&sock->accepts, overlapped);
  has_found |= sock__cancel_all(&sock->receives, overlapped);
  has_found |= sock__cancel_all(&sock->sends, overlapped);
  /* What has completed already is reported all the same. */
  return has_found ? kernel_succeed() : kernel_fail(ERROR_NOT_FOUND);
}

/* ---- closing */

/* What is in flight ends with the handle, with one of these statuses. */
LONG sock_closed_status(void) {
  static const LONG statuses[] = {STATUS_HANDLES_WERE_CLOSED,
                                  STATUS_IS_CANCELLED,
                                  STATUS_FILE_WAS_CLOSED,
                                  STATUS_LOCAL_DISCONNECTED,
                                  STATUS_WAS_ABORTED,
                                  STATUS_WAS_RESET};
  return statuses[tape_choose(6)];
}

static void sock__end_ops(struct list_node* list) {
  while (!list_is_empty(list))
    op_done(LIST_ENTRY(list->next, struct op, node), sock_closed_status(), 0);
}

/* SO_LINGER applies to connected sockets. It is not documented whether a socket
 * without its context is one. Where it is not, a value set before is
 * ignored. */
static bool sock__aborts(const struct sock* sock) {
  return sock->resets && (!sock->lacks_context || habits.lingers_early);
}

static void sock__end_connection(struct sock* sock) {
  struct end* end = sock->end;
  /* With a receive pending Windows sends an RST, even when nothing is unread
   * (libuv #3034). */
  bool is_reset = sock__aborts(sock) || !list_is_empty(&sock->receives);
  /* A pending send is cut off. What follows may look like the end of the stream
   * ("closesocket function"; toit #3221). */
  if (!sock__aborts(sock) && !list_is_empty(&sock->sends))
    is_reset = tape_choose(2) != 0;
  sock->end = NULL;
  if (end == NULL) return;
  TRACE("  %#zx is closed: %s",
        (size_t)sock->object.handle,
        is_reset ? "RST" : "FIN");
  if (is_reset)
    end_reset(end);
  else
    end_close(end);
}

static void sock__end_transfers(struct sock* sock) {
  sock__end_connection(sock);
  sock__end_ops(&sock->receives);
  sock__end_ops(&sock->sends);
}

/* Under Wine 10 sends that were not canceled keep the socket, and the
 * connection with it. */
static bool sock__is_kept(struct sock* sock) {
  if (!habits.is_wine || sock->end == NULL || sock->has_failed_cancel)
    return false;
  struct list_node* next;
  for (struct list_node* node = sock->sends.next; node != &sock->sends;
       node = next) {
    struct op* op = LIST_ENTRY(node, struct op, node);
    next = node->next;
    if (op->is_canceling) op_done(op, sock_closed_status(), 0);
  }
  return !list_is_empty(&sock->sends);
}

void sock_sends_ended(struct sock* sock) {
  if (!sock->is_open) sock__end_transfers(sock);
}

static void sock__end(struct sock* sock) {
  sock->is_open = false;
  if (sock->family == SOCK_PIPE) {
    if (sock->pipe != NULL) npfs_sock_closed(sock);
    return;
  }
  if (sock->state == SOCK_LISTENING) {
    sock->state = SOCK_FAILED;
    listening_close(&sock->listening);
    while (!list_is_empty(&sock->accepts)) {
      struct op* op = LIST_ENTRY(sock->accepts.next, struct op, node);
      accept_canceled(op);
      op_done(op, sock_closed_status(), 0);
    }
  }
  if (sock->connect != NULL) {
    network_hang_up(sock->call);
    op_done(sock__end_connect(sock), sock_closed_status(), 0);
  }
  if (sock->accept != NULL) accept_target_closed(sock);
  if (!sock__is_kept(sock)) sock__end_transfers(sock);
}

static void sock__end_ops_of(struct list_node* list, uintptr_t handle) {
  struct list_node* next;
  for (struct list_node* node = list->next; node != list; node = next) {
    struct op* op = LIST_ENTRY(node, struct op, node);
    next = node->next;
    if (op->handle == handle) op_done(op, sock_closed_status(), 0);
  }
}

/* Another handle keeps the socket open. By the documentation of closesocket()
 * "any pending overlapped send and receive operations issued by any thread in
 * this process are also canceled". But a system that only closes the handle
 * leaves them pending (boostorg/asio #190). */
static void sock__close_one(struct sock* sock, uintptr_t handle) {
  if (!sock->has_failed_cancel && habits.leaves_pending) return;
  sock__end_ops_of(&sock->receives, handle);
  sock__end_ops_of(&sock->sends, handle);
}

void sock_drop_handle(struct sock* sock, uintptr_t handle) {
  sock->object.holds++;
  if (--sock->handles != 0)
    sock__close_one(sock, handle);
  else if (!sock->is_inherited)
    sock__end(sock);
  sock->object.holds--;
  sock__free_if_unused(sock);
}

void sock_close(struct sock* sock) {
  struct object* object = sock->via;
  uintptr_t handle = object->handle;
  if (object == &sock->object)
    object_release(object);
  else
    duplicate_free(object);
  sock->via = &sock->object;
  sock_drop_handle(sock, handle);
}

bool sock_close_pipe(HANDLE handle) {
  struct sock* sock = sock_find_file((uintptr_t)handle, "CloseHandle");
  if (sock == NULL || sock->family != SOCK_PIPE) return false;
  RULE("the library does not close a handle of the user", !sock->via->is_users);
  sock_close(sock);
  return true;
}

int closesocket(SOCKET handle) {
  kernel_enter();
  struct sock* sock = sock_find(handle, "closesocket");
  if (sock == NULL) return SOCKET_ERROR;
  RULE("the library does not close a handle of the user", !sock->via->is_users);
  sock_close(sock);
  kernel_succeed();
  return 0;
}

void sock_start_child(void) {
  for (struct list_node* node = sock_all.next; node != &sock_all;
       node = node->next) {
    struct sock* sock = LIST_ENTRY(node, struct sock, node);
    if (!sock->is_open || sock->object.handle == 0 || !sock->is_inheritable ||
        sock->object.is_users)
      continue;
    TRACE("  a child process inherits %#zx", (size_t)sock->object.handle);
    sock->is_inherited = true;
  }
}

void sock_check_children(void) {
  for (struct list_node* node = sock_all.next; node != &sock_all;
       node = node->next) {
    const struct sock* sock = LIST_ENTRY(node, struct sock, node);
    RULE("no child process inherits a handle of the library",
         !sock->is_inherited);
  }
}

BOOL WINAPI SetHandleInformation(HANDLE object, DWORD mask, DWORD flags) {
  kernel_enter();
  struct sock* sock = sock_find_file((uintptr_t)object, "SetHandleInformation");
  if (sock == NULL) return kernel_fail(ERROR_INVALID_HANDLE);
  /* The library adopts it. */
  sock->via->is_users = false;
  /* Of the others the rule of duplicate_take() says that they are not. */
  if ((mask & HANDLE_FLAG_INHERIT) != 0 && sock->via == &sock->object)
    sock->is_inheritable = (flags & HANDLE_FLAG_INHERIT) != 0;
  return kernel_succeed();
}

/* ---- addresses */

/* The path of a SOCKADDR_UN (afunix.h), which follows the family. */
static const char* sock__path(const SOCKADDR* name) {
  return (const char*)name + sizeof name->sa_family;
}

bool sock_address_in(const SOCKADDR* name,
                     int length,
                     struct iocp_address* address_out) {
  *address_out = (struct iocp_address){0};
  if (name->sa_family == AF_UNIX) {
    /* Without a file there is nothing to connect to. */
    disk_find_socket(sock__path(name), address_out);
    return length > 2;
  }
  if (name->sa_family == AF_INET && length >= (int)sizeof(SOCKADDR_IN)) {
    const SOCKADDR_IN* in = (const SOCKADDR_IN*)(const void*)name;
    address_out->family = 4;
    address_out->port = ntohs(in->sin_port);
    memcpy(address_out->bytes, in->sin_addr, 4);
    return true;
  }
  if (name->sa_family == AF_INET6 && length >= (int)sizeof(SOCKADDR_IN6)) {
    const SOCKADDR_IN6* in = (const SOCKADDR_IN6*)(const void*)name;
    address_out->family = 6;
    address_out->port = ntohs(in->sin6_port);
    address_out->scope = in->sin6_scope_id;
    memcpy(address_out->bytes, in->sin6_addr, 16);
    return true;
  }
  return false;
}

/* The length that is returned may include more than the path (compio-net,
 * src/unix.rs). */
static int sock__local_name(const struct iocp_address* address,
                            SOCKADDR* name,
                            int room) {
  const char* path = disk_path(address);
  int size = (int)(sizeof name->sa_family + strlen(path) + 1);
  if (room < SOCK_LOCAL_NAME) return 0;
  memset(name, 0, (size_t)size);
  name->sa_family = AF_UNIX;
  memcpy((char*)name + sizeof name->sa_family, path, strlen(path));
  return tape_choose(2) == 0 ? size : SOCK_LOCAL_NAME;
}

int sock_address_out(const struct iocp_address* address,
                     SOCKADDR* name,
                     int room) {
  SOCKADDR_IN in = {.sin_family = AF_INET, .sin_port = htons(address->port)};
  SOCKADDR_IN6 in6 = {.sin6_family = AF_INET6,
                      .sin6_port = htons(address->port),
                      .sin6_scope_id = address->scope};
  if (address->family == SOCK_LOCAL)
    return sock__local_name(address, name, room);
  int size = address->family == 4 ? (int)sizeof in : (int)sizeof in6;
  if (room < size) return 0;
  memcpy(in.sin_addr, address->bytes, 4);
  memcpy(in6.sin6_addr, address->bytes, 16);
  if (address->family == 4)
    memcpy(name, &in, sizeof in);
  else
    memcpy(name, &in6, sizeof in6);
  return size;
}

struct iocp_address sock_address_for(const struct sock* sock,
                                     const struct iocp_address* address) {
  struct iocp_address seen = *address;
  if (sock->family == address->family || sock->family == 4) return seen;
  seen = (struct iocp_address){
      .family = 6, .port = address->port, .bytes = {[10] = 0xff, [11] = 0xff}};
  memcpy(seen.bytes + 12, address->bytes, 4);
  return seen;
}

uint16_t htons(uint16_t number) {
  return (uint16_t)(number << 8 | number >> 8);
}
uint16_t ntohs(uint16_t number) { return htons(number); }

static int sock__name(const struct iocp_address* address,
                      SOCKADDR* name,
                      int* length) {
  *length = sock_address_out(address, name, *length);
  if (*length == 0) {
    kernel_fail(WSAEFAULT);
    return SOCKET_ERROR;
  }
  kernel_succeed();
  return 0;
}

/* SOCKADDR_HV of hvsocket.h; only its family is read. */
static int sock__other_name(SOCKADDR* name, int* length) {
  memset(name, 0, 36);
  name->sa_family = SOCK_OTHER;
  *length = 36;
  kernel_succeed();
  return 0;
}

int getsockname(SOCKET handle, SOCKADDR* name, int* length) {
  kernel_enter();
  struct sock* sock = sock_find_ready(handle, "getsockname");
  if (sock == NULL) return SOCKET_ERROR;
  if (sock->fails_name) {
    sock->fails_name = false;
    return kernel_fail(WSAENETDOWN), SOCKET_ERROR;
  }
  if (sock->via->is_users && habits_break(habits.silences))
    return kernel_fail(WSAENOBUFS), SOCKET_ERROR;
  if (sock->family == SOCK_OTHER) return sock__other_name(name, length);
  if (sock->state != SOCK_NEW) return sock__name(&sock->local, name, length);
  kernel_fail(WSAEINVAL);
  return SOCKET_ERROR;
}

int getpeername(SOCKET handle, SOCKADDR* name, int* length) {
  kernel_enter();
  struct sock* sock = sock_find_ready(handle, "getpeername");
  if (sock == NULL) return SOCKET_ERROR;
  if (sock->family == SOCK_OTHER) return sock__other_name(name, length);
  if (sock->udp != NULL && sock->udp->is_connected) {
    struct iocp_address to = sock_address_for(sock, &sock->udp->peer);
    return sock__name(&to, name, length);
  }
  if (sock->end == NULL || sock->end->in->rst_arrived) {
    kernel_fail(WSAENOTCONN);
    return SOCKET_ERROR;
  }
  struct iocp_address peer = sock_address_for(sock, &sock->end->other->name);
  return sock__name(&peer, name, length);
}
