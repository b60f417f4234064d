/* SPDX-License-Identifier: MIT */
/*
 * Overlapped operations, from the call that posts one to its packet:
 *
 *   posted -> done, its packet late -> in the queue of its port -> dequeued
 *
 * Until it is dequeued the kernel may write to the OVERLAPPED and all that was
 * given with it, so the memory must stay, and nobody else may write to it.
 */
#ifndef MODEL_OP_H
#define MODEL_OP_H

#include <stdbool.h>
#include <stdint.h>
#include <winsock2.h>

#include "list.h"

struct event;
struct port;
struct sock;

enum op_kind { OP_RECEIVE, OP_SEND, OP_CONNECT, OP_ACCEPT };

/* Statuses (ntstatus.h). */
#define STATUS_OK 0
#define STATUS_IS_PENDING 0x103
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
/* NTSTATUS_FROM_WIN32(ERROR_NETNAME_DELETED) */
#define STATUS_WIN32_DELETED ((LONG)0xC0070040)
/* Of a driver that nobody has heard of. */
#define STATUS_UNHEARD_OF ((LONG)0xE0001234)
#define ERROR_UNHEARD_OF 10999u

struct op {
  struct list_node node;     /* of its socket, while it is posted */
  struct list_node all_node; /* of all that are not dequeued */
  struct list_node late_node;
  enum op_kind kind;
  struct sock* sock;   /* whose it is; the listener of an accept */
  struct sock* target; /* of an accept */
  bool is_attached;    /* an accept that has a connection, and waits for data */
  bool is_canceling;
  bool is_done;

  OVERLAPPED* overlapped;
  OVERLAPPED image; /* as it must stay */
  struct port* port;
  ULONG_PTR key;
  struct event* event;
  bool has_no_packet; /* the low bit of its event is set */

  uint8_t* buffer;
  uint32_t length;
  uint32_t moved;     /* bytes that have left, of a send */
  uint32_t data_size; /* the first part of an accept's buffer */
  uint64_t sum;       /* of what is sent */
  DWORD* count;

  LONG status;
  uint32_t bytes;
};

void op_open_all(void);
void op_close_all(void);

/* A new operation on a socket, or NULL with the last error. `sock` may change
 * under a call only through op_done(). */
struct op* op_new(struct sock* sock,
                  enum op_kind kind,
                  OVERLAPPED* overlapped,
                  const char* call);

/* What the kernel reads from, or writes to, until the packet is dequeued. */
void op_give_buffer(struct op* op, void* buffer, uint32_t length);
void op_give_count(struct op* op, DWORD* count);

/* It was refused, or is done at once with no packet to follow. */
void op_drop(struct op* op);
void op_drop_done(struct op* op, LONG status, uint32_t bytes);

/* It is pending from here on. */
void op_pend(struct op* op);

/* The kernel is about to write to the buffer. */
void op_touch(const struct op* op);

/* It is done; its packet will follow at some time. */
void op_done(struct op* op, LONG status, uint32_t bytes);

/* What the call that has posted it says: that it is pending, or where a packet
 * follows in any case, perhaps that it is done. Sets the last error. */
BOOL op_answer(const struct op* op);

/* It was told to end, and will at some time unless it is done before. */
void op_cancel_later(struct op* op);

/* The thread that dequeues has its packet. */
void op_dequeued(struct op* op);

/* Packets that have not entered their queue yet, and those canceled late. */
uint32_t op_late_count(void);
void op_step_late(uint32_t index);

/* A violation when something that the kernel holds has been written to, or lies
 * in this memory, which is given back. */
void op_check_all(void);
void op_forbid_in(const void* memory, size_t size);

/* A violation when an operation still has to come to this port. */
void op_forbid_at(const struct port* port);

uint32_t op_count(void);

#endif /* MODEL_OP_H */
