/* SPDX-License-Identifier: MIT */
/*
 * The sockets belong to the user here, who connects them or listens, has the
 * library receive or accept, and closes them at any time, from inside a call
 * too. Calls come on other threads, which draw nothing from the tape.
 */
#include "workload_callbacks.h"

#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

#include "iocp_callback.h"
#include "report.h"
#include "schedule.h"
#include "tape.h"
#include "world.h"

#define CALLS__SOCKETS 24
#define CALLS__ACCEPTED 64
#define CALLS__PART 3000
#define CALLS__PART_MAX 65536
#define CALLS__HOSTS 2
#define CALLS__ODD 8
#define CALLS__REPLACE_MS 25
/* When the last call must have come. The library checks once a second for
 * sockets that were closed without its knowledge. */
#define CALLS__LIMIT_MS 4000
#define CALLS__LIMIT_REAL_MS 6000

/* A connected socket of the user, or a listener. */
struct calls__socket {
  double handle;
  struct peer* peer; /* the other end; NULL: closed, or a listener */
  struct iocp_address address;
  bool is_listener;
  bool is_added;
  bool was_on_port;    /* added to another port before */
  bool closes_in_call; /* in its first call */
  uint8_t id;
  /* Written by the thread of the schedule. */
  atomic_bool is_closed; /* by the user */
  atomic_bool is_reset;  /* by the peer */
  atomic_bool has_fin;   /* the peer's */
  atomic_uint sent;      /* by the peer */
  /* Written by the calls. */
  atomic_uint received;
  atomic_uint calls;
  atomic_int last_call; /* 0: none yet */
  atomic_uint accepted;
};

static struct {
  struct iocp_callbacks* callbacks;
  struct peer_listener* hosts[CALLS__HOSTS];
  double odd[CALLS__ODD]; /* sockets that could not be added */
  uint32_t odd_count;
  bool is_large;         /* every socket has a large buffer */
  atomic_bool is_ending; /* the threads are about to be ended */
  struct calls__socket sockets[CALLS__SOCKETS];
  uint32_t count;
  /* peers that have connected to listeners */
  struct peer* guests[CALLS__ACCEPTED];
  uint32_t guest_count;
  /* accepted sockets, to be closed by the user */
  double accepted[CALLS__ACCEPTED];
  atomic_uint accepted_count;
  uint8_t bytes[CALLS__PART_MAX];
} calls;

/* ---- called back */

static uint8_t calls__byte(const struct calls__socket* socket, uint32_t place) {
  return (uint8_t)(place * 37 + (place >> 8) + socket->id);
}

static void calls__received(struct calls__socket* socket,
                            const uint8_t* bytes,
                            uint32_t count) {
  uint32_t place = atomic_load(&socket->received);
  RULE("a call has no more bytes than were sent",
       count != 0 && place + count <= atomic_load(&socket->sent));
  for (uint32_t i = 0; i < count; i++)
    RULE("a call has the bytes in order",
         bytes[i] == calls__byte(socket, place + i));
  atomic_store(&socket->received, place + count);
}

static void calls__ended(struct calls__socket* socket,
                         int event,
                         uint32_t error) {
  if (event == IOCP_CALLBACK_END)
    RULE(
        "an end is reported only for a stream that has ended, behind its bytes",
        !socket->is_listener && atomic_load(&socket->has_fin) &&
            atomic_load(&socket->received) == atomic_load(&socket->sent));
  else
    RULE("an error has a known number",
         error != 0 && (error < IOCP_EUNKNOWN ||
                        (error == IOCP_EUNKNOWN && world_is_unclear())));
  TRACE("last call: event %d, error %u, closed %d",
        event,
        error,
        (int)atomic_load(&socket->is_closed));
  /* A receive of a closed socket has different errors on different systems. */
  if (event == IOCP_CALLBACK_ERROR && atomic_load(&socket->is_closed) &&
      !atomic_load(&socket->is_reset) && !world_has_broken())
    RULE("a socket that its user has closed is reported as canceled",
         error == IOCP_ECANCELED || error == IOCP_ENOMEM ||
             error == IOCP_ENOBUFS);
  RULE("only a socket that its user has closed is reported as canceled",
       event != IOCP_CALLBACK_ERROR || error != IOCP_ECANCELED ||
           atomic_load(&socket->is_closed) || atomic_load(&calls.is_ending) ||
           world_is_strange());
  atomic_store(&socket->last_call, event);
}

static void calls__accepted(struct calls__socket* socket, const void* handle) {
  iocp_os_socket accepted;
  memcpy(&accepted, handle, sizeof accepted);
  RULE("only a listener accepts", socket->is_listener);
  uint32_t index = atomic_fetch_add(&calls.accepted_count, 1);
  RULE("no more is accepted than has connected", index < CALLS__ACCEPTED);
  calls.accepted[index] = (double)accepted;
  RULE("an accepted socket blocks", world_handle_blocks((double)accepted));
  world_handle_given((double)accepted);
  atomic_fetch_add(&socket->accepted, 1);
}

/* The user may do this at any time. */
static void calls__close(struct calls__socket* socket) {
  if (atomic_exchange(&socket->is_closed, true)) return;
  world_handle_given(socket->handle);
  world_handle_close(socket->handle);
}

static void calls__called(iocp_os_socket handle,
                          int event,
                          void* buffer,
                          iocp_byte_count count,
                          void* state) {
  struct calls__socket* socket = state;
  RULE("a call has the handle of its socket", (double)handle == socket->handle);
  RULE("nothing is called after the last call",
       atomic_load(&socket->last_call) == 0);
  atomic_fetch_add(&socket->calls, 1);
  RULE("the threads cannot be ended from inside a call",
       iocp_callbacks_delete(calls.callbacks) == -IOCP_EBUSY);
  switch (event) {
    case IOCP_CALLBACK_READ:
      calls__received(socket, buffer, (uint32_t)count);
      break;
    case IOCP_CALLBACK_ACCEPT:
      calls__accepted(socket, buffer);
      break;
    case IOCP_CALLBACK_ACCEPT_FAILED:
      RULE("accepting fails with an error", socket->is_listener && count != 0);
      /* "The system is out of descriptors or memory" (iocp_callback.h): any
       * other error is the last call. */
      RULE("accepting fails and goes on after a shortage alone",
           count == IOCP_EMFILE || count == IOCP_ENFILE ||
               count == IOCP_ENOMEM || count == IOCP_ENOBUFS ||
               world_is_unclear() || world_is_strange());
      break;
    default:
      calls__ended(socket, event, (uint32_t)count);
      return;
  }
  if (socket->closes_in_call) calls__close(socket);
}

/* ---- what the user does */

static struct calls__socket* calls__new(void) {
  if (calls.count == CALLS__SOCKETS) return NULL;
  struct calls__socket* socket = &calls.sockets[calls.count];
  socket->id = (uint8_t)(calls.count * 11);
  socket->closes_in_call = tape_chance(60);
  return socket;
}

static void calls__add(struct calls__socket* socket) {
  static const size_t sizes[] = {1000, 1, 2, 100, 65536, 1 << 20};
  iocp_os_socket handle = (iocp_os_socket)socket->handle;
  size_t size = calls.is_large ? CALLS__PART_MAX : sizes[tape_choose(6)];
  /* Its handle may be that of another socket by now. */
  if (atomic_load(&socket->is_closed)) return;
  int32_t result =
      socket->is_listener
          ? iocp_callbacks_add_listener(
                calls.callbacks, handle, socket, calls__called)
          : iocp_callbacks_add_socket(
                calls.callbacks, handle, socket, size, calls__called);
  TRACE(
      "a %s is added: %d", socket->is_listener ? "listener" : "socket", result);
  schedule_checks++;
  if (result == 0) {
    RULE("a socket is added once", !socket->is_added);
    socket->is_added = true;
    return;
  }
  bool may_be_gone =
      atomic_load(&socket->is_reset) || atomic_load(&socket->is_closed);
  RULE("a socket is refused with one of the expected errors",
       (result == -IOCP_EEXIST &&
        (socket->is_added || world_has_broken() ||
         (socket->was_on_port && !world_detaches_ports()))) ||
           result == -IOCP_ENOMEM || result == -IOCP_ENOBUFS ||
           (may_be_gone &&
            (result == -IOCP_ENOTCONN || result == -IOCP_ENOTSOCK ||
             result == -IOCP_EBADF || result == -IOCP_EINVAL)));
}

/* Detaches the handle from a port. */
static void calls__detach(struct calls__socket* socket, int32_t port) {
  static uint8_t slab[8192] __attribute__((aligned(8)));
  struct {
    struct iocp_header header;
    struct iocp_record records[1];
  } events;
  for (;;) {
    int32_t count = iocp_poll(port, &events, 1, slab, 0, sizeof slab);
    const struct iocp_record* record = &events.records[0];
    if (count == 1 && record->kind == IOCP_CLOSED) {
      if (record->result == 0)
        world_handle_given(socket->handle);
      else
        atomic_store(&socket->is_closed, true);
      return;
    }
    if (count == 0) world_pause(1);
  }
}

/* The socket is on a port for a while, which may have changed its modes. */
static void calls__use_on_port(struct calls__socket* socket) {
  int32_t port = iocp_new(0);
  if (port < 0) return;
  socket->was_on_port = true;
  int32_t id = iocp_add_socket(port, socket->handle, 0);
  TRACE("iocp_add_socket(%.0f): %d", socket->handle, id);
  if (id >= 0 && iocp_close(port, id, IOCP_DETACH, 1000) == 0)
    calls__detach(socket, port);
  else if (id >= 0)
    atomic_store(&socket->is_closed, true);
  iocp_delete(port);
}

static void calls__connect(void) {
  struct calls__socket* socket = calls__new();
  if (socket == NULL) return;
  struct peer_listener* host = calls.hosts[tape_choose(CALLS__HOSTS)];
  socket->handle = world_handle_connect(host);
  if (socket->handle < 0) return;
  while ((socket->peer = peer_accept(host)) == NULL) world_pause(1);
  calls.count++;
  TRACE("socket %u is connected: %.0f", calls.count - 1, socket->handle);
  if (tape_chance(200)) calls__use_on_port(socket);
  if (!tape_chance(50)) calls__add(socket);
}

static void calls__listen(void) {
  struct calls__socket* socket = calls__new();
  if (socket == NULL) return;
  socket->handle =
      world_handle_listen(tape_choose(2) == 0 ? 4 : 6, &socket->address);
  if (socket->handle < 0) return;
  socket->is_listener = true;
  calls.count++;
  TRACE("socket %u listens: %.0f", calls.count - 1, socket->handle);
  calls__add(socket);
}

/* A socket that cannot be added. It stays open, and its handle may be the
 * former one of a socket whose close the library has not noticed yet. */
static void calls__odd(void) {
  if (calls.odd_count == CALLS__ODD) return;
  enum world_odd odd = (enum world_odd)tape_choose(WORLD_ODDS);
  /* On Linux a stream of any family is accepted. */
  bool is_local = odd == WORLD_LOCAL_STREAM || odd == WORLD_LOCAL_LISTENING;
  if (is_local && !world_posts_operations()) return;
  double number = world_handle_odd(odd);
  if (number < 0) return;
  calls.odd[calls.odd_count++] = number;
  iocp_os_socket handle = (iocp_os_socket)number;
  TRACE("not a stream or listener, %d, is added: %.0f", (int)odd, number);
  int32_t result = iocp_callbacks_add_socket(
      calls.callbacks, handle, &calls.sockets[0], 1, calls__called);
  RULE("only a connected stream is added as one",
       result == -IOCP_ENOTCONN || result == -IOCP_ENOMEM ||
           result == -IOCP_ENOBUFS ||
           (odd == WORLD_PIPE_LISTENING && result == -IOCP_ENOTSOCK));
  if (odd == WORLD_LISTENING) return;
  result = iocp_callbacks_add_listener(
      calls.callbacks, handle, &calls.sockets[0], calls__called);
  RULE("only a listener is added as one",
       result == -IOCP_EINVAL || result == -IOCP_ENOMEM ||
           result == -IOCP_ENOBUFS ||
           (odd == WORLD_PIPE_LISTENING && result == -IOCP_ENOTSOCK));
}

/* One that no completion port accepts. It is not added, and closed at once. */
static void calls__synchronous(void) {
  struct peer_listener* host = calls.hosts[tape_choose(CALLS__HOSTS)];
  double number = world_handle_synchronous(host);
  if (number < 0) return;
  struct peer* peer;
  while ((peer = peer_accept(host)) == NULL) world_pause(1);
  int32_t result = iocp_callbacks_add_socket(calls.callbacks,
                                             (iocp_os_socket)number,
                                             &calls.sockets[0],
                                             1,
                                             calls__called);
  TRACE("a socket that is not overlapped is added: %d", result);
  RULE("a socket that is not overlapped is refused",
       result == -IOCP_ENOTSUP || result == -IOCP_ENOMEM ||
           result == -IOCP_ENOBUFS ||
           (result == -IOCP_EEXIST && !world_detaches_ports()));
  world_handle_given(number);
  world_handle_close(number);
  peer_reset(peer);
}

static struct calls__socket* calls__choose(void) {
  return calls.count == 0 ? NULL : &calls.sockets[tape_choose(calls.count)];
}

/* ---- what the peers do */

static void calls__call_listener(struct calls__socket* socket) {
  if (calls.guest_count == CALLS__ACCEPTED || atomic_load(&socket->is_closed))
    return;
  calls.guests[calls.guest_count++] = peer_connect(&socket->address);
}

static void calls__send(struct calls__socket* socket, uint32_t length) {
  uint32_t place = atomic_load(&socket->sent);
  for (uint32_t i = 0; i < length; i++)
    calls.bytes[i] = calls__byte(socket, place + i);
  /* A call may come before this returns. */
  atomic_store(&socket->sent, place + length);
  int32_t accepted = peer_send(socket->peer, calls.bytes, length);
  atomic_store(&socket->sent, place + (accepted > 0 ? (uint32_t)accepted : 0));
}

static void calls__peer(struct calls__socket* socket) {
  if (socket->is_listener) calls__call_listener(socket);
  if (socket->peer == NULL) return;
  uint32_t what = tape_choose(10);
  uint32_t most = calls.is_large ? CALLS__PART_MAX : CALLS__PART;
  if (what < 7 && !atomic_load(&socket->has_fin)) {
    calls__send(socket, 1 + tape_choose(most));
  } else if (what < 9) {
    atomic_store(&socket->has_fin, true);
    peer_shutdown(socket->peer);
  } else {
    atomic_store(&socket->is_reset, true);
    peer_reset(socket->peer);
    socket->peer = NULL;
  }
}

static void calls__misuse(void) {
  struct iocp_callbacks* none;
  struct calls__socket* socket = &calls.sockets[0];
  RULE("arguments are checked",
       iocp_callbacks_new(1, NULL) == -IOCP_EFAULT &&
           iocp_callbacks_new(257, &none) == -IOCP_EINVAL &&
           iocp_callbacks_delete(NULL) == -IOCP_EFAULT &&
           iocp_callbacks_add_socket(NULL, 0, socket, 1, calls__called) ==
               -IOCP_EFAULT &&
           iocp_callbacks_add_socket(calls.callbacks, 0, socket, 1, NULL) ==
               -IOCP_EFAULT &&
           iocp_callbacks_add_socket(
               calls.callbacks, 0, socket, 0, calls__called) == -IOCP_EINVAL);
  int32_t invalid = iocp_callbacks_add_socket(
      calls.callbacks, (iocp_os_socket)40001, socket, 1, calls__called);
  RULE("a number that is not a socket is not added",
       invalid == -IOCP_ENOTSOCK || invalid == -IOCP_ENOMEM);
  if (calls.count == 0 || atomic_load(&socket->is_closed)) return;
  int32_t result =
      socket->is_listener
          ? iocp_callbacks_add_socket(calls.callbacks,
                                      (iocp_os_socket)socket->handle,
                                      socket,
                                      1,
                                      calls__called)
          : iocp_callbacks_add_listener(calls.callbacks,
                                        (iocp_os_socket)socket->handle,
                                        socket,
                                        calls__called);
  RULE("a socket is added as what it is", result < 0);
}

/* Queues more completions than one poll has room for. */
static void calls__burst(void) {
  for (uint32_t i = 0; i < calls.count; i++) {
    struct calls__socket* socket = &calls.sockets[i];
    if (socket->peer != NULL && !atomic_load(&socket->has_fin))
      calls__send(socket, CALLS__PART_MAX);
  }
}

/* The next one soon has its handle, and perhaps its address. */
static void calls__replace(struct calls__socket* socket) {
  calls__close(socket);
  if (tape_choose(2) == 0) return;
  world_pause(CALLS__REPLACE_MS);
  calls__connect();
}

static void calls__step(void) {
  struct calls__socket* socket = calls__choose();
  uint32_t what = socket == NULL ? 0 : tape_choose(100);
  if (tape_chance(20)) calls__odd();
  if (tape_chance(5)) calls__synchronous();
  if (what < 15)
    calls__connect();
  else if (what < 20)
    calls__listen();
  else if (what < 70)
    calls__peer(socket);
  else if (what < 74)
    calls__add(socket);
  else if (what < 78)
    calls__replace(socket);
  else if (what < 80)
    calls__misuse();
  else
    world_pause(world_is_exact() && tape_choose(3) == 0 ? tape_choose(2000)
                                                        : tape_choose(20));
}

/* ---- the end */

static bool calls__is_due(const struct calls__socket* socket) {
  if (!socket->is_added) return false;
  return atomic_load(&socket->is_closed) ||
         (!socket->is_listener &&
          (atomic_load(&socket->has_fin) || atomic_load(&socket->is_reset)));
}

static bool calls__accepts(const struct calls__socket* socket) {
  return socket->is_listener && socket->is_added &&
         !atomic_load(&socket->is_closed) &&
         atomic_load(&socket->last_call) == 0;
}

/* A peer that connects to a listener now is accepted. */
static void calls__probe(struct calls__socket* socket) {
  uint64_t since_ms = world_now_ms();
  uint32_t limit_ms = world_is_exact() ? CALLS__LIMIT_MS : CALLS__LIMIT_REAL_MS;
  uint32_t accepted = atomic_load(&socket->accepted);
  uint32_t guests = calls.guest_count;
  if (!calls__accepts(socket)) return;
  calls__call_listener(socket);
  if (calls.guest_count == guests) return;
  while (calls__accepts(socket) && atomic_load(&socket->accepted) == accepted) {
    RULE("a connection is reported in time",
         world_now_ms() - since_ms <= limit_ms);
    world_pause(10);
  }
}

/* Every stream that has ended gets its last call, and every socket that was
 * closed, though nothing else happens to it. */
static void calls__settle(void) {
  struct calls__socket* closed = calls__choose();
  if (closed != NULL && tape_choose(2) == 0) calls__close(closed);
  uint64_t since_ms = world_now_ms();
  uint32_t limit_ms = world_is_exact() ? CALLS__LIMIT_MS : CALLS__LIMIT_REAL_MS;
  world_calm();
  for (uint32_t i = 0; i < calls.count; i++) {
    struct calls__socket* socket = &calls.sockets[i];
    while (calls__is_due(socket) && atomic_load(&socket->last_call) == 0) {
      RULE("the last call comes in time",
           world_now_ms() - since_ms <= limit_ms);
      world_pause(10);
    }
  }
  for (uint32_t i = 0; i < calls.count; i++) calls__probe(&calls.sockets[i]);
}

static void calls__end(void) {
  atomic_store(&calls.is_ending, true);
  RULE("the threads can be ended", iocp_callbacks_delete(calls.callbacks) == 0);
  for (uint32_t i = 0; i < calls.count; i++) {
    struct calls__socket* socket = &calls.sockets[i];
    if (socket->is_added)
      RULE("every socket gets its last call",
           atomic_load(&socket->last_call) != 0);
    schedule_checks += atomic_load(&socket->calls);
    calls__close(socket);
  }
  for (uint32_t i = 0; i < calls.odd_count; i++)
    world_handle_close(calls.odd[i]);
  for (uint32_t i = 0; i < atomic_load(&calls.accepted_count); i++)
    world_handle_close(calls.accepted[i]);
}

/* What was lacking may come, but a fault of the library stays. */
static void calls__start_calmly(void) {
  world_calm();
  RULE("threads can be started when nothing fails",
       iocp_callbacks_new(1, &calls.callbacks) == 0);
  RULE("the threads can be ended", iocp_callbacks_delete(calls.callbacks) == 0);
}

void workload_callbacks_run(void) {
  memset(&calls, 0, sizeof calls);
  uint16_t family = tape_choose(2) == 0 ? 4 : 6;
  for (int i = 0; i < CALLS__HOSTS; i++) {
    calls.hosts[i] = peer_listen(PEER_ACCEPTS, family);
    if (calls.hosts[i] == NULL) return;
  }
  calls.is_large = tape_chance(60);
  int32_t result = iocp_callbacks_new(tape_choose(4), &calls.callbacks);
  TRACE("iocp_callbacks_new(): %d", result);
  if (result < 0) {
    calls__start_calmly();
    return;
  }
  while (tape_chance(960)) calls__step();
  if (calls.is_large) calls__burst();
  if (tape_choose(4) != 0) calls__settle();
  calls__end();
}
