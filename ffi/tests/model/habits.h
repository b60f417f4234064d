/* SPDX-License-Identifier: MIT */
/*
 * How the system behaves in this schedule: each habit is one that Windows may
 * have. Habits are drawn once per schedule, so that schedules differ: in one no
 * packet is ever late, in another half of the allocations fail.
 */
#ifndef MODEL_HABITS_H
#define MODEL_HABITS_H

#include <stdbool.h>
#include <stdint.h>

/* In which order handle values are reused: any is allowed. */
enum habit_reuse { REUSE_LAST_CLOSED, REUSE_FIRST_CLOSED, REUSE_NEVER };

/* Which connections prevent an exclusive bind to their address. */
enum habit_exclusion { EXCLUDES_NONE, EXCLUDES_LIVING, EXCLUDES_TIME_WAIT };

/* The builds of Windows that introduced something. */
#define BUILD_8_1 9600
#define BUILD_10 10240
#define BUILD_1607 14393
#define BUILD_1703 15063
#define BUILD_1709 16299
#define BUILD_1803 17134

/* Numbers are per mille of the occasions, unless they say otherwise. */
extern struct habits {
  bool is_calm;    /* no more faults and delays */
  bool has_broken; /* a fault of habits_break() has happened */
  bool is_unclear; /* an error code was returned that is in no table */
  bool is_strange; /* one that no rule of the model leads to */
  /* an accept was canceled, and got a connection all the same */
  bool has_raced;

  uint32_t preempts;
  uint32_t steps_max; /* of the network, in one system call */
  uint32_t clock_ms;  /* the resolution of the clock */
  enum habit_reuse reuse;

  uint32_t immediate;      /* operations that complete at once */
  uint32_t splits;         /* transfers that move less than they could */
  uint32_t short_sends;    /* overlapped sends that complete in part */
  uint32_t stalls;         /* steps after which a connection pauses */
  uint32_t shuffles;       /* packets that overtake others */
  uint32_t early_timeouts; /* waits that end too early */
  uint32_t late_cancels;   /* cancels that take effect later */
  uint32_t byte_cancels;   /* cancels of receives that have bytes */
  uint32_t window;         /* bytes that a connection buffers */

  uint32_t memory_faults; /* allocations of the process that fail */
  uint32_t kernel_faults; /* system calls that fail for want of kernel memory */
  uint32_t refused_transfers; /* none by themselves: see world_lack() */
  uint32_t late_faults;   /* the same for operations that are posted already */
  uint32_t silences;      /* questions about a socket that get no answer */
  uint32_t pool_faults;   /* waits that the thread pool refuses */
  uint32_t handle_faults; /* handles that cannot be opened */
  uint32_t refusals;      /* connections refused with the queue not full */
  uint32_t vanishings;    /* resets at the moment of an accept */
  uint32_t foreign_packets;
  uint32_t children;       /* child processes, which inherit handles */
  uint32_t unknown_errors; /* errors that are in no table */
  uint32_t strange_errors; /* binds and connects with any error there is */
  uint32_t hijacks;  /* attempts of another program to bind an address in use */
  uint32_t losses;   /* datagrams that are lost */
  uint32_t reorders; /* datagrams that overtake others */
  uint32_t lookups;  /* extension functions whose look-up fails */
  uint32_t send_errors; /* sends that fail for an earlier datagram */

  uint32_t build;      /* the version of the system */
  uint32_t processors; /* the default limit of running threads of a port */
  uint32_t ports;      /* available for binds to port 0; 0: enough */
  enum habit_exclusion exclusion;
  bool lingers_early; /* SO_LINGER applies before the context is updated */

  bool is_layered;    /* sockets are not file handles (an LSP) */
  bool refuses_modes; /* SetFileCompletionNotificationModes() fails */
  bool hides_modes;   /* no query returns the modes */
  /* operations stay pending while another handle of their socket is open */
  bool leaves_pending;
  bool detaches_ports; /* a handle can be removed from its port */
  bool has_ntdll;
  bool is_wine;
  bool is_client;        /* a client edition, and so is Wine */
  bool lacks_tcp_info;   /* older than Windows 10 version 1703 */
  bool counts_resent;    /* "bytes sent" includes retransmissions */
  bool lacks_extensions; /* AcceptEx() and ConnectEx() do not exist */
  bool lacks_sockaddrs;
  bool lacks_udp_reports; /* the switches SIO_UDP_CONNRESET, _NETRESET */
  bool starts;            /* WSAStartup() succeeds */
} habits;

void habits_draw(void);

/* Added to the rate of a fault that goes on when the world is calm. */
#define HABITS_FORCED 1000

/* True when this call is to fail. */
bool habits_fault(uint32_t per_mille);

/* The same for a fault that may end a connection, which is reported to the
 * user. */
bool habits_break(uint32_t per_mille);

#endif /* MODEL_HABITS_H */
