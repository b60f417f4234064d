/* SPDX-License-Identifier: MIT */
/*
 * The surroundings of the library in a simulation: the system with its faults
 * and its clock, and the peers on the other side of the network. One world is
 * the model of Windows (ffi/tests/model/), which the tape decides in full; the
 * other is Linux itself, with faults between it and the library.
 *
 * A peer does not use the library: it behaves as another machine would.
 */
#ifndef IOCP_WORLD_H
#define IOCP_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "iocp.h"

/* ---- the system */

/* Starts a new system; the tape decides its habits. */
void world_open(void);

/* Call it after the library has deleted everything. Closes the peers. Anything
 * that the library has left is a violation: a handle, a block of memory, an
 * operation. */
void world_close(void);

/* From here on there are no more faults, and everything that can complete
 * does. */
void world_calm(void);

/* The clock of the library, in milliseconds. */
uint64_t world_now_ms(void);

/* The calling thread waits for this long, and everything else continues. */
void world_pause(uint32_t ms);

/* The same for a thread that computes. */
void world_compute(uint32_t ms);

/* System calls on the thread of the schedule so far; always 0 in a world that
 * counts none. */
uint64_t world_calls(void);

/* The machine sleeps for this long, in a world that can simulate it. No program
 * runs meanwhile, and no deadline comes nearer. */
void world_sleep(uint32_t ms);

/* What the system lacks from now on, also after world_calm(); with 0 of 1,000
 * it has it again. In a world that is exact. */
enum world_shortage {
  WORLD_HANDLES,   /* for new sockets */
  WORLD_MEMORY,    /* for transfers: they are refused */
  WORLD_ANSWERS,   /* about sockets */
  WORLD_TRANSFERS, /* those that are posted fail */
  WORLD_KERNEL,    /* memory of the system, for calls about handles */
  WORLD_HEAP       /* memory of the process */
};
#define WORLD_ALWAYS 1000
void world_lack(enum world_shortage what, uint32_t per_mille);

/* Packets of another program are queued to the newest port. */
void world_flood(uint32_t count);

/* ---- facts about the world, some of which decide what the user may expect */

/* As on the command line: "windows", "linux". */
extern const char world_name[];

/* Operations are posted to the kernel; otherwise it reports readiness. */
bool world_posts_operations(void);

/* Time is simulated, so deadlines can be checked to the millisecond. */
bool world_is_exact(void);

/* Since world_open() a fault may have ended a connection, or failed one of its
 * operations: its ends may have errors that neither has caused. */
bool world_has_broken(void);

/* A handle can be removed from a port, so a second attempt to adopt it does not
 * fail because of the first. */
bool world_detaches_ports(void);

/* The machine has two interfaces, 1 and 2, each with the address fe80::1. */
bool world_has_interfaces(void);

/* The system reports how much a peer has acknowledged. */
bool world_reports_progress(void);

/* A connection arrived while its listener was closing, too late for the library
 * to notice. */
bool world_has_raced(void);

/* A connection to a full backlog is refused; otherwise it waits for room. */
bool world_refuses_when_full(void);

/* A refusal on this machine takes no time. */
bool world_refuses_at_once(void);

/* The system has returned an unknown error code, which the library cannot
 * map. */
bool world_is_unclear(void);

/* The system has returned an error code that nothing in this world has led to:
 * any of those that it has. */
bool world_is_strange(void);

/* ---- processes */

#define WORLD_PROCESSES 3

/* The next calls of the library are of this process. It matters for those that
 * make a port, an inbox, or take a socket. In a world without processes it does
 * nothing: there an inbox is one of its port alone. */
void world_process(uint32_t process);
bool world_has_processes(void);

/* What was passed to it and not taken is closed. */
void world_process_ended(uint32_t process);

/* Whether a program's end can be simulated; and the end: the other threads are
 * terminated, wherever they are, and the library may run code on this one. Only
 * world_thread_join() and world_close() may follow, and peers continue. */
bool world_can_exit(void);
void world_exit(void);
bool world_has_exited(void); /* in this schedule or an earlier one */

/* The system has discarded a socket that was passed, for want of a
 * descriptor. */
bool world_has_lost_passed(void);

/* ---- threads */

struct world_thread;
struct world_thread* world_thread_start(void (*run)(void* argument),
                                        void* argument);
void world_thread_join(struct world_thread* thread);

/* All that the thread has run so far counts as run on a fiber of the user,
 * which the calling thread deletes. Does nothing in a world without fibers. */
void world_thread_delete_fiber(struct world_thread* thread);

/* ---- peers */

struct peer;
struct peer_listener;

#define PEER_WOULD_BLOCK (-1)
#define PEER_RESET (-2)
#define PEER_NOT_READ                                    \
  (-3) /* its other end has closed; it may still receive \
        */

/* What a peer at an address does. */
enum peer_manner {
  PEER_ACCEPTS,      /* accepts: peers, from peer_accept() */
  PEER_REFUSES,      /* refuses connections */
  PEER_NEVER_ANSWERS /* never answers */
};

/* `family` is 4 or 6. NULL if this world cannot do that. */
struct peer_listener* peer_listen(enum peer_manner manner, uint16_t family);
void peer_listener_address(const struct peer_listener* listener,
                           struct iocp_address* address_out);

/* The next peer that has connected, or NULL. */
struct peer* peer_accept(struct peer_listener* listener);

/* Starts to connect to a listener of the library. */
struct peer* peer_connect(const struct iocp_address* to);

enum peer_state {
  PEER_CONNECTING,
  PEER_OPEN,
  PEER_CLOSED, /* it has closed at once, as it was told */
  PEER_FAILED  /* could not connect, or was reset */
};
enum peer_state peer_state(struct peer* peer);

/* The two addresses of the connection, the peer's own first. Not while it
 * connects. */
void peer_addresses(struct peer* peer,
                    struct iocp_address* own_out,
                    struct iocp_address* other_out);

/* The accepted bytes, PEER_WOULD_BLOCK or PEER_RESET. */
int32_t peer_send(struct peer* peer, const uint8_t* bytes, uint32_t length);

/* Bytes, 0 at the end of the stream, PEER_WOULD_BLOCK or PEER_RESET. */
int32_t peer_receive(struct peer* peer, uint8_t* buffer, uint32_t length);

/* It would receive bytes behind a gap. The system may have sent them, but an
 * RST discards them. */
bool peer_has_hole(const struct peer* peer);

/* Shuts down its sending direction. */
void peer_shutdown(struct peer* peer);

/* Closes it, with an RST or like a program that has read everything. The peer
 * is freed then. */
void peer_reset(struct peer* peer);
void peer_close(struct peer* peer);

/* ---- local sockets */

/* Whether the system has those of IOCP_UNIX or IOCP_PIPE. */
bool world_has_local(uint16_t family);

/* Who may connect to a pipe. */
enum world_access {
  WORLD_USER,
  WORLD_EVERYONE,
  WORLD_CUSTOM /* as a security descriptor says */
};

/* A name that nothing outside of the schedule uses. */
void world_path(uint16_t family,
                uint32_t number,
                enum world_access access,
                struct iocp_path* path_out);

/* Makes a file that is no socket. */
void world_plain_file(const struct iocp_path* path);

/* A regular file whose last bytes are these, behind `lead` others, in the place
 * of the one that had the number before. */
#define WORLD_FILES 4
void world_file_write(uint32_t number,
                      uint64_t lead,
                      const uint8_t* bytes,
                      uint32_t length);
void world_file_shrink(uint32_t number, uint64_t size);
/* The path of a file; that of WORLD_FILES does not exist. Returns its length.
 */
uint32_t world_file_path(uint32_t number, char path_out[128]);

/* Another program removes the socket file and makes one of its own, which is to
 * stay. False: there is none. */
bool world_take_path(const struct iocp_path* path);

/* The same as for the network. One that refuses has ended, and only the file of
 * its unix socket is left. */
struct peer_listener* peer_listen_path(enum peer_manner manner,
                                       const struct iocp_path* path);

/* As soon as it is connected, it sends these bytes, and perhaps closes. */
struct peer* peer_connect_path(const struct iocp_path* path,
                               const uint8_t* bytes,
                               uint32_t length,
                               bool closes);

/* It could not connect since nothing had the name. */
bool peer_found_nothing(const struct peer* peer);

/* The id of its process; 0: not known. */
uint32_t peer_process(const struct peer* peer);

/* ---- datagrams */

/* A UDP socket of another program, at a loopback address. NULL if this world
 * cannot make one. */
struct udp_peer;
struct udp_peer* udp_peer_new(uint16_t family,
                              struct iocp_address* address_out);
/* False: there is no room now. */
bool udp_peer_send(struct udp_peer* peer,
                   const struct iocp_address* to,
                   const uint8_t* bytes,
                   uint32_t length);
/* The bytes of a datagram, or PEER_WOULD_BLOCK. */
int32_t udp_peer_receive(struct udp_peer* peer,
                         uint8_t* buffer,
                         uint32_t length,
                         struct iocp_address* from_out);
void udp_peer_close(struct udp_peer* peer);

/* The most bytes of a datagram that a peer can send. */
uint32_t world_datagram_max(uint16_t family);

/* A datagram may overtake others of the same sender. */
bool world_reorders_datagrams(void);

/* A socket that is not connected may report that an earlier datagram was not
 * delivered. */
bool world_reports_unconnected(void);

/* ---- sockets of the program itself */

/* A socket connected to `listener`, which accepts; -1: not possible. The
 * program itself has no faults. */
double world_handle_connect(struct peer_listener* listener);

/* The same for a socket that cannot be on a port; also -1 in a world without
 * such sockets. */
double world_handle_synchronous(struct peer_listener* listener);

/* The same for a local socket that accepts. */
enum world_local_handle {
  WORLD_LOCAL_BYTES,
  WORLD_LOCAL_MESSAGES,    /* a pipe that is read in messages */
  WORLD_LOCAL_SYNCHRONOUS, /* not for overlapped operations */
  WORLD_LOCAL_WRITES,      /* a pipe that may not be read */
  WORLD_LOCAL_UNASKED      /* nor asked for its state */
};
#define WORLD_LOCAL_HANDLES 5

double world_handle_connect_path(const struct iocp_path* path,
                                 enum world_local_handle kind);

/* The name that the system reports for a pipe of the program, if it is another
 * than the one by which it was opened, perhaps an empty one. */
bool world_handle_name(double handle, struct iocp_path* path_out);

/* Whether calls on it block. */
bool world_handle_blocks(double handle);

/* A listener on this machine, and its address; -1: not possible. */
double world_handle_listen(uint16_t family, struct iocp_address* address_out);

/* The program uses the handle with calls that block alone, so that it cannot be
 * on a port. False: not in this world. */
bool world_handle_make_synchronous(double handle);

/* The next question about the handle fails. False: not in this world. */
bool world_handle_fail(double handle);

/* The program has the handle on a completion port of its own. False: this world
 * has none. */
bool world_handle_bind(double handle);

/* The handle belongs to the program, whatever the library has done with it. */
void world_handle_given(double handle);

/* The library is about to close a handle of the program. */
void world_handle_dropped(double handle);

/* A handle has left the library, which does not know its options any more. */
void world_handle_detached(double handle);

/* Handles that are not connected streams of a family that the library has. */
enum world_odd {
  WORLD_DATAGRAM,
  WORLD_UNCONNECTED,
  WORLD_LISTENING,
  WORLD_LOCAL_STREAM, /* a connected stream (AF_UNIX) */
  WORLD_LOCAL_LISTENING,
  WORLD_OTHER_STREAM, /* of a family that the library does not know */
  WORLD_OTHER_LISTENING,
  WORLD_PIPE_LISTENING /* the server's end of a pipe, without a client */
};
#define WORLD_ODDS 8

/* -1: not possible. */
double world_handle_odd(enum world_odd odd);

/* Closes a handle of the program, or one that the library has returned. */
void world_handle_close(double handle);

#endif /* IOCP_WORLD_H */
