/* SPDX-License-Identifier: MIT */
/*
 * The ledger's part for datagrams: the endpoints, and which datagrams they have
 * sent where. A datagram has its number in its first bytes, so that the one
 * that arrives can be compared with the one that was sent.
 */
#ifndef IOCP_DATAGRAMS_H
#define IOCP_DATAGRAMS_H

#include <stdbool.h>
#include <stdint.h>

#include "iocp.h"

struct entry;
struct udp_peer;

#define DATAGRAMS_ENDPOINTS 24
#define DATAGRAMS_SENT 1024
#define DATAGRAMS_BYTES 131072
#define DATAGRAMS_GROUPS 2
#define DATAGRAMS_INTERFACES 3
/* The names of unix sockets: world_path() of these numbers. */
#define DATAGRAMS_NAMES 32
/* In place of a number: the socket has no name. */
#define DATAGRAMS_UNNAMED 0xffff
/* A pending send of several datagrams, of which some were sent at once. */
#define DATAGRAMS_AT_MOST 0x80000000u
/* It was made while there were faults, of which it may have met one. */
#define DATAGRAMS_BEFORE_CALM 0x40000000u

/* A socket that sends and receives: one of the library, or a peer. The address
 * of a unix socket is here the number of its name, as the port. */
struct endpoint {
  struct entry* entry; /* or */
  struct udp_peer* peer;
  bool is_open;
  struct iocp_address address;
  const struct endpoint* partner; /* of a connected unix socket */
  bool is_v6_only;
  /* What it sends to many stays on this machine, and has its own address; only
   * in a world with a real network. */
  bool sends_to_many;
  bool is_connected;
  bool was_connected; /* at some time */
  struct iocp_address remote;
  /* Datagrams from this number on come from `remote` alone. */
  uint32_t connected_at;
  bool has_joined[DATAGRAMS_GROUPS][2]; /* at some time; by source or any */
  uint32_t joins;
  /* of any source, by the family and the interface */
  bool is_member[2][DATAGRAMS_INTERFACES];
  uint32_t received;
  /* the latest number from each endpoint, plus one */
  uint32_t latest[DATAGRAMS_ENDPOINTS];
};

struct sent_datagram {
  uint8_t sender;
  uint32_t length;
  uint32_t seen; /* by which endpoints */
  struct iocp_address to;
};

extern struct datagrams {
  struct endpoint endpoints[DATAGRAMS_ENDPOINTS];
  struct sent_datagram sent[DATAGRAMS_SENT];
  uint32_t endpoint_count;
  uint32_t sent_count;
} datagrams;

void datagrams_open(void);

/* NULL: there is no room. */
struct endpoint* datagrams_endpoint(const struct iocp_address* address);

/* Any that is open: of the library, or a peer; NULL: there is none. Those of
 * unix sockets are apart. */
struct endpoint* datagrams_choose(bool is_library);
struct endpoint* datagrams_choose_unix(bool is_library);

bool datagrams_is_unix(const struct endpoint* endpoint);

/* False as soon as its close has begun. */
bool datagrams_is_alive(const struct endpoint* endpoint);

/* The name of a unix socket, and the address with the number of a name. */
void datagrams_name(const struct iocp_address* address,
                    struct iocp_path* name_out);
struct iocp_address datagrams_named(const uint8_t* name, uint32_t length);

/* The multicast groups of the simulation, without a port. */
struct iocp_address datagrams_group(uint16_t family);

/* Whether it needs the permission to send broadcasts. */
bool datagrams_is_broadcast(const struct iocp_address* to);

/* Writes the content of the next datagram, which is recorded; the caller
 * removes the record when it was not sent. Returns its number. */
uint32_t datagrams_record(const struct endpoint* from,
                          const struct iocp_address* to,
                          uint8_t* bytes,
                          uint32_t length);
bool datagrams_has_room(uint32_t count);

/* The bytes of `count` datagrams in memory, and of their data. */
uint32_t datagrams_measure(const uint8_t* memory, uint32_t count);
uint32_t datagrams_bytes(const uint8_t* memory, int32_t count);

/* Checks datagrams of a record, or one in a buffer of `room` bytes. */
void datagrams_received(struct endpoint* at,
                        const uint8_t* memory,
                        uint32_t count);
void datagrams_received_one(struct endpoint* at,
                            const struct iocp_datagram* header,
                            const uint8_t* bytes,
                            uint32_t room);

/* A receive has failed; the datagram of an earlier send was refused. */
void datagrams_failed(const struct endpoint* at, int32_t result);

/* A copy was not sent, which was made before faults had ended, or after. */
void datagrams_send_failed(const struct endpoint* from,
                           int32_t result,
                           bool began_calm);

/* Peers receive all that has arrived, and check it. */
void datagrams_receive_all(void);
void datagrams_close_peer(struct endpoint* endpoint);

/* As IPv4, if it is mapped. */
struct iocp_address datagrams_plain(const struct iocp_address* address);

#endif /* IOCP_DATAGRAMS_H */
