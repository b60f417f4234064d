/* SPDX-License-Identifier: MIT */
#include "bind.h"

#include <string.h>
#include <ws2tcpip.h>

#include "accept.h"
#include "disk.h"
#include "habits.h"
#include "kernel.h"
#include "network.h"
#include "report.h"
#include "sock.h"
#include "tape.h"

/* The limit of a plain backlog. A negative one is exact (SOMAXCONN_HINT). */
#define BIND__BACKLOG_MAX 200
/* MIB_TCP_STATE_LISTEN */
#define BIND__LISTENS 2

static struct {
  /* an exclusive bind to it failed because of connections */
  struct iocp_address refused;
} binds;

void bind_open(void) { memset(&binds, 0, sizeof binds); }

static int bind__fails(DWORD error) {
  kernel_fail(error);
  return SOCKET_ERROR;
}

static int bind__succeeds(void) {
  kernel_succeed();
  return 0;
}

/* ---- conflicts between two addresses */

/* A socket that is bound, or about to be. */
struct bind__claim {
  struct iocp_address address;
  bool is_dual_stack; /* "::" that also accepts IPv4 */
  bool is_exclusive;
};

static bool bind__is_v4(const struct iocp_address* address) {
  static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
  return address->family == 4 || memcmp(address->bytes, mapped, 12) == 0;
}

static const uint8_t* bind__v4(const struct iocp_address* address) {
  return address->family == 4 ? address->bytes : address->bytes + 12;
}

static bool bind__is_same(const struct iocp_address* a,
                          const struct iocp_address* b) {
  if (bind__is_v4(a) != bind__is_v4(b)) return false;
  return bind__is_v4(a) ? memcmp(bind__v4(a), bind__v4(b), 4) == 0
                        : address_is_same(a, b);
}

/* Whether both use IPv4, or both use IPv6. */
static bool bind__are_related(const struct bind__claim* a,
                              const struct bind__claim* b) {
  bool a_is_v4 = bind__is_v4(&a->address);
  bool b_is_v4 = bind__is_v4(&b->address);
  if (a_is_v4 == b_is_v4) return true;
  const struct bind__claim* v6 = a_is_v4 ? b : a;
  return address_is_any(&v6->address) && v6->is_dual_stack;
}

/* The tables of "Using SO_REUSEADDR and SO_EXCLUSIVEADDRUSE" for programs of
 * one user, since Windows Server 2003. Returns a Winsock error or 0. */
static DWORD bind__conflict(const struct bind__claim* first,
                            const struct bind__claim* second) {
  bool first_is_any = address_is_any(&first->address);
  bool second_is_any = address_is_any(&second->address);
  if (first->address.port != second->address.port ||
      !bind__are_related(first, second))
    return 0;
  if (first_is_any && second_is_any) return WSAEADDRINUSE;
  if (first_is_any) return first->is_exclusive ? WSAEACCES : 0;
  if (second_is_any) {
    /* The error differs for a dual-stack socket. */
    bool is_dual =
        bind__is_v4(&first->address) != bind__is_v4(&second->address);
    if (!second->is_exclusive) return 0;
    return is_dual ? WSAEACCES : WSAEADDRINUSE;
  }
  return bind__is_same(&first->address, &second->address) ? WSAEADDRINUSE : 0;
}

/* ---- bound sockets */

static struct bind__claim bind__of_sock(const struct sock* sock) {
  return (struct bind__claim){.address = sock->local,
                              .is_dual_stack = !sock->is_v6_only,
                              .is_exclusive = sock->is_exclusive};
}

static struct bind__claim bind__of_listening(const struct listening* one) {
  if (one->sock != NULL) return bind__of_sock(one->sock);
  return (struct bind__claim){.address = one->address};
}

/* The ports of UDP are not those of TCP. */
static DWORD bind__in_use(const struct bind__claim* claim, bool is_udp) {
  struct bind__claim first;
  DWORD error = 0;
  for (struct sock* sock = sock_next(NULL); sock != NULL && error == 0;
       sock = sock_next(sock)) {
    if (sock->state != SOCK_BOUND || !sock->is_open ||
        sock->family == SOCK_LOCAL || (sock->udp != NULL) != is_udp)
      continue;
    first = bind__of_sock(sock);
    error = bind__conflict(&first, claim);
  }
  for (struct listening* one = is_udp ? NULL : listening_next(NULL);
       one != NULL && error == 0;
       one = listening_next(one)) {
    if (one->address.family == SOCK_LOCAL) continue;
    first = bind__of_listening(one);
    error = bind__conflict(&first, claim);
  }
  return error;
}

/* "Another socket (also with SO_EXCLUSIVEADDRUSE) cannot bind to the same port
 * as the first socket until the original connection becomes inactive." Field
 * reports differ in which connections count. */
static bool bind__is_excluded(const struct bind__claim* claim) {
  struct iocp_address at = claim->address;
  if (habits.exclusion == EXCLUDES_NONE || at.port == 0) return false;
  return network_holds(&at, habits.exclusion == EXCLUDES_TIME_WAIT);
}

/* ---- bind() */

/* A port for a socket that asks for any. Returns a Winsock error or 0. The
 * documentation gives both errors for a lack of ports. */
static DWORD bind__choose_port(struct sock* sock) {
  /* The port is chosen by the connect (SO_REUSE_UNICASTPORT). */
  if (sock->shares_port) return 0;
  if (habits.ports != 0 && !habits.is_calm && sock->udp == NULL &&
      sock_own_ports() + network_own_ports() >= habits.ports)
    return tape_choose(2) == 0 ? WSAENOBUFS : WSAEADDRINUSE;
  sock->has_own_port = sock->udp == NULL;
  sock->local.port = network_new_port();
  return 0;
}

/* A path becomes a file, and none of that name may exist. An empty one gives no
 * name (compio-net, src/unix.rs), and an abstract one is refused (WSL #4240).
 */
static int bind__local(struct sock* sock, const SOCKADDR* name, int length) {
  const char* path = (const char*)name + sizeof name->sa_family;
  if (sock->state != SOCK_NEW || name->sa_family != AF_UNIX || length <= 2)
    return bind__fails(WSAEINVAL);
  if (habits_fault(habits.kernel_faults)) return bind__fails(WSAENOBUFS);
  if (path[0] == 0) {
    if (length > 3) return bind__fails(WSAEINVAL);
    sock->local = disk_unnamed();
  } else if (!disk_add_socket(path, &sock->local)) {
    return bind__fails(WSAEADDRINUSE);
  }
  sock->state = SOCK_BOUND;
  return bind__succeeds();
}

/* Another program tries to bind the address with SO_REUSEADDR. */
static void bind__try_hijack(const struct sock* sock) {
  if (!habits_fault(habits.hijacks)) return;
  RULE("no other program can bind the address of a socket",
       sock->is_exclusive || sock->is_exempt);
}

int bind(SOCKET handle, const SOCKADDR* name, int length) {
  struct iocp_address address;
  kernel_enter();
  struct sock* sock = sock_find(handle, "bind");
  if (sock == NULL) return SOCKET_ERROR;
  if (sock->family == SOCK_LOCAL) return bind__local(sock, name, length);
  if (!sock_address_in(name, length, &address) ||
      address.family != sock->family || sock->state != SOCK_NEW)
    return bind__fails(WSAEINVAL);
  DWORD strange = sock_strange_error(false);
  if (strange != 0) return bind__fails(strange);
  if (!address_is_any(&address) && !address_is_own(&address))
    return bind__fails(WSAEADDRNOTAVAIL);
  struct iocp_address before = sock->local;
  sock->local = address;
  struct bind__claim claim = bind__of_sock(sock);
  DWORD error = address.port == 0 ? bind__choose_port(sock)
                                  : bind__in_use(&claim, sock->udp != NULL);
  sock->is_exempt = memcmp(&binds.refused, &address, sizeof address) == 0 &&
                    address.port != 0;
  if (error == 0 && sock->is_exclusive && sock->udp == NULL &&
      bind__is_excluded(&claim)) {
    TRACE("  port %u has connections", address.port);
    binds.refused = address;
    error = WSAEADDRINUSE;
  }
  if (error != 0) {
    sock->local = before;
    return bind__fails(error);
  }
  sock->state = SOCK_BOUND;
  if (sock->udp != NULL) bind__try_hijack(sock);
  return bind__succeeds();
}

/* ---- listen() */

/* Others may be bound beside one that is not exclusive. */
static void bind__check_alone(const struct sock* sock) {
  struct bind__claim own = bind__of_sock(sock);
  own.is_exclusive = true;
  if (sock->is_exclusive) return;
  for (struct listening* one = listening_next(NULL); one != NULL;
       one = listening_next(one)) {
    if (one->address.family == SOCK_LOCAL) continue;
    struct bind__claim other = bind__of_listening(one);
    other.is_exclusive = true;
    RULE("a listener does not share its port",
         bind__conflict(&other, &own) == 0);
  }
}

int listen(SOCKET handle, int backlog) {
  kernel_enter();
  struct sock* sock = sock_find(handle, "listen");
  if (sock == NULL) return SOCKET_ERROR;
  /* A second call succeeds and changes nothing. */
  if (sock->state == SOCK_LISTENING) return bind__succeeds();
  if (sock->state != SOCK_BOUND) return bind__fails(WSAEINVAL);
  if (habits_fault(habits.kernel_faults)) return bind__fails(WSAENOBUFS);
  if (sock->family != SOCK_LOCAL) {
    bind__try_hijack(sock);
    bind__check_alone(sock);
  }
  if (backlog > BIND__BACKLOG_MAX) backlog = BIND__BACKLOG_MAX;
  sock->listening.queued_max = (uint32_t)(backlog < 0 ? -backlog : backlog);
  sock->listening.is_dual_stack = !sock->is_v6_only;
  sock->listening.sock = sock;
  sock->state = SOCK_LISTENING;
  listening_open(&sock->listening, &sock->local);
  return bind__succeeds();
}

/* ---- the table of listeners */

static void bind__write_v4(MIB_TCPROW_OWNER_PID* row,
                           const struct iocp_address* address) {
  *row = (MIB_TCPROW_OWNER_PID){
      .dwState = BIND__LISTENS,
      /* "The upper 16 bits may contain uninitialized data." */
      .dwLocalPort = 0xBAD50000u | htons(address->port)};
  memcpy(&row->dwLocalAddr, bind__v4(address), 4);
}

static void bind__write_v6(MIB_TCP6ROW_OWNER_PID* row,
                           const struct iocp_address* address) {
  *row = (MIB_TCP6ROW_OWNER_PID){
      .dwState = BIND__LISTENS,
      .dwLocalPort = 0xBAD50000u | htons(address->port)};
  memcpy(row->ucLocalAddr, address->bytes, 16);
}

/* A dual-stack listener has a row in both tables. */
static bool bind__is_in(const struct listening* one, ULONG family) {
  if (one->address.family == SOCK_LOCAL) return false;
  if (family == AF_INET6) return !bind__is_v4(&one->address);
  return bind__is_v4(&one->address) ||
         (address_is_any(&one->address) && one->is_dual_stack);
}

DWORD WINAPI bind_get_tcp_table(void* table,
                                DWORD* size,
                                BOOL sorts,
                                ULONG family,
                                TCP_TABLE_CLASS class,
                                ULONG reserved) {
  static const struct iocp_address any = {.family = 4};
  MIB_TCPTABLE_OWNER_PID* v4 = table;
  MIB_TCP6TABLE_OWNER_PID* v6 = table;
  DWORD rows = 0;
  kernel_enter();
  RULE("the table is requested for listeners",
       class == TCP_TABLE_OWNER_PID_LISTENER && !sorts && reserved == 0);
  if (habits_fault(habits.kernel_faults)) return ERROR_NOT_ENOUGH_MEMORY;
  size_t row_size = family == AF_INET ? sizeof v4->table : sizeof v6->table;
  for (struct listening* one = listening_next(NULL); one != NULL;
       one = listening_next(one))
    if (bind__is_in(one, family)) rows++;
  DWORD needed = (DWORD)(sizeof *v6 + rows * row_size);
  /* The table grows between one call and the next. */
  bool has_grown = habits_fault(habits.splits);
  if (*size < needed || has_grown) {
    *size = needed;
    return ERROR_INSUFFICIENT_BUFFER;
  }
  v4->dwNumEntries = 0;
  for (struct listening* one = listening_next(NULL); one != NULL;
       one = listening_next(one)) {
    if (!bind__is_in(one, family)) continue;
    struct iocp_address address = one->address;
    if (family == AF_INET && !bind__is_v4(&address)) {
      address = any;
      address.port = one->address.port;
    }
    if (family == AF_INET)
      bind__write_v4(&v4->table[v4->dwNumEntries++], &address);
    else
      bind__write_v6(&v6->table[v6->dwNumEntries++], &address);
  }
  return 0;
}
