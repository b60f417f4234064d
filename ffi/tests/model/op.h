/* SPDX-License-Identifier: MIT */
/*
 * Overlapped operations, from the call that posts one to its packet:
 *
 * posted -> completed, its packet late -> in the queue of its port -> dequeued
 *
 * Until its packet is dequeued, the kernel may write to the OVERLAPPED and to
 * the buffers of the call. So their memory must stay allocated, and the program
 * may not write to it.
 */
#ifndef MODEL_OP_H
#define MODEL_OP_H

#include <stdbool.h>
#include <stdint.h>
#include <winsock2.h>

#include "iocp.h"
#include "list.h"

struct event;
struct port;
struct sock;

enum op_kind {
  OP_RECEIVE,
  OP_SEND,
  OP_CONNECT,
  OP_ACCEPT,
  OP_LISTEN,
  OP_TRANSMIT /* TransmitFile() */
};

/* Statuses (ntstatus.h). */
#define STATUS_OK 0
#define STATUS_IS_PENDING 0x103
#define STATUS_END_OF_FILE ((LONG)0xC0000011)
#define STATUS_IS_CANCELLED ((LONG)0xC0000120)
#define STATUS_HANDLES_WERE_CLOSED ((LONG)0x8000000A)
#define STATUS_FILE_WAS_CLOSED ((LONG)0xC0000128)
#define STATUS_WAS_RESET ((LONG)0xC000020D)
#define STATUS_WAS_ABORTED ((LONG)0xC0000241)
#define STATUS_LOCAL_DISCONNECTED ((LONG)0xC000013B)
#define STATUS_WAS_REFUSED ((LONG)0xC0000236)
#define STATUS_HAS_TIMED_OUT ((LONG)0xC00000B5)
#define STATUS_NO_ROUTE ((LONG)0xC000023D)
#define STATUS_NO_RESOURCES ((LONG)0xC000009A)
#define STATUS_HOST_IS_DOWN ((LONG)0xC0000350)
#define STATUS_WAS_NOT_ACCEPTED ((LONG)0xC00000D0) /* REQUEST_NOT_ACCEPTED */
#define STATUS_HAS_TOO_MANY ((LONG)0xC0000246)     /* CONNECTION_COUNT_LIMIT */
#define STATUS_ADDRESS_WAS_CLOSED ((LONG)0xC000020B)
/* Of datagrams. */
#define STATUS_OVERFLOW ((LONG)0x80000005) /* the buffer was too small */
#define STATUS_NO_PORT ((LONG)0xC000023F)  /* PORT_UNREACHABLE */
#define STATUS_HOP_LIMIT ((LONG)0xC000A012)
#define STATUS_IS_PIPE_DISCONNECTED ((LONG)0xC00000B0)
#define STATUS_IS_PIPE_BROKEN ((LONG)0xC000014B)
/* NTSTATUS_FROM_WIN32(ERROR_NETNAME_DELETED) */
#define STATUS_WIN32_DELETED ((LONG)0xC0070040)
/* Of a driver, and in no table. */
#define STATUS_UNKNOWN ((LONG)0xE0001234)
#define ERROR_UNKNOWN_CODE 10999u

struct op {
  struct list_node node;     /* in the list of its socket, while it is posted */
  struct list_node all_node; /* in the list of all that are not dequeued */
  struct list_node late_node;
  enum op_kind kind;
  struct sock* sock;   /* its socket; the listener of an accept */
  struct sock* target; /* of an accept */
  bool is_attached;    /* an accept that has a connection and waits for data */
  bool is_canceling;
  bool is_ending; /* an accept whose target is about to be closed */
  bool is_stuck;  /* only a cancel ends it */
  bool is_done;

  OVERLAPPED* overlapped;
  OVERLAPPED image; /* the expected content */
  struct port* port;
  uintptr_t handle; /* by which it was posted */
  uint32_t process; /* that has posted it */
  ULONG_PTR key;
  struct event* event;
  bool has_no_packet; /* the low bit of its event is set */

  uint8_t* buffer;
  uint32_t length;
  uint32_t moved;     /* bytes that were sent */
  uint32_t data_size; /* the size of the first part of an accept's buffer */
  uint64_t sum;       /* checksum of the bytes to send */
  /* Of a transmission, which has no buffer: the handle, the offset of its first
   * byte, and how many. */
  HANDLE file;
  uint64_t file_offset;
  uint32_t file_length;
  DWORD* count;

  /* Of a receive of datagrams: the address of the sender, its length, and the
   * flags. */
  SOCKADDR* from;
  INT* from_length;
  DWORD* flags;
  int from_room;
  struct iocp_address source; /* family 0: none is stored */
  struct iocp_address to;     /* of a send of a datagram */

  LONG status;
  uint32_t bytes;
};

void op_open_all(void);
void op_close_all(void);

/* A new operation on a socket, or NULL with the last error. During a call
 * `sock` changes only in op_done(). */
struct op* op_new(struct sock* sock,
                  enum op_kind kind,
                  OVERLAPPED* overlapped,
                  const char* call);

/* Memory that the kernel uses until the packet is dequeued. */
void op_give_buffer(struct op* op, void* buffer, uint32_t length);
void op_give_count(struct op* op, DWORD* count);
void op_give_source(struct op* op,
                    SOCKADDR* from,
                    INT* from_length,
                    DWORD* flags);

/* Where the datagram is from that completes the operation. */
void op_set_source(struct op* op, const struct iocp_address* source);

/* For an operation that was refused, or completed without a packet. */
void op_drop(struct op* op);
void op_drop_done(struct op* op, LONG status, uint32_t bytes);

/* The operation is pending from here on. */
void op_pend(struct op* op);

/* Call this before the kernel writes to the buffer. */
void op_touch(const struct op* op);

/* The operation has completed; its packet follows later. */
void op_done(struct op* op, LONG status, uint32_t bytes);

/* The result of the call that has posted it: pending, or perhaps success if a
 * packet follows in any case. Sets the last error. */
BOOL op_answer(const struct op* op);

/* The operation was canceled. It ends later, unless it completes before. */
void op_cancel_later(struct op* op);

/* Whether an operation of that kind has completed without a packet so far. */
bool op_has_late(const struct sock* sock, enum op_kind kind);

/* A thread has dequeued its packet. */
void op_dequeued(struct op* op);

/* How many packets are not in their queue yet, and how many cancels are
 * late. */
uint32_t op_late_count(void);
void op_step_late(uint32_t index);

/* A violation if memory of a pending operation has been written to, or is part
 * of this block, which is freed. */
void op_check_all(void);
void op_forbid_in(const void* memory, size_t size);

/* A violation if a packet is still due at this port. */
void op_forbid_at(const struct port* port);

uint32_t op_count(void);

#endif /* MODEL_OP_H */
