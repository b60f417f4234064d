/* SPDX-License-Identifier: MIT */
/*
 * Files that are sent over streams; see iocp.h.
 *
 * The bytes go from the file to the socket inside of the system: sendfile(2) on
 * Linux, TransmitFile() on Windows. Where the system cannot do that, the
 * library reads them and sends a copy: over named pipes and unix sockets of
 * Windows, and on the client editions of Windows, which transmit only two files
 * at a time. All three block the thread while the disk is read.
 */
#ifndef IOCP_API_FILE_H
#define IOCP_API_FILE_H

#include <stdint.h>

#include "iocp_export.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The most bytes of the path of a file. */
#define IOCP_FILE_PATH_MAX 32767
/* The end of the last byte that can be sent: 2^53 - 1. */
#define IOCP_FILE_SIZE_MAX 9007199254740991.0

/*
 * Opens a regular file, to be sent. `path` points to `length` bytes without
 * zero bytes: UTF-8 on Windows, any other bytes on Linux. Others may read,
 * write, rename and delete the file meanwhile, and child processes do not
 * inherit its handle. Writes its size, a double. Returns its id, which is good
 * for the port alone, -IOCP_ENOENT, -IOCP_EACCES, -IOCP_EISDIR, -IOCP_ESPIPE
 * (no regular file) or another error. Pairs with iocp_close_file().
 */
IOCP_API int32_t iocp_open_file(int32_t port,
                                const void* path,
                                uint32_t length,
                                void* size);

/*
 * Sends bytes [offset .. offset + length) of a file without blocking for the
 * peer. Returns the number of bytes accepted, at most IOCP_SEND_MAX, with the
 * bit IOCP_PENDING if some of them are still to be sent: then one IOCP_SENT
 * follows, as for iocp_send(), with which it shares IOCP_SEND_CONCURRENCY and
 * the order. Returns -IOCP_EINVAL when no file has that id, or the bytes are
 * not within IOCP_FILE_SIZE_MAX.
 *
 * A file that has become shorter than that fails the connection with
 * -IOCP_ENODATA, here or in IOCP_SENT, as any send does that fails: the peer
 * lacks bytes, so a close resets it.
 */
IOCP_API int32_t iocp_send_file(
    int32_t port, int32_t socket, int32_t file, double offset, uint32_t length);

/* Closes a file, when the sends of it that are pending have ended. Returns 0 or
 * -IOCP_EINVAL. iocp_delete() closes those that are left. */
IOCP_API int32_t iocp_close_file(int32_t port, int32_t file);

#ifdef __cplusplus
}
#endif

#endif /* IOCP_API_FILE_H */
