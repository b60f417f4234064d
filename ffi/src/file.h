/* SPDX-License-Identifier: MIT */
/* Files that are sent. A file stays open until its caller has closed it and the
 * last send of it has ended. */
#ifndef IOCP_FILE_H
#define IOCP_FILE_H

#include "socket.h"

struct file {
  struct list_node
      node; /* in a list of port.files until the caller closes it */
  int32_t id;
  uint32_t references; /* the caller's, and one for each send */
  struct engine_file engine;
};

/* A power of two. */
#define FILE_LISTS 64

/* The files of a port that their callers have not closed, by their ids. */
struct file_table {
  struct list_node lists[FILE_LISTS];
  int32_t last_id;
};

void file_table_open(struct file_table* table);

/* Closes every file. */
void file_table_close(struct file_table* table);

/* Each returns as the function of iocp.h does. */
int32_t file_open(struct port* port,
                  const void* path,
                  uint32_t length,
                  double* size_out);
int32_t file_close(struct port* port, int32_t id);

/* The file with that id, or NULL. */
struct file* file_find(struct port* port, int32_t id);

void file_retain(struct file* file);
void file_release(struct file* file);

#endif /* IOCP_FILE_H */
