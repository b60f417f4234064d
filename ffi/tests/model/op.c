/* SPDX-License-Identifier: MIT */
#include "op.h"

#include <stdlib.h>
#include <string.h>

#include "block.h"
#include "fiber.h"
#include "habits.h"
#include "kernel.h"
#include "port.h"
#include "report.h"
#include "sanitizer.h"
#include "sock.h"
#include "tape.h"
#include "thread.h"

/* What the kernel stores in a pending operation: a status and a number of bytes
 * that cannot be mistaken for results. */
#define OP__POISON_BYTES ((ULONG_PTR)0xDEADBEEF0BADF00D)
#define OP__POISON 0xA5
#define OP__POISON_LENGTH 0x5AA55AA5
/* Only both ends of a longer buffer are poisoned and checked. */
#define OP__POISON_MAX 512

static struct {
  struct list_node all;
  struct list_node late;
  uint32_t count;
  uint32_t late_count;
} ops;

static const char* const op__names[] = {
    "receive", "send", "connect", "accept", "listen", "transmission"};

void op_open_all(void) {
  list_open(&ops.all);
  list_open(&ops.late);
  ops.count = 0;
  ops.late_count = 0;
}

static struct op* op__of(struct list_node* node) {
  return LIST_ENTRY(node, struct op, all_node);
}

void op_close_all(void) {
  while (!list_is_empty(&ops.all)) free(op__of(list_shift(&ops.all)));
}

/* ---- checking the memory of operations */

static uint32_t op__edge(const struct op* op) {
  return op->length <= OP__POISON_MAX ? op->length : OP__POISON_MAX / 2;
}

/* FNV-1a over words rather than bytes, which is eight times as fast. */
static uint64_t op__hash(uint64_t sum, const uint8_t* bytes, uint32_t length) {
  for (; length >= sizeof sum; length -= sizeof sum, bytes += sizeof sum) {
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
    sum = (sum ^ word) * 1099511628211u;
    sum ^= sum >> 32;
  }
  for (; length != 0; length--) sum = (sum ^ *bytes++) * 1099511628211u;
  return sum;
}

static uint64_t op__sum(const struct op* op) {
  uint32_t edge = op__edge(op);
  uint64_t sum = op__hash(14695981039346656037u, op->buffer, edge);
  return op__hash(sum, op->buffer + op->length - edge, edge);
}

static bool op__is_poisoned(const uint8_t* bytes, uint32_t length) {
  for (; length != 0; length--)
    if (*bytes++ != OP__POISON) return false;
  return true;
}

static void op__poison(struct op* op) {
  uint32_t edge = op__edge(op);
  memset(op->buffer, OP__POISON, edge);
  memset(op->buffer + op->length - edge, OP__POISON, edge);
}

void op_touch(const struct op* op) {
  uint32_t edge = op__edge(op);
  RULE("the buffer of a pending operation is not written to",
       op__is_poisoned(op->buffer, edge) &&
           op__is_poisoned(op->buffer + op->length - edge, edge));
}

/* Checks the bytes of a pending send. */
static void op__check_sum(const struct op* op) {
  if (op->kind == OP_SEND)
    RULE("the bytes of a pending send do not change", op__sum(op) == op->sum);
}

void op_check_all(void) {
  for (struct list_node* node = ops.all.next; node != &ops.all;
       node = node->next) {
    const struct op* op = op__of(node);
    RULE("the OVERLAPPED of a pending operation is not written to",
         memcmp(op->overlapped, &op->image, sizeof op->image) == 0);
  }
}

static bool op__overlaps(const void* memory,
                         size_t size,
                         const void* part,
                         size_t part_size) {
  const uint8_t* first = memory;
  const uint8_t* other = part;
  return part != NULL && other < first + size && first < other + part_size;
}

void op_forbid_in(const void* memory, size_t size) {
  for (struct list_node* node = ops.all.next; node != &ops.all;
       node = node->next) {
    const struct op* op = op__of(node);
    if (op__overlaps(memory, size, op->overlapped, sizeof *op->overlapped) ||
        op__overlaps(memory, size, op->count, sizeof *op->count) ||
        op__overlaps(memory, size, op->buffer, op->length) ||
        op__overlaps(memory, size, op->from, (size_t)op->from_room) ||
        op__overlaps(memory, size, op->from_length, sizeof *op->from_length) ||
        op__overlaps(memory, size, op->flags, sizeof *op->flags))
      report_violation(
          "memory stays allocated while the kernel may write to it",
          "a %s is in flight in a block of %zu bytes",
          op__names[op->kind],
          size);
  }
}

void op_forbid_at(const struct port* port) {
  for (struct list_node* node = ops.all.next; node != &ops.all;
       node = node->next)
    if (op__of(node)->port == port && !op__of(node)->has_no_packet)
      report_violation("every packet is dequeued before its port is closed",
                       "a %s is in flight",
                       op__names[op__of(node)->kind]);
}

uint32_t op_count(void) { return ops.count; }

/* ---- posting */

static void op__check_new(const OVERLAPPED* overlapped) {
  if (!block_has(overlapped, sizeof *overlapped))
    report_violation("an OVERLAPPED is on the heap", "it is not");
  for (struct list_node* node = ops.all.next; node != &ops.all;
       node = node->next)
    RULE("an OVERLAPPED is not used again before its packet is dequeued",
         !op__overlaps(overlapped,
                       sizeof *overlapped,
                       op__of(node)->overlapped,
                       sizeof *overlapped));
}

struct op* op_new(struct sock* sock,
                  enum op_kind kind,
                  OVERLAPPED* overlapped,
                  const char* call) {
  RULE("every operation is overlapped", overlapped != NULL);
  op__check_new(overlapped);
  /* "The completion packet is not queued" to a port that the handle joins
   * later. Without a port the operation ends with its thread. */
  if (sock->port == NULL)
    report_violation("a handle is associated with a port before it is used",
                     "%s(%#zx)",
                     call,
                     (size_t)sock->object.handle);
  struct op* op = calloc(1, sizeof *op);
  if (op == NULL) abort();
  op->kind = kind;
  op->sock = sock;
  op->overlapped = overlapped;
  op->port = sock->port;
  op->handle = sock->via->handle;
  op->process = sock->via->process;
  op->key = sock->key;
  uintptr_t event = (uintptr_t)overlapped->hEvent;
  op->has_no_packet = (event & 1) != 0;
  if (event != 0) op->event = thread_event(event & ~(uintptr_t)1);
  return op;
}

void op_give_buffer(struct op* op, void* buffer, uint32_t length) {
  if (length == 0) return;
  if (!block_has(buffer, length))
    report_violation("the buffer of an operation is on the heap",
                     "a %s of %u bytes",
                     op__names[op->kind],
                     length);
  op->buffer = buffer;
  op->length = length;
}

void op_give_count(struct op* op, DWORD* count) {
  if (count == NULL) return;
  if (!block_has(count, sizeof *count))
    report_violation("an out-parameter of an operation is on the heap",
                     "that of a %s is not",
                     op__names[op->kind]);
  op->count = count;
}

static void op__check_out(const struct op* op, const void* out, size_t size) {
  if (!block_has(out, size))
    report_violation("an out-parameter of an operation is on the heap",
                     "that of a %s is not",
                     op__names[op->kind]);
}

void op_give_source(struct op* op,
                    SOCKADDR* from,
                    INT* from_length,
                    DWORD* flags) {
  op->from_room = *from_length;
  op__check_out(op, from, (size_t)op->from_room);
  op__check_out(op, from_length, sizeof *from_length);
  op__check_out(op, flags, sizeof *flags);
  op->from = from;
  op->from_length = from_length;
  op->flags = flags;
}

void op_set_source(struct op* op, const struct iocp_address* source) {
  op->source = *source;
}

static void op__poison_source(struct op* op) {
  if (op->from == NULL) return;
  memset(op->from, OP__POISON, (size_t)op->from_room);
  *op->from_length = OP__POISON_LENGTH;
  *op->flags = (DWORD)OP__POISON_BYTES;
}

/* "On output, the flags": MSG_PARTIAL for a truncated datagram. */
static void op__write_source(struct op* op) {
  if (op->from == NULL) return;
  RULE("the address of a pending receive is not written to",
       *op->from_length == OP__POISON_LENGTH &&
           *op->flags == (DWORD)OP__POISON_BYTES &&
           op__is_poisoned((const uint8_t*)op->from, (uint32_t)op->from_room));
  *op->flags = op->status == STATUS_OVERFLOW ? 0x8000u : 0;
  if (op->source.family == 0) return;
  *op->from_length = sock_address_out(&op->source, op->from, op->from_room);
}

void op_drop(struct op* op) {
  if (list_has(&op->node)) list_remove(&op->node);
  free(op);
}

void op_drop_done(struct op* op, LONG status, uint32_t bytes) {
  TRACE("  %#zx: a %s completes at once: %u bytes",
        (size_t)op->sock->object.handle,
        op__names[op->kind],
        bytes);
  op->overlapped->Internal = (ULONG_PTR)(DWORD)status;
  op->overlapped->InternalHigh = bytes;
  if (op->count != NULL) *op->count = bytes;
  if (op->event != NULL) thread_event_set(op->event);
  op_drop(op);
}

void op_pend(struct op* op) {
  op->overlapped->Internal = STATUS_IS_PENDING;
  op->overlapped->InternalHigh = OP__POISON_BYTES;
  if (op->count != NULL) *op->count = (DWORD)OP__POISON_BYTES;
  op->image = *op->overlapped;
  if (op->kind == OP_SEND)
    op->sum = op__sum(op);
  else if (op->buffer != NULL)
    op__poison(op);
  op__poison_source(op);
  op->sock->object.holds++;
  if (op->target != NULL) op->target->object.holds++;
  ops.count++;
  list_push(&ops.all, &op->all_node);
  TRACE("  %#zx: a %s is posted: %u bytes",
        (size_t)op->sock->object.handle,
        op__names[op->kind],
        op->length);
  sanitizer_release(op->overlapped);
}

/* ---- completing */

static void op__make_late(struct op* op) {
  if (list_has(&op->late_node)) return;
  list_push(&ops.late, &op->late_node);
  ops.late_count++;
}

void op_done(struct op* op, LONG status, uint32_t bytes) {
  sanitizer_acquire(op->overlapped);
  op__check_sum(op);
  TRACE("  %#zx: a %s completes: %#x, %u bytes",
        (size_t)op->sock->object.handle,
        op__names[op->kind],
        (unsigned)status,
        bytes);
  if (list_has(&op->node)) list_remove(&op->node);
  op->is_done = true;
  op->status = status;
  op->bytes = bytes;
  op->sum = op__sum(op);
  op__make_late(op);
  sanitizer_release(op->overlapped);
}

BOOL op_answer(const struct op* op) {
  if (op->is_done && op->status == STATUS_OK && !sock_skips_packets(op->sock) &&
      !op->has_no_packet && habits_fault(habits.immediate))
    return kernel_succeed();
  return kernel_fail(WSA_IO_PENDING);
}

void op_cancel_later(struct op* op) {
  op->is_canceling = true;
  op__make_late(op);
}

/* Writes the results as late as the documentation allows. */
static void op__write(struct op* op) {
  RULE("the OVERLAPPED of a pending operation is not written to",
       memcmp(op->overlapped, &op->image, sizeof op->image) == 0);
  RULE("the buffer of a pending operation is not written to",
       op__sum(op) == op->sum);
  op->overlapped->Internal = (ULONG_PTR)(DWORD)op->status;
  op->overlapped->InternalHigh = op->bytes;
  if (op->count != NULL) *op->count = op->bytes;
  op__write_source(op);
}

static void op__end(struct op* op) {
  list_remove(&op->all_node);
  ops.count--;
  struct sock* sock = op->sock;
  struct sock* target = op->target;
  free(op);
  sock_op_ended(sock);
  if (target != NULL) sock_op_ended(target);
}

void op_dequeued(struct op* op) {
  sanitizer_acquire(op->overlapped);
  op__write(op);
  op__end(op);
}

bool op_has_late(const struct sock* sock, enum op_kind kind) {
  for (struct list_node* node = ops.late.next; node != &ops.late;
       node = node->next) {
    const struct op* op = LIST_ENTRY(node, struct op, late_node);
    if (op->sock == sock && op->kind == kind && op->is_done) return true;
  }
  return false;
}

uint32_t op_late_count(void) { return ops.late_count; }

void op_step_late(uint32_t index) {
  struct list_node* node = ops.late.next;
  while (index-- != 0) node = node->next;
  struct op* op = LIST_ENTRY(node, struct op, late_node);
  list_remove(node);
  ops.late_count--;
  if (!op->is_done) {
    /* It was canceled before, and ends now. */
    sock_cancel_now(op);
    return;
  }
  if (!op->has_no_packet) {
    port_queue_op(op->port, op);
    return;
  }
  struct event* event = op->event;
  op__write(op);
  op__end(op);
  thread_event_set(event);
}
