/* SPDX-License-Identifier: MIT */
/* Streams, and the files that are sent over them. */
#define CHECKED_NONE
#include <stddef.h>
#include <string.h>

#include "checked.h"
#include "checked_address.h"
#include "contract.h"
#include "report.h"
#include "world.h"

/* ---- making streams */

int32_t checked_add_socket(int32_t port, double os_socket, uint32_t flags) {
  struct contract_call call;
  contract_begin(&call, "iocp_add_socket", port);
  contract_refuse_if(
      &call, (flags & ~(uint32_t)IOCP_DETACHED) != 0, IOCP_EINVAL);
  checked_refuse_handle(&call, os_socket);
  contract_may(&call, IOCP_ENOTSOCK);
  contract_may(&call, IOCP_ENOTCONN);
  contract_may(&call, IOCP_EEXIST);
  contract_may(&call, IOCP_ENOTSUP);
  if (!contract_goes(&call)) return 0;
  int32_t result = contract_end(&call, iocp_add_socket(port, os_socket, flags));
  if (result >= 0)
    contract_add(port, result, CONTRACT_STREAM, CONTRACT_UNKNOWN);
  return result;
}

int32_t checked_connect(int32_t port, const void* remote, const void* local) {
  struct contract_call call;
  struct iocp_path name;
  contract_begin(&call, "iocp_connect", port);
  uint16_t family = remote == NULL ? 0 : checked_family(remote);
  bool is_local = family == IOCP_UNIX || family == IOCP_PIPE;
  if (is_local) {
    checked_refuse_path(&call, remote, &name);
    contract_refuse_if(&call, local != NULL, IOCP_EINVAL);
  } else {
    checked_refuse_ip(&call, remote);
    contract_refuse_if(
        &call,
        local != NULL && remote != NULL && checked_family(local) != family,
        IOCP_EAFNOSUPPORT);
  }
  if (!contract_goes(&call)) return 0;
  int32_t result = contract_end(&call, iocp_connect(port, remote, local));
  if (result >= 0)
    contract_add(port, result, CONTRACT_CONNECTING, is_local ? family : 0);
  return result;
}

/* ---- receiving */

int32_t checked_receive(int32_t port, int32_t socket, uint32_t bytes) {
  struct contract_call call;
  contract_begin(&call, "iocp_receive", port);
  struct contract_socket* of = contract_find_open(&call, socket);
  bool is_datagram = of != NULL && of->kind == CONTRACT_DATAGRAM;
  if (of != NULL && !is_datagram) of = contract_find_stream(&call, socket);
  contract_refuse_if(
      &call, bytes == 0 || bytes > CONTRACT_CREDIT_MAX, IOCP_EINVAL);
  if (of != NULL) {
    if (is_datagram)
      contract_may(&call, IOCP_EINVAL);
    else
      contract_refuse_if(
          &call, bytes > CONTRACT_CREDIT_MAX - of->credit, IOCP_EINVAL);
    contract_refuse_if(&call, of->is_ended, IOCP_ESHUTDOWN);
    contract_refuse_if(&call, of->is_read_armed, IOCP_EBUSY);
  }
  if (!contract_goes(&call)) return 0;
  int32_t result = contract_end_zero(&call, iocp_receive(port, socket, bytes));
  if (result == 0 && !is_datagram) of->credit += bytes;
  return result;
}

int32_t checked_read(int32_t port,
                     int32_t socket,
                     void* buffer,
                     uint32_t offset,
                     uint32_t length) {
  struct contract_call call;
  contract_begin(&call, "iocp_read", port);
  struct contract_socket* of = contract_find_stream(&call, socket);
  contract_refuse_if(&call, buffer == NULL, IOCP_EFAULT);
  contract_refuse_if(&call, length == 0, IOCP_EINVAL);
  contract_refuse_if(
      &call, of != NULL && (of->credit != 0 || of->is_read_armed), IOCP_EBUSY);
  contract_output(
      &call, buffer == NULL ? NULL : (uint8_t*)buffer + offset, length);
  call.may_be_broken = !contract_is_refused(&call);
  if (!contract_goes(&call)) return 0;
  int32_t result =
      contract_end(&call, iocp_read(port, socket, buffer, offset, length));
  if (contract_is_refused(&call)) return result;
  RULE("a read is no longer than its buffer",
       result <= (int32_t)length || result == IOCP_PENDING);
  if (result == IOCP_PENDING)
    of->is_read_armed = true;
  else if (result <= 0 && of->kind == CONTRACT_STREAM &&
           !(of->may_expire && result == -IOCP_ETIMEDOUT))
    of->is_ended = true;
  return result;
}

/* ---- sending */

static void checked__refuse_send(struct contract_call* call, int32_t socket) {
  const struct contract_socket* of = contract_find_stream(call, socket);
  /* What was adopted may have been shut down before. */
  call->may_be_broken = true;
  if (of == NULL) return;
  contract_refuse_if(call, of->is_shut, IOCP_EPIPE);
  contract_refuse_if(call, of->sends >= of->concurrency, IOCP_EBUSY);
}

static void checked__has_sent(struct contract_socket* of,
                              int32_t result,
                              uint32_t length) {
  if (result < 0) return;
  uint32_t accepted = (uint32_t)result & ~(uint32_t)IOCP_PENDING;
  RULE("no more is accepted than was offered",
       accepted <= length && accepted <= IOCP_SEND_MAX);
  if (length == 0) RULE("nothing is sent at once", result == 0);
  if ((result & IOCP_PENDING) != 0) of->sends++;
}

int32_t checked_send(int32_t port,
                     int32_t socket,
                     const void* buffer,
                     uint32_t offset,
                     uint32_t length) {
  struct contract_call call;
  contract_begin(&call, "iocp_send", port);
  checked__refuse_send(&call, socket);
  contract_refuse_if(&call, buffer == NULL && length != 0, IOCP_EFAULT);
  if (!contract_goes(&call)) return 0;
  int32_t result =
      contract_end(&call, iocp_send(port, socket, buffer, offset, length));
  if (!contract_is_refused(&call))
    checked__has_sent(call.socket, result, length);
  return result;
}

/* One result of a broadcast. The number of the system is that of the last one
 * that has failed. */
static int32_t checked__sent_one(int32_t port,
                                 int32_t id,
                                 int32_t result,
                                 const void* buffer,
                                 uint32_t length) {
  struct contract_call call;
  contract_begin(&call, "iocp_broadcast", port);
  checked__refuse_send(&call, id);
  contract_refuse_if(&call, buffer == NULL && length != 0, IOCP_EFAULT);
  bool is_expected = result >= 0;
  for (uint32_t i = 0; i < call.refusal_count; i++) {
    if (i == 0) is_expected = false;
    if (result == -call.refusals[i]) is_expected = true;
  }
  for (uint32_t i = 0; i < call.other_count; i++)
    if (result == -call.others[i]) is_expected = true;
  if (result < 0 && result != -IOCP_EFAULT && result != -IOCP_EBADF &&
      result != -IOCP_EINVAL && result != -IOCP_EBUSY)
    is_expected = true;
  if (result < 0 && world_is_strange()) is_expected = true;
  if (!is_expected)
    report_violation("a broadcast has the result of a send for each socket",
                     "%d for socket %d",
                     result,
                     id);
  if (call.refusal_count == 0) checked__has_sent(call.socket, result, length);
  return result != (int32_t)length;
}

int32_t checked_broadcast(int32_t port,
                          const void* sockets,
                          void* results,
                          uint32_t count,
                          const void* buffer,
                          uint32_t offset,
                          uint32_t length) {
  struct contract_call call;
  contract_begin(&call, "iocp_broadcast", port);
  contract_refuse_if(&call, count > INT32_MAX, IOCP_EINVAL);
  contract_refuse_if(
      &call, count != 0 && (sockets == NULL || results == NULL), IOCP_EFAULT);
  contract_output(&call, results, results == NULL ? 0 : 4);
  if (!contract_goes(&call)) return 0;
  int32_t others = contract_end(
      &call,
      iocp_broadcast(port, sockets, results, count, buffer, offset, length));
  if (others < 0) return others;
  int32_t expected = 0;
  const int32_t* ids = sockets;
  for (uint32_t i = 0; i < count; i++)
    expected +=
        checked__sent_one(port, ids[i], ((int32_t*)results)[i], buffer, length);
  RULE("a broadcast counts the results that differ from the length",
       others == expected);
  return others;
}

int32_t checked_progress(int32_t port, int32_t socket) {
  struct contract_call call;
  contract_begin(&call, "iocp_progress", port);
  contract_find_stream(&call, socket);
  if (!contract_goes(&call)) return 0;
  int32_t result = contract_end(&call, iocp_progress(port, socket));
  RULE("progress is 0 or 1", result <= 1);
  return result;
}

int32_t checked_shutdown(int32_t port, int32_t socket) {
  struct contract_call call;
  contract_begin(&call, "iocp_shutdown", port);
  struct contract_socket* of = contract_find_stream(&call, socket);
  if (of != NULL && of->local == CONTRACT_UNKNOWN)
    contract_may(&call, IOCP_ENOTSUP);
  contract_refuse_if(&call, of != NULL && of->local == IOCP_PIPE, IOCP_ENOTSUP);
  contract_refuse_if(&call, of != NULL && of->is_shut, IOCP_EPIPE);
  if (!contract_goes(&call)) return 0;
  int32_t result = contract_end_zero(&call, iocp_shutdown(port, socket));
  if (result == 0) of->is_shut = true;
  return result;
}

/* ---- files */

static int32_t* checked__file(struct contract_port* port, int32_t file) {
  for (uint32_t i = 0; port != NULL && i < port->file_count; i++)
    if (port->files[i] == file) return &port->files[i];
  return NULL;
}

static void checked__refuse_file(struct contract_call* call, int32_t file) {
  if (call->port == NULL || checked__file(call->port, file) != NULL) return;
  if (call->port->has_more_files)
    contract_may(call, IOCP_EINVAL);
  else
    contract_refuse(call, IOCP_EINVAL);
}

int32_t checked_open_file(int32_t port,
                          const void* path,
                          uint32_t length,
                          void* size) {
  struct contract_call call;
  contract_begin(&call, "iocp_open_file", port);
  contract_refuse_if(&call, path == NULL || size == NULL, IOCP_EFAULT);
  contract_refuse_if(&call, length == 0, IOCP_EINVAL);
  contract_refuse_if(&call, length > IOCP_FILE_PATH_MAX, IOCP_ENAMETOOLONG);
  contract_refuse_if(&call,
                     path != NULL && length <= IOCP_FILE_PATH_MAX &&
                         memchr(path, 0, length) != NULL,
                     IOCP_EINVAL);
  contract_may(&call, IOCP_ENOENT);
  contract_may(&call, IOCP_EISDIR);
  contract_may(&call, IOCP_ESPIPE);
  if (world_posts_operations()) contract_may(&call, IOCP_EINVAL);
  contract_output(&call, size, sizeof(double));
  if (!contract_goes(&call)) return 0;
  int32_t result =
      contract_end(&call, iocp_open_file(port, path, length, size));
  if (result < 0) return result;
  RULE("the id of a file is not that of another one",
       checked__file(call.port, result) == NULL);
  if (call.port->file_count < CONTRACT_FILES)
    call.port->files[call.port->file_count++] = result;
  else
    call.port->has_more_files = true;
  return result;
}

int32_t checked_send_file(int32_t port,
                          int32_t socket,
                          int32_t file,
                          double offset,
                          uint32_t length) {
  struct contract_call call;
  contract_begin(&call, "iocp_send_file", port);
  checked__refuse_send(&call, socket);
  bool is_within = offset >= 0 && offset + length <= IOCP_FILE_SIZE_MAX;
  contract_refuse_if(&call, !is_within, IOCP_EINVAL);
  checked__refuse_file(&call, file);
  contract_may(&call, IOCP_ENODATA);
  if (!contract_goes(&call)) return 0;
  int32_t result =
      contract_end(&call, iocp_send_file(port, socket, file, offset, length));
  if (!contract_is_refused(&call))
    checked__has_sent(call.socket, result, length);
  return result;
}

int32_t checked_close_file(int32_t port, int32_t file) {
  struct contract_call call;
  contract_begin(&call, "iocp_close_file", port);
  checked__refuse_file(&call, file);
  if (!contract_goes(&call)) return 0;
  int32_t result = contract_end_zero(&call, iocp_close_file(port, file));
  int32_t* slot = checked__file(call.port, file);
  if (result == 0 && slot != NULL)
    *slot = call.port->files[--call.port->file_count];
  return result;
}
