/* SPDX-License-Identifier: MIT */
#include "transfer.h"

#include <winsock2.h>

#include "disk.h"
#include "extension.h"
#include "habits.h"
#include "kernel.h"
#include "network.h"
#include "op.h"
#include "report.h"
#include "sock.h"
#include "tape.h"

/* ---- progress of posted operations */

uint32_t transfer_read(struct op* op) {
  uint32_t length = op->length;
  if (op->sock->end == NULL || length == 0) return 0;
  if (op->is_canceling) end_hurry(op->sock->end);
  uint32_t readable = end_readable(op->sock->end);
  if (readable == 0) return 0;
  if (readable < length) length = readable;
  if (habits_fault(habits.splits)) length = 1 + tape_choose(length);
  op_touch(op);
  return end_receive(op->sock->end, op->buffer, length);
}

/* Wine 10 ends all that is in flight once both directions are shut down, even
 * with bytes that have not been received yet. */
static void transfer__end_all(struct sock* sock) {
  while (!list_is_empty(&sock->receives))
    op_done(LIST_ENTRY(sock->receives.next, struct op, node), STATUS_OK, 0);
}

/* Wine 10 reports a reset once, and an end to the receives that follow. */
static bool transfer__ends_reset(struct sock* sock) {
  bool has_reported = sock->has_reported_reset;
  sock->has_reported_reset = true;
  return has_reported && habits.is_wine;
}

/* In posting order. */
static void transfer__receive(struct sock* sock) {
  while (!list_is_empty(&sock->receives) && end_has_news(sock->end)) {
    struct op* op = LIST_ENTRY(sock->receives.next, struct op, node);
    if (sock->end->in->rst_arrived) {
      op_done(
          op, transfer__ends_reset(sock) ? STATUS_OK : sock_reset_status(), 0);
      continue;
    }
    if (!sock->is_open) {
      op_done(op, sock_closed_status(), 0);
      continue;
    }
    if (habits_break(habits.late_faults)) {
      op_done(op, STATUS_NO_RESOURCES, 0);
      continue;
    }
    uint32_t bytes = transfer_read(op);
    op_done(op, STATUS_OK, bytes);
    if (habits.is_wine && sock->has_shut && sock->end->in->fin_arrived)
      transfer__end_all(sock);
  }
}

/* Sends what there is room for. Returns true when all of it was sent. A failed
 * send before it does not hold it back. */
static bool transfer__send_some(struct op* op) {
  struct end* end = op->sock->end;
  if (op->sock->rest != NULL && end_room(end) != 0) end_drop(end);
  op->moved += end_send(end, op->buffer + op->moved, op->length - op->moved);
  return op->moved == op->length;
}

/* As much of a chunk of the file as there is room for. Returns the bytes of the
 * chunk, 0 at the end of the file. */
static uint32_t transfer__transmit_some(struct op* op) {
  static uint8_t chunk[4096];
  uint32_t left = op->file_length - op->moved;
  uint32_t count = disk_read(op->file,
                             op->file_offset + op->moved,
                             chunk,
                             left < sizeof chunk ? left : sizeof chunk);
  op->moved += end_send(op->sock->end, chunk, count);
  return count;
}

/* The file is read when there is room for its bytes. How Windows ends a
 * transmission at the end of a file that has become shorter is not documented;
 * "it sends exactly the requested count or errors" (zio #482). Wine 10 succeeds
 * with what there was. Returns false when there is no room. */
static bool transfer__transmit(struct op* op) {
  while (op->moved < op->file_length) {
    if (end_room(op->sock->end) == 0) return false;
    if (transfer__transmit_some(op) != 0) continue;
    op_done(op, habits.is_wine ? STATUS_OK : STATUS_END_OF_FILE, op->moved);
    return true;
  }
  op_done(op, STATUS_OK, op->moved);
  return true;
}

static void transfer__send(struct sock* sock) {
  while (!list_is_empty(&sock->sends)) {
    struct op* op = LIST_ENTRY(sock->sends.next, struct op, node);
    if (op->is_stuck) return;
    if (sock->end->in->rst_arrived) {
      sock->has_reported_reset = true;
      op_done(op, sock_reset_status(), 0);
      continue;
    }
    /* Wine 10 fails with one send of a closed handle each time that the peer
     * has made room. */
    if (!sock->is_open) {
      if (end_room(sock->end) == 0) return;
      op_done(op, sock_closed_status(), 0);
      continue;
    }
    /* The connection stays, but the bytes of this send are lost. */
    if (habits_break(habits.late_faults)) {
      static const uint8_t lost;
      sock->rest = &lost;
      op_done(op, STATUS_NO_RESOURCES, 0);
      continue;
    }
    if (op->kind == OP_TRANSMIT) {
      if (!transfer__transmit(op)) return;
      continue;
    }
    bool is_all = transfer__send_some(op);
    /* Not seen on any system, but not excluded by the documentation. */
    bool is_short =
        !is_all && op->moved != 0 && habits_break(habits.short_sends);
    if (!is_all && !is_short) return;
    if (is_short) sock->rest = op->buffer + op->moved;
    op_done(op, STATUS_OK, op->moved);
  }
  sock_sends_ended(sock);
}

void transfer_has_room(struct sock* sock) {
  if (sock->end != NULL) transfer__send(sock);
}

void transfer_moved(struct sock* sock) {
  if (sock->end == NULL) return;
  transfer__receive(sock);
  transfer__send(sock);
}

/* ---- calls */

/* A socket for a transfer, or NULL with the last error. Transfers do not need
 * the updated context ("AcceptEx function"). */
static struct sock* transfer__find(SOCKET handle, const char* call) {
  struct sock* sock = sock_find(handle, call);
  if (sock == NULL) return NULL;
  if (sock->state != SOCK_CONNECTED || sock->end == NULL) {
    kernel_fail(WSAENOTCONN);
    return NULL;
  }
  return sock;
}

static int transfer__fails(DWORD error) {
  kernel_fail(error);
  return SOCKET_ERROR;
}

static bool transfer__is_refused(void) {
  return habits_fault(habits.kernel_faults) ||
         habits_fault(habits.refused_transfers);
}

static uint32_t transfer__part(uint32_t length) {
  if (length > 1 && habits_fault(habits.splits)) return 1 + tape_choose(length);
  return length;
}

/* Wine 10 does not look any more at a connection that was reset. It posts a
 * send behind one that has failed and was not reported yet, and nothing ends
 * it. */
static bool transfer__sticks(const struct sock* sock) {
  return habits.is_wine && !sock->has_shut && sock->end->in->rst_arrived &&
         op_has_late(sock, OP_SEND);
}

/* A caller who was told that the connection takes no more has lost the bytes,
 * and may not go on behind them. */
static DWORD transfer__send_error(struct sock* sock) {
  RULE("nothing is sent behind a send that was refused for good",
       !sock->has_refused_send || sock->was_passed);
  if (!sock->has_shut && !sock->end->in->rst_arrived) return 0;
  sock->has_refused_send = true;
  if (sock->has_shut) return WSAESHUTDOWN;
  sock->has_reported_reset = true;
  return sock_reset_error();
}

int send(SOCKET handle, const char* buffer, int length, int flags) {
  (void)flags;
  kernel_enter();
  struct sock* sock = transfer__find(handle, "send");
  if (sock == NULL) return SOCKET_ERROR;
  RULE("no call blocks", sock->is_non_blocking);
  RULE("a send does not overtake one that is pending",
       list_is_empty(&sock->sends));
  DWORD error = transfer__send_error(sock);
  if (error != 0) return transfer__fails(error);
  if (transfer__is_refused()) return transfer__fails(WSAENOBUFS);
  uint32_t count = end_send(
      sock->end, (const uint8_t*)buffer, transfer__part((uint32_t)length));
  if (count == 0 && length != 0) return transfer__fails(WSAEWOULDBLOCK);
  kernel_succeed();
  return (int)count;
}

int recv(SOCKET handle, char* buffer, int length, int flags) {
  kernel_enter();
  struct sock* sock = transfer__find(handle, "recv");
  if (sock == NULL) return SOCKET_ERROR;
  RULE("no call blocks", sock->is_non_blocking);
  /* It is undefined which of the two gets the next bytes. */
  RULE("no bytes are received behind a pending receive",
       flags == MSG_PEEK || list_is_empty(&sock->receives));
  const struct flow* in = sock->end->in;
  if (in->rst_arrived) {
    if (!transfer__ends_reset(sock)) return transfer__fails(sock_reset_error());
    kernel_succeed();
    return 0;
  }
  if (transfer__is_refused()) return transfer__fails(WSAENOBUFS);
  uint32_t readable = end_readable(sock->end);
  if (readable == 0 && !in->fin_arrived) return transfer__fails(WSAEWOULDBLOCK);
  uint32_t wanted = (uint32_t)length;
  if (readable < wanted) wanted = readable;
  if (flags == MSG_PEEK) {
    kernel_succeed();
    return (int)wanted;
  }
  uint32_t count =
      end_receive(sock->end, (uint8_t*)buffer, transfer__part(wanted));
  kernel_succeed();
  return (int)count;
}

/* "Too many outstanding requests", or no memory to lock. */
static DWORD transfer__refusal(void) {
  if (!transfer__is_refused()) return 0;
  return tape_choose(2) == 0 ? WSAENOBUFS : WSAEWOULDBLOCK;
}

/* True if the operation completes at once without a packet. */
static bool transfer__is_immediate(const struct op* op) {
  return (op->has_no_packet || sock_skips_packets(op->sock)) &&
         habits_fault(habits.immediate);
}

int WSARecv(SOCKET handle,
            WSABUF* buffers,
            DWORD count,
            DWORD* received,
            DWORD* flags,
            OVERLAPPED* overlapped,
            void* completion) {
  kernel_enter();
  struct sock* sock = transfer__find(handle, "WSARecv");
  if (sock == NULL) return SOCKET_ERROR;
  RULE("WSARecv() is given one buffer and no routine",
       count == 1 && completion == NULL && flags != NULL && *flags == 0);
  DWORD error = transfer__refusal();
  if (error == 0 && sock->end->in->rst_arrived && tape_choose(2) == 0)
    error = sock_reset_error();
  if (error != 0) return transfer__fails(error);
  struct op* op = op_new(sock, OP_RECEIVE, overlapped, "WSARecv");
  op_give_buffer(op, buffers->buf, buffers->len);
  op_give_count(op, received);
  op_give_count(op, flags);
  op->count = received;
  if (list_is_empty(&sock->receives) && !sock->end->in->rst_arrived &&
      end_has_news(sock->end) && transfer__is_immediate(op)) {
    uint32_t wanted = op->length;
    if (end_readable(sock->end) < wanted) wanted = end_readable(sock->end);
    uint32_t bytes =
        wanted == 0
            ? 0
            : end_receive(sock->end, op->buffer, transfer__part(wanted));
    op_drop_done(op, STATUS_OK, bytes);
    kernel_succeed();
    return 0;
  }
  list_push(&sock->receives, &op->node);
  op_pend(op);
  transfer_moved(sock);
  return op_answer(op) ? 0 : SOCKET_ERROR;
}

int WSASend(SOCKET handle,
            WSABUF* buffers,
            DWORD count,
            DWORD* sent,
            DWORD flags,
            OVERLAPPED* overlapped,
            void* completion) {
  kernel_enter();
  struct sock* sock = transfer__find(handle, "WSASend");
  if (sock == NULL) return SOCKET_ERROR;
  RULE("WSASend() is given one buffer and no routine",
       count == 1 && completion == NULL && flags == 0 && buffers->len != 0);
  bool is_stuck = transfer__sticks(sock);
  DWORD error = is_stuck ? 0 : transfer__send_error(sock);
  if (error == 0) error = transfer__refusal();
  if (error != 0) return transfer__fails(error);
  /* The order of a transmission and other sends is not documented. */
  RULE("nothing is sent behind a transmission that is pending",
       list_is_empty(&sock->sends) ||
           LIST_ENTRY(sock->sends.prev, struct op, node)->kind != OP_TRANSMIT);
  struct op* op = op_new(sock, OP_SEND, overlapped, "WSASend");
  /* The rest of the send before. */
  if (sock->rest == (const uint8_t*)buffers->buf) sock->rest = NULL;
  op_give_buffer(op, buffers->buf, buffers->len);
  op_give_count(op, sent);
  op->is_stuck = is_stuck;
  uint32_t room = end_room(sock->end);
  if (list_is_empty(&sock->sends) && !is_stuck &&
      (room >= op->length || (room != 0 && habits_break(habits.short_sends))) &&
      transfer__is_immediate(op)) {
    if (!transfer__send_some(op)) sock->rest = op->buffer + op->moved;
    op_drop_done(op, STATUS_OK, op->moved);
    kernel_succeed();
    return 0;
  }
  list_push(&sock->sends, &op->node);
  op_pend(op);
  transfer_moved(sock);
  return op_answer(op) ? 0 : SOCKET_ERROR;
}

/* At least a part of the file. */
static bool transfer__transmits_at_once(struct op* op) {
  if (!transfer__is_immediate(op)) return false;
  uint8_t byte;
  if (disk_read(op->file, op->file_offset + op->file_length - 1, &byte, 1) == 0)
    return false;
  return end_room(op->sock->end) >= op->file_length;
}

BOOL WINAPI extension_transmit_file(SOCKET handle,
                                    HANDLE file,
                                    DWORD length,
                                    DWORD part,
                                    OVERLAPPED* overlapped,
                                    TRANSMIT_FILE_BUFFERS* buffers,
                                    DWORD flags) {
  kernel_enter();
  struct sock* sock = transfer__find(handle, "TransmitFile");
  if (sock == NULL) return FALSE;
  RULE("TransmitFile() is given a file, an OVERLAPPED and no flags",
       file != NULL && overlapped != NULL && buffers == NULL && flags == 0 &&
           part == 0);
  RULE("a transmission has 1 to 2^31 - 2 bytes",
       length != 0 && length <= 2147483646u);
  RULE("a file is transmitted over TCP", sock->family != SOCK_LOCAL);
  /* "By limiting the number of concurrent TransmitFile operations allowed on
   * the system to a maximum of two": one to a peer that does not receive holds
   * up those of all programs (golang/go #73746). */
  RULE("a client edition transmits no files",
       !habits.is_client || habits.is_wine);
  RULE("a file is transmitted with no other send pending",
       list_is_empty(&sock->sends));
  DWORD error = transfer__send_error(sock);
  if (error == 0) error = transfer__refusal();
  if (error != 0) return kernel_fail(error);
  uint64_t offset = (uint64_t)overlapped->OffsetHigh << 32 | overlapped->Offset;
  struct op* op = op_new(sock, OP_TRANSMIT, overlapped, "TransmitFile");
  op->file = file;
  op->file_offset = offset;
  op->file_length = length;
  if (transfer__transmits_at_once(op)) {
    while (op->moved < length) transfer__transmit_some(op);
    op_drop_done(op, STATUS_OK, length);
    return kernel_succeed();
  }
  list_push(&sock->sends, &op->node);
  op_pend(op);
  transfer_moved(sock);
  return op_answer(op);
}

int shutdown(SOCKET handle, int how) {
  kernel_enter();
  struct sock* sock = sock_find_ready(handle, "shutdown");
  if (sock == NULL) return SOCKET_ERROR;
  if (sock->end == NULL) return transfer__fails(WSAENOTCONN);
  if (sock->end->in->rst_arrived) return transfer__fails(sock_reset_error());
  /* Otherwise what has not been sent would be lost (libuv waits as well,
   * uv__process_tcp_shutdown_req()). */
  RULE("a direction is shut down after the last send",
       how == SD_SEND && list_is_empty(&sock->sends));
  sock->has_shut = true;
  end_finish(sock->end);
  kernel_succeed();
  return 0;
}
