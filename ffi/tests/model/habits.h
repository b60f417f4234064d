/* SPDX-License-Identifier: MIT */
/*
 * How the system behaves in this schedule: each habit is one that Windows may
 * have. They are drawn once, so that a schedule is not a mean of everything:
 * one never has a packet late, another has no memory half of the time.
 */
#ifndef MODEL_HABITS_H
#define MODEL_HABITS_H

#include <stdbool.h>
#include <stdint.h>

/* Which handle values are given out again: all are allowed. */
enum habit_reuse { REUSE_LAST_CLOSED, REUSE_FIRST_CLOSED, REUSE_NEVER };

/* Which connections keep an address from being bound exclusively again. */
enum habit_exclusion { EXCLUDES_NONE, EXCLUDES_LIVING, EXCLUDES_TIME_WAIT };

/* Builds of Windows, from which on something is there. */
#define BUILD_8_1 9600
#define BUILD_10 10240
#define BUILD_1607 14393
#define BUILD_1703 15063
#define BUILD_1709 16299

/* Numbers are per mille of the occasions, unless they say otherwise. */
extern struct habits {
  bool is_calm;    /* no faults any more, and nothing is held back */
  bool has_broken; /* habits_break() */
  bool is_unclear; /* a number was told that no table has */
  bool has_raced;  /* an accept was canceled, and accepted all the same */

  uint32_t preempts;
  uint32_t steps_max; /* that the network takes in one call of the system */
  uint32_t clock_ms;  /* the clock's grain */
  enum habit_reuse reuse;

  uint32_t immediate;      /* operations that complete at once */
  uint32_t splits;         /* transfers that move less than they could */
  uint32_t short_sends;    /* overlapped sends that complete in part */
  uint32_t stalls;         /* steps after which a connection pauses */
  uint32_t shuffles;       /* packets that overtake others */
  uint32_t early_timeouts; /* waits that end too early */
  uint32_t late_cancels;   /* cancels that take effect later */
  uint32_t byte_cancels;   /* cancels that come with bytes */
  uint32_t window;         /* bytes that a connection holds */

  uint32_t memory_faults; /* the process has no memory */
  uint32_t kernel_faults; /* the kernel has none */
  uint32_t late_faults;   /* the kernel has none for what is posted already */
  uint32_t pool_faults;   /* nobody can wait for one more event */
  uint32_t handle_faults; /* no more handles */
  uint32_t refusals;      /* connections refused with the queue not full */
  uint32_t vanishings;    /* resets just when a connection is accepted */
  uint32_t foreign_packets;
  uint32_t children; /* a child process is started, and inherits */
  uint32_t riddles;  /* errors that no table has */
  uint32_t thieves;  /* another program tries to take an address over */
  uint32_t lookups;  /* extension functions that cannot be looked up just now */

  uint32_t build; /* the version of the system */
  uint32_t
      processors; /* threads that a port lets run if it was given no limit */
  uint32_t ports; /* that are there for binds to port 0; 0: enough */
  enum habit_exclusion exclusion;
  bool lingers_early; /* SO_LINGER counts without the context of a connection */

  bool is_layered;    /* sockets are no file handles (an LSP) */
  bool refuses_modes; /* SetFileCompletionNotificationModes() fails */
  bool hides_modes;   /* no query shows what that has done */
  bool leaves_ports;  /* a handle can be taken out of its port */
  bool has_ntdll;
  bool is_wine;
  bool lacks_tcp_info;   /* older than Windows 10 version 1703 */
  bool counts_resent;    /* its "bytes sent" has those sent once more */
  bool lacks_extensions; /* AcceptEx() and ConnectEx() are not there */
  bool lacks_sockaddrs;
  bool starts; /* Winsock can be started */
} habits;

void habits_draw(void);

/* True when this call is to fail. */
bool habits_fault(uint32_t per_mille);

/* The same for a fault that may end a connection, which the user is told of. */
bool habits_break(uint32_t per_mille);

#endif /* MODEL_HABITS_H */
