/* SPDX-License-Identifier: MIT */
/*
 * Named pipes (byte mode). A pipe is a name with instances, each of which has a
 * server's end and perhaps a client's. Unlike a connection of the network,
 * nothing is in transit: what one end has written can be read from the other
 * one at once.
 *
 * An end belongs to the library, through a handle (struct sock), or to another
 * program (pipe_peer.h).
 */
#ifndef MODEL_NPFS_H
#define MODEL_NPFS_H

#include <stdbool.h>
#include <stdint.h>
#include <windows.h>

#include "list.h"

struct op;
struct sock;

#define PIPE_NAME_MAX 256

enum pipe_state {
  PIPE_LISTENING,
  PIPE_CONNECTED,
  PIPE_CLOSING, /* one end has closed; the other may read what is left */
  PIPE_DISCONNECTED
};

/* What has been written to one end and was not read from it. */
struct pipe_queue {
  uint8_t* bytes;
  uint32_t size;
  uint32_t first;
  uint32_t count;
};

struct pipe_end {
  struct pipe* pipe; /* NULL: a client that was disconnected */
  struct pipe_end* other;
  struct pipe_queue in;
  struct sock* sock; /* NULL: of another program */
  bool is_server;
  bool is_open;
  bool has_null; /* the other end has written no bytes, and it was not seen */
};

struct pipe_name {
  struct list_node node;
  struct list_node instances;
  WCHAR text[PIPE_NAME_MAX + 1];
  uint32_t instances_max;
  uint32_t count;
  bool is_foreign;      /* another program has created it */
  bool has_full_access; /* the current user may create instances of it */
};

struct pipe {
  struct list_node node; /* among the instances of its name */
  struct pipe_name* name;
  enum pipe_state state;
  bool is_served;    /* another program, its server, has seen its client */
  uint32_t quota;    /* of each direction */
  struct op* listen; /* a pending ConnectNamedPipe() */
  struct pipe_end* server;
  struct pipe_end* client; /* while one is, or was, connected */
  uint32_t client_id;      /* the processes */
  uint32_t server_id;
};

void npfs_open_all(void);
void npfs_close_all(void);

/* From here on pipes hold as much as connections of the network. */
void npfs_widen(void);

/* For the names of other programs. */
struct pipe_name* npfs_find(const WCHAR* text);
struct pipe_name* npfs_add_name(const WCHAR* text, uint32_t instances_max);
struct pipe* npfs_add_instance(struct pipe_name* name, uint32_t server_id);

/* Opens a client's end. NULL: *error_out is ERROR_FILE_NOT_FOUND or
 * ERROR_PIPE_BUSY. */
struct pipe_end* npfs_connect(const WCHAR* text,
                              uint32_t client_id,
                              DWORD* error_out);

/* Both move as much as possible. Operations of the other end may complete. */
uint32_t npfs_read(struct pipe_end* end, uint8_t* bytes, uint32_t length);
uint32_t npfs_write(struct pipe_end* end,
                    const uint8_t* bytes,
                    uint32_t length);

/* How much can be written at once. */
uint32_t npfs_room(const struct pipe_end* end);

/* Lets the operations of this end's handle move on. */
void npfs_moved(struct pipe_end* end);

/* A write of no bytes completes a read of the other end without any. */
void npfs_write_null(struct pipe_end* end);

/* An end of the pipe was closed (CloseHandle()), and is freed. */
void npfs_end_close(struct pipe_end* end);

/* The server disconnects its client: unread bytes are discarded. */
void npfs_disconnect(struct pipe* pipe);

/* The server's end listens again, after a disconnect. */
void npfs_listen(struct pipe* pipe);

/* Whether this end could read more some time: not after the other one has
 * closed. */
bool npfs_is_over(const struct pipe_end* end);

/* ---- for handles */

/* The handle of a pipe, or NULL with ERROR_INVALID_HANDLE (pipe_file.c). */
struct sock* pipe_file_find(HANDLE handle, const char* call);

/* The pending operation of a handle ends, or its handle is closed. */
void npfs_op_canceled(struct op* op);
void npfs_sock_closed(struct sock* sock);

#endif /* MODEL_NPFS_H */
