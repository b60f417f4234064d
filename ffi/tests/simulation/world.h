/* SPDX-License-Identifier: MIT */
/*
 * What surrounds the library in a simulation: the system with its faults and
 * its time, and the peers on the other side of the network. One world is the
 * model of Windows (ffi/tests/model/), which nothing but the tape moves; the
 * other is Linux itself, with faults put between it and the library.
 *
 * A peer is never the library's: it is what another machine would do.
 */
#ifndef IOCP_WORLD_H
#define IOCP_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "iocp.h"

/* ---- the system */

/* A system that has just been started; the tape says what its habits are. */
void world_open(void);

/* The schedule is over and the library has deleted everything. Peers are closed
 * here; anything that the library has left behind is a violation: a handle, a
 * block of memory, an operation. */
void world_close(void);

/* From here on there are no more faults, and whatever can go on does. */
void world_calm(void);

/* The library's clock, in milliseconds. */
uint64_t world_now_ms(void);

/* The calling thread does nothing for so long, and everything else goes on. */
void world_pause(uint32_t ms);

/* The same for a thread that is busy with something else. */
void world_compute(uint32_t ms);

/* The machine sleeps for so long and wakes up again, where a world can have it
 * do so: no program runs meanwhile, and no deadline of one comes nearer. */
void world_sleep(uint32_t ms);

/* ---- facts, of which a few decide what the user of the library may expect */

/* As it is told on the command line: "windows", "linux". */
extern const char world_name[];

/* The kernel is given operations; else it tells of readiness. */
bool world_posts_operations(void);

/* Time is simulated, so that a deadline can be checked to the millisecond. */
bool world_is_exact(void);

/* Since world_open() a fault may have ended a connection, or failed an
 * operation of one: its ends may meet errors that neither has caused. */
bool world_has_broken(void);

/* A handle can be taken out of a port again, so another try to adopt it is not
 * refused for the last one. */
bool world_leaves_ports(void);

/* The machine has two interfaces, 1 and 2, each with the address fe80::1. */
bool world_has_interfaces(void);

/* The system says how much a peer has acknowledged. */
bool world_tells_progress(void);

/* A connection has come just when its listener was closed, and so late that the
 * library could not see to it. */
bool world_has_raced(void);

/* A connection to a full backlog is refused; else it waits for room. */
bool world_refuses_when_full(void);

/* To be refused on this machine takes no time. */
bool world_refuses_at_once(void);

/* It has said a number that nobody knows, so the library cannot know it. */
bool world_is_unclear(void);

/* ---- threads */

struct world_thread;
struct world_thread* world_thread_start(void (*run)(void* argument),
                                        void* argument);
void world_thread_join(struct world_thread* thread);

/* What it has done so far it did on a fiber of the user's, which the calling
 * thread deletes; where there are such. */
void world_thread_lose_fiber(struct world_thread* thread);

/* ---- peers */

struct peer;
struct peer_listener;

#define PEER_WOULD_BLOCK (-1)
#define PEER_RESET (-2)

/* What is to be found at an address. */
enum peer_manner {
  PEER_ACCEPTS, /* peers, from peer_accept() */
  PEER_REFUSES, /* nobody: a connection is refused */
  PEER_SILENT   /* a machine that never answers */
};

/* `family` is 4 or 6. NULL when this world has no such thing. */
struct peer_listener* peer_listen(enum peer_manner manner, uint16_t family);
void peer_listener_address(const struct peer_listener* listener,
                           struct iocp_address* address_out);

/* The next one that has connected, or NULL. */
struct peer* peer_accept(struct peer_listener* listener);

/* Begins to connect to a listener of the library's. */
struct peer* peer_connect(const struct iocp_address* to);

enum peer_state {
  PEER_CONNECTING,
  PEER_OPEN,
  PEER_FAILED /* could not connect, or has met a reset */
};
enum peer_state peer_state(struct peer* peer);

/* Both ends of the connection, the peer's own first. Not while it connects. */
void peer_names(struct peer* peer,
                struct iocp_address* own_out,
                struct iocp_address* other_out);

/* How many bytes were taken, PEER_WOULD_BLOCK or PEER_RESET. */
int32_t peer_send(struct peer* peer, const uint8_t* bytes, uint32_t length);

/* Bytes, 0 at the end of the stream, PEER_WOULD_BLOCK or PEER_RESET. */
int32_t peer_receive(struct peer* peer, uint8_t* buffer, uint32_t length);

/* It would receive bytes behind others that the system has lost. No system can
 * be kept from sending them, but an RST takes them back. */
bool peer_has_hole(const struct peer* peer);

/* Ends its sending direction. */
void peer_shutdown(struct peer* peer);

/* Closes it: with an RST, or as a program does that has read everything. The
 * peer is gone then. */
void peer_reset(struct peer* peer);
void peer_close(struct peer* peer);

/* ---- sockets that the program makes by itself */

/* One that is connected to `listener`, which accepts; -1: none could be had.
 * No faults meet the program itself. */
double world_handle_connect(struct peer_listener* listener);

/* The same of a socket that cannot be on a port; -1 as well where there is no
 * such thing. */
double world_handle_synchronous(struct peer_listener* listener);

/* Whether calls on it block. */
bool world_handle_blocks(double handle);

/* One that listens on this machine, and its address; -1: none could be had. */
double world_handle_listen(uint16_t family, struct iocp_address* address_out);

/* This one is the program's, whatever the library has done with it. */
void world_handle_given(double handle);

/* Handles that are no connected streams which the API has addresses for. */
enum world_odd {
  WORLD_DATAGRAM,
  WORLD_UNCONNECTED,
  WORLD_LISTENING,
  WORLD_LOCAL_STREAM, /* connected, within this machine (AF_UNIX) */
  WORLD_LOCAL_LISTENING
};
#define WORLD_ODDS 5

/* -1: none could be had. */
double world_handle_odd(enum world_odd odd);

/* Closes one, or one that the library has given back. */
void world_handle_close(double handle);

#endif /* IOCP_WORLD_H */
