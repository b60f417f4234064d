/* SPDX-License-Identifier: MIT */
/* Socket options. */
#include <mstcpip.h>
#include <mswsock.h>
#include <string.h>
#include <ws2tcpip.h>

#include "accept.h"
#include "datagram.h"
#include "extension.h"
#include "fiber.h"
#include "habits.h"
#include "kernel.h"
#include "network.h"
#include "program.h"
#include "report.h"
#include "sock.h"
#include "tape.h"
#include "udp.h"

/* What a switch that is on may read as. */
#define OPTION__ENABLED 4

static int option__fails(DWORD error) {
  kernel_fail(error);
  return SOCKET_ERROR;
}

static int option__succeeds(void) {
  kernel_succeed();
  return 0;
}

/* ---- setting */

/* "The socket does not inherit the properties of the socket associated with
 * sListenSocket until SO_UPDATE_ACCEPT_CONTEXT is set" (AcceptEx()): its mode,
 * its events, its options. */
static void option__inherit(struct sock* sock, const struct sock* listener) {
  sock->is_non_blocking = listener->is_non_blocking;
  sock->has_events = listener->has_events;
  sock->resets = listener->resets;
  sock->inherited_resets = listener->resets;
  sock->has_inherited = true;
  memcpy(sock->options, listener->options, sizeof sock->options);
  memcpy(sock->family_options,
         listener->family_options,
         sizeof sock->family_options);
}

static int option__update_accept(struct sock* sock,
                                 const char* value,
                                 int length) {
  SOCKET listener_handle;
  RULE("SO_UPDATE_ACCEPT_CONTEXT is given the listener",
       length == sizeof listener_handle);
  memcpy(&listener_handle, value, sizeof listener_handle);
  const struct sock* listener =
      sock_find(listener_handle, "SO_UPDATE_ACCEPT_CONTEXT");
  if (listener == NULL || listener->state != SOCK_LISTENING)
    return option__fails(WSAENOTSOCK);
  /* The engine tries this before it closes the target of a posted accept that
   * holds a connection without data. */
  if (sock->accept != NULL) sock->accept->is_ending = sock->accept->is_attached;
  if (sock->accept != NULL || sock->end == NULL)
    return option__fails(WSAEINVAL);
  /* The peer has reset the connection. */
  if (sock->end->in->rst_arrived && tape_choose(2) == 0)
    return option__fails(WSAENOTCONN);
  sock->lacks_context = false;
  option__inherit(sock, listener);
  return option__succeeds();
}

static int option__update_connect(struct sock* sock, int length) {
  if (length != 0 || sock->end == NULL) return option__fails(WSAEINVAL);
  if (sock->end->in->rst_arrived && tape_choose(2) == 0)
    return option__fails(WSAECONNRESET);
  sock->lacks_context = false;
  return option__succeeds();
}

static int option__linger(struct sock* sock, const char* value) {
  LINGER linger;
  memcpy(&linger, value, sizeof linger);
  /* With a linger time, closesocket() blocks or fails (its documentation). */
  RULE("a close does not linger", linger.l_onoff == 0 || linger.l_linger == 0);
  /* Like any option of a connection that was reset ("setsockopt function"). */
  if (sock->end != NULL && sock->end->in->rst_arrived && tape_choose(4) == 1)
    return option__fails(WSAENOTCONN);
  sock->resets = linger.l_onoff != 0;
  return option__succeeds();
}

/* The build since which an option of TCP exists ("IPPROTO_TCP socket
 * options"). */
static uint32_t option__build(int option) {
  switch (option) {
    case SOCK_KEEP_COUNT:
      return BUILD_1703;
    case SOCK_KEEP_IDLE:
    case SOCK_KEEP_INTERVAL:
      return BUILD_1709;
    default:
      return 0;
  }
}

/* Where the value of an option is stored. NULL if this system lacks the
 * option. */
static int32_t* option__place(struct sock* sock, int level, int option) {
  if (level == SOL_SOCKET && option == SO_KEEPALIVE) return &sock->options[0];
  /* Wine 10 lacks it (ffi/probe, "option-max-retransmission"). */
  if (level == IPPROTO_TCP && option == SOCK_MAX_RETRANSMISSION &&
      habits.is_wine)
    return NULL;
  if (level == SOL_SOCKET && sock->udp != NULL)
    return datagram_option(sock, option);
  if (level == IPPROTO_TCP && option > 0 && option < SOCK_OPTIONS &&
      habits.build >= option__build(option))
    return &sock->options[option];
  if (level == (sock->family == 6 ? IPPROTO_IPV6 : IPPROTO_IP) && option > 0 &&
      option < SOCK_FAMILY_OPTIONS)
    return &sock->family_options[option];
  return NULL;
}

/* "The level parameter is not valid", or the option is unknown
 * (setsockopt() and getsockopt(), WSAEINVAL and WSAENOPROTOOPT). */
static DWORD option__unknown(void) {
  return habits.is_layered ? WSAEINVAL : WSAENOPROTOOPT;
}

/* The keep-alive times that the caller has set must be in force, by whichever
 * call they were set. Of two owners of a socket each sets those that it knows:
 * see world_handle_detached(). */
static void option__check_keep_alive(const struct sock* sock) {
  for (int option = 0; option < SOCK_OPTIONS; option++)
    RULE("keep-alive has the times that were set",
         sock->options[0] == 0 || sock->has_failed_option || sock->was_passed ||
             sock->wanted[option] == 0 ||
             sock->wanted[option] == sock->options[option]);
}

/* "Use this option instead of SO_PORT_SCALABILITY", since Windows 10. */
static int option__share_port(struct sock* sock, int32_t number) {
  RULE("a port is shared from the bind on", sock->state == SOCK_NEW);
  sock->asks_to_share = number != 0;
  if (habits.build < BUILD_10) return option__fails(WSAENOPROTOOPT);
  if (habits_fault(habits.kernel_faults)) return option__fails(WSAENOBUFS);
  sock->shares_port = number != 0;
  return option__succeeds();
}

static int option__number(
    struct sock* sock, int level, int option, const char* value, int length) {
  int32_t number = 0;
  if (length != sizeof number) return option__fails(WSAEFAULT);
  memcpy(&number, value, sizeof number);
  if (level == IPPROTO_IPV6 && option == IPV6_V6ONLY) {
    if (habits_fault(habits.kernel_faults)) return option__fails(WSAENOBUFS);
    sock->is_v6_only = number != 0;
    return option__succeeds();
  }
  if (level == SOL_SOCKET && option == SO_EXCLUSIVEADDRUSE) {
    if (habits_fault(habits.kernel_faults)) return option__fails(WSAENOBUFS);
    sock->is_exclusive = number != 0;
    return option__succeeds();
  }
  /* "The attempt to set the IP_TOS option still returns 0 (SUCCESS) ... but the
   * ToS bits in the IP header is not marked" (KB 248611). */
  RULE("IP_TOS, which is accepted and ignored, is not set",
       level != IPPROTO_IP || option != IP_TOS);
  RULE("SO_REUSEADDR lets no other program bind the address",
       level != SOL_SOCKET || option != SO_REUSEADDR);
  if (level == SOL_SOCKET && option == SOCK_REUSE_UNICASTPORT)
    return option__share_port(sock, number);
  if (habits_fault(habits.kernel_faults)) {
    sock->has_failed_option = true;
    return option__fails(WSAENOBUFS);
  }
  int32_t* place = option__place(sock, level, option);
  if (level == IPPROTO_TCP && option__build(option) == BUILD_1709)
    sock->wanted[option] = number;
  if (place == NULL) return option__fails(option__unknown());
  *place = number;
  return option__succeeds();
}

int setsockopt(
    SOCKET handle, int level, int option, const char* value, int length) {
  kernel_enter();
  if (level == SOL_SOCKET && (option == SO_UPDATE_ACCEPT_CONTEXT ||
                              option == SO_UPDATE_CONNECT_CONTEXT)) {
    struct sock* sock = sock_find(handle, "setsockopt");
    if (sock == NULL) return SOCKET_ERROR;
    return option == SO_UPDATE_ACCEPT_CONTEXT
               ? option__update_accept(sock, value, length)
               : option__update_connect(sock, length);
  }
  struct sock* sock = sock_find_ready(handle, "setsockopt");
  if (sock == NULL) return SOCKET_ERROR;
  if (sock->udp != NULL && datagram_is_membership(level, option))
    return datagram_set_membership(sock, level, option, value, length);
  /* SO_LINGER is for streams. */
  if (level == SOL_SOCKET && option == SO_LINGER && sock->udp != NULL)
    return option__fails(WSAENOPROTOOPT);
  if (level == SOL_SOCKET && option == SO_LINGER)
    return option__linger(sock, value);
  return option__number(sock, level, option, value, length);
}

/* ---- getting */

static int option__give(char* out, int* length, const void* in, int size) {
  if (*length < size) return option__fails(WSAEFAULT);
  memcpy(out, in, (size_t)size);
  *length = size;
  return option__succeeds();
}

static int option__info(char* out, int* length) {
  WSAPROTOCOL_INFOW info = {.dwServiceFlags1 =
                                habits.is_layered ? 0 : XP1_IFS_HANDLES};
  if (habits_fault(habits.kernel_faults) || habits_fault(habits.memory_faults))
    return option__fails(WSAENOBUFS);
  return option__give(out, length, &info, sizeof info);
}

static int option__connect_time(const struct sock* sock,
                                char* out,
                                int* length) {
  DWORD seconds = 0xFFFFFFFFu;
  if (habits_fault(habits.silences)) return option__fails(WSAENOBUFS);
  if (sock->state == SOCK_CONNECTED)
    seconds =
        (DWORD)((fiber_now_ms() + kernel_slept_ms() - sock->connected_ms) /
                1000);
  return option__give(out, length, &seconds, sizeof seconds);
}

static bool option__is_switch(int level, int option) {
  return (level == SOL_SOCKET &&
          (option == SO_KEEPALIVE || option == SO_BROADCAST)) ||
         (level == IPPROTO_TCP && option == TCP_NODELAY);
}

int getsockopt(SOCKET handle, int level, int option, char* value, int* length) {
  kernel_enter();
  struct sock* sock = sock_find(handle, "getsockopt");
  if (sock == NULL) return SOCKET_ERROR;
  BOOL listens = sock->state == SOCK_LISTENING;
  if (level == SOL_SOCKET && sock->fails_option == option) {
    sock->fails_option = 0;
    return option__fails(WSAENETDOWN);
  }
  if (level == SOL_SOCKET) switch (option) {
      case SO_PROTOCOL_INFOW:
        return option__info(value, length);
      case SO_CONNECT_TIME:
        return option__connect_time(sock, value, length);
      case SO_TYPE:
        if (habits_fault(habits.kernel_faults))
          return option__fails(WSAENOBUFS);
        return option__give(value, length, &sock->type, sizeof sock->type);
      case SO_ACCEPTCONN:
        return option__give(value, length, &listens, sizeof listens);
      default:
        break;
    }
  if (sock_find_ready(handle, "getsockopt") == NULL) return SOCKET_ERROR;
  if (habits_fault(habits.kernel_faults)) {
    sock->has_failed_option = true;
    return option__fails(WSAENOBUFS);
  }
  if (level == IPPROTO_TCP) option__check_keep_alive(sock);
  const int32_t* place = option__place(sock, level, option);
  if (place == NULL) return option__fails(option__unknown());
  int32_t number = *place;
  /* A BOOL is true when it is not 0 (getsockopt(), remarks). */
  if (number == 1 && option__is_switch(level, option) && tape_choose(4) == 1)
    number = OPTION__ENABLED;
  return option__give(value, length, &number, sizeof number);
}

int ioctlsocket(SOCKET handle, long command, u_long* argument) {
  kernel_enter();
  struct sock* sock = sock_find(handle, "ioctlsocket");
  if (sock == NULL) return SOCKET_ERROR;
  if (habits_break(habits.kernel_faults)) return option__fails(WSAENOBUFS);
  if (command != (long)FIONBIO) {
    *argument = sock->end == NULL ? 0 : end_readable(sock->end);
    if (sock->udp != NULL) *argument = sock->udp->queued_bytes;
    return option__succeeds();
  }
  /* "If WSAAsyncSelect or WSAEventSelect has been issued on a socket, then any
   * attempt to use ioctlsocket to set the socket back to blocking mode will
   * fail with WSAEINVAL." */
  if (*argument == 0 && sock->has_events) return option__fails(WSAEINVAL);
  sock->is_non_blocking = *argument != 0;
  return option__succeeds();
}

int WSAEventSelect(SOCKET handle, HANDLE event, LONG events) {
  kernel_enter();
  struct sock* sock = sock_find(handle, "WSAEventSelect");
  if (sock == NULL) return SOCKET_ERROR;
  RULE("the library has no events on a socket", event == NULL && events == 0);
  if (habits_break(habits.kernel_faults)) return option__fails(WSAENOBUFS);
  sock->has_events = false;
  /* "Regardless of the value of lNetworkEvents." */
  sock->is_non_blocking = true;
  return option__succeeds();
}

int WSAPoll(WSAPOLLFD* entries, ULONG count, int timeout_ms) {
  kernel_enter();
  RULE("WSAPoll() is asked about one socket and does not wait",
       count == 1 && timeout_ms == 0 && entries->events == POLLRDNORM);
  const struct sock* sock = sock_find(entries->fd, "WSAPoll");
  entries->revents = 0;
  if (sock == NULL) return SOCKET_ERROR;
  if (habits_fault(habits.silences)) return option__fails(WSAENOBUFS);
  if (sock->end == NULL) {
    entries->revents = POLLHUP;
  } else {
    const struct flow* in = sock->end->in;
    if (end_readable(sock->end) != 0) entries->revents = POLLRDNORM;
    if (in->fin_arrived) entries->revents |= POLLHUP;
    if (in->rst_arrived) entries->revents = POLLERR | POLLHUP;
  }
  kernel_succeed();
  return entries->revents != 0;
}

BOOL WINAPI SetFileCompletionNotificationModes(HANDLE file, BYTE flags) {
  kernel_enter();
  struct sock* sock =
      sock_find_file((uintptr_t)file, "SetFileCompletionNotificationModes");
  if (sock == NULL) return kernel_fail(ERROR_INVALID_HANDLE);
  /* libuv, src/win/winsock.c: when a datagram is larger than the buffer, it is
   * not reliable whether a packet follows. */
  RULE("a datagram socket does not skip packets", sock->udp == NULL);
  if (habits.refuses_modes) return kernel_fail(ERROR_NOT_SUPPORTED);
  if (habits_fault(habits.kernel_faults))
    return kernel_fail(ERROR_NO_SYSTEM_RESOURCES);
  /* The modes stay with the handle, in whichever program. */
  sock->modes |= flags;
  return kernel_succeed();
}

/* ---- WSAIoctl() */

/* "The specified ioctl command cannot be realized" (WSAIoctl(), return values),
 * or the GUID is invalid for the provider. */
static DWORD option__no_function(void) {
  return tape_choose(2) == 0 ? WSAEINVAL : WSAEOPNOTSUPP;
}

static int option__extension(const void* in, void* out, DWORD size) {
  static const GUID accept_ex = WSAID_ACCEPTEX;
  static const GUID connect_ex = WSAID_CONNECTEX;
  static const GUID sockaddrs = WSAID_GETACCEPTEXSOCKADDRS;
  static const GUID transmit_file = WSAID_TRANSMITFILE;
  LPFN_ACCEPTEX accept_function = extension_accept_ex;
  LPFN_CONNECTEX connect_function = extension_connect_ex;
  LPFN_GETACCEPTEXSOCKADDRS get_function = extension_get_accept_ex_sockaddrs;
  LPFN_TRANSMITFILE transmit_function = extension_transmit_file;
  RULE("an extension function has the size of a pointer",
       size == sizeof accept_function);
  if (habits_fault(habits.lookups)) return option__fails(WSAENOBUFS);
  if (memcmp(in, &sockaddrs, sizeof(GUID)) == 0) {
    if (habits.lacks_sockaddrs) return option__fails(option__no_function());
    memcpy(out, &get_function, size);
    return option__succeeds();
  }
  if (habits.lacks_extensions) return option__fails(option__no_function());
  if (memcmp(in, &accept_ex, sizeof(GUID)) == 0)
    memcpy(out, &accept_function, size);
  else if (memcmp(in, &connect_ex, sizeof(GUID)) == 0)
    memcpy(out, &connect_function, size);
  else if (memcmp(in, &transmit_file, sizeof(GUID)) == 0)
    memcpy(out, &transmit_function, size);
  else
    return option__fails(WSAEINVAL);
  return option__succeeds();
}

/* That of Ethernet. */
#define OPTION__MSS 1460

/* SIO_TCP_INFO. Whether "bytes sent" includes retransmissions or zero-window
 * probes (RFC 9293, 3.8.6.1) is not documented. */
static int option__tcp_info(
    struct sock* sock, const void* in, DWORD in_size, void* out, DWORD* size) {
  DWORD version = 1;
  if (in_size == sizeof version) memcpy(&version, in, sizeof version);
  /* "Specify 0 to use TCP_INFO_v0", which the buffer must have room for. */
  RULE("SIO_TCP_INFO is asked for version 0",
       version == 0 && *size == sizeof(TCP_INFO_v0));
  if (habits.lacks_tcp_info) return option__fails(WSAEOPNOTSUPP);
  if (sock->end == NULL) return option__fails(WSAEINVAL);
  if (habits_fault(habits.kernel_faults)) return option__fails(WSAENOBUFS);
  const struct flow* flow = sock->end->out;
  if (flow->sent != flow->arrived) sock->resent += tape_choose(50);
  if (end_room(sock->end) == 0) sock->probes += tape_choose(10);
  TCP_INFO_v0 info = {.Mss = OPTION__MSS,
                      .RttUs = 2000 + sock->resent,
                      .MinRttUs = 1000,
                      .Cwnd = 10 * OPTION__MSS,
                      .BytesInFlight = (ULONG)(flow->sent - flow->arrived),
                      .BytesRetrans = sock->resent,
                      .BytesOut = flow->sent + sock->probes +
                                  (habits.counts_resent ? sock->resent : 0)};
  memcpy(out, &info, sizeof info);
  return option__succeeds();
}

static int option__set_rto(struct sock* sock, const void* in, DWORD size) {
  TCP_INITIAL_RTO_PARAMETERS parameters;
  if (size < sizeof parameters) return option__fails(WSAEFAULT);
  memcpy(&parameters, in, sizeof parameters);
  sock->tries_once = parameters.MaxSynRetransmissions ==
                     TCP_INITIAL_RTO_NO_SYN_RETRANSMISSIONS;
  RULE("a SYN is not repeated 254 times",
       !sock->tries_once || habits.build >= BUILD_1709);
  return option__succeeds();
}

static int option__set_keep_alive(struct sock* sock,
                                  const void* in,
                                  DWORD size) {
  struct tcp_keepalive times;
  if (size < sizeof times) return option__fails(WSAEFAULT);
  memcpy(&times, in, sizeof times);
  if (habits_fault(habits.kernel_faults)) {
    sock->has_failed_option = true;
    return option__fails(WSAENOBUFS);
  }
  sock->options[0] = times.onoff != 0;
  sock->options[SOCK_KEEP_IDLE] = (int32_t)(times.keepalivetime / 1000);
  sock->options[SOCK_KEEP_INTERVAL] = (int32_t)(times.keepaliveinterval / 1000);
  option__check_keep_alive(sock);
  return option__succeeds();
}

int WSAIoctl(SOCKET handle,
             DWORD code,
             void* in,
             DWORD in_size,
             void* out,
             DWORD out_size,
             DWORD* returned,
             OVERLAPPED* overlapped,
             void* completion) {
  (void)completion;
  kernel_enter();
  struct sock* sock = sock_find(handle, "WSAIoctl");
  if (sock == NULL) return SOCKET_ERROR;
  RULE("WSAIoctl() is given where to store the size", returned != NULL);
  RULE("WSAIoctl() is not overlapped", overlapped == NULL);
  *returned = 0;
  int result;
  if (datagram_ioctl(sock, code, in, in_size, &result)) return result;
  if (code == SIO_TCP_INITIAL_RTO) return option__set_rto(sock, in, in_size);
  if (code == SIO_KEEPALIVE_VALS)
    return option__set_keep_alive(sock, in, in_size);
  if (code == SIO_TCP_INFO) {
    *returned = out_size;
    return option__tcp_info(sock, in, in_size, out, returned);
  }
  if (code == SIO_AF_UNIX_GETPEERPID && sock->family == SOCK_LOCAL) {
    const ULONG id = PROGRAM_ID;
    if (sock->end == NULL || sock->end->in->rst_arrived)
      return option__fails(WSAENOTCONN);
    RULE("the id of a process has room", out_size == sizeof id);
    memcpy(out, &id, sizeof id);
    *returned = sizeof id;
    return option__succeeds();
  }
  if (code != SIO_GET_EXTENSION_FUNCTION_POINTER || in_size != sizeof(GUID))
    return option__fails(WSAEOPNOTSUPP);
  *returned = out_size;
  return option__extension(in, out, out_size);
}
