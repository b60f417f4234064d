/* SPDX-License-Identifier: MIT */
/*
 * libuv ROLE: a server as one writes it with libuv. What is sent is tried at
 * once, and only what the system does not take waits in a request. The roles
 * are those of ../floor.c; `--version` prints the version of libuv.
 */
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "../pattern.h"

struct connection {
  uv_tcp_t tcp; /* the first, so that the one is found by the other */
  uint64_t moved;
  uv_write_t write; /* of a sink or a source */
  struct connection* next;
  struct connection* previous;
};

/* What the system did not take at once, with the bytes behind it. */
struct kept {
  uv_write_t write;
  bool is_echo;
  char bytes[];
};

struct role {
  const char* name;
  uv_read_cb read;
  void (*begin)(struct connection* connection);
};

static const struct role* role;
static struct connection door;
static char chunk[PATTERN_BLOCK];

static void check(int error, const char* what) {
  if (error >= 0) return;
  fprintf(stderr, "libuv: %s: %s\n", what, uv_strerror(error));
  exit(1);
}

static void closed(uv_handle_t* handle) { free(handle); }

static void drop(struct connection* connection) {
  if (uv_is_closing((uv_handle_t*)&connection->tcp)) return;
  connection->previous->next = connection->next;
  connection->next->previous = connection->previous;
  uv_close((uv_handle_t*)&connection->tcp, closed);
}

static void allocate(uv_handle_t* handle, size_t size, uv_buf_t* buffer_out) {
  (void)handle;
  (void)size;
  *buffer_out = uv_buf_init(chunk, sizeof chunk);
}

static void begin_reading(struct connection* connection) {
  uv_read_start((uv_stream_t*)&connection->tcp, allocate, role->read);
}

static void kept_sent(uv_write_t* write, int error) {
  struct kept* kept = (struct kept*)write;
  struct connection* connection = (struct connection*)write->handle;
  bool is_echo = kept->is_echo;
  free(kept);
  if (error < 0)
    drop(connection);
  else if (is_echo && !uv_is_closing((uv_handle_t*)&connection->tcp))
    begin_reading(connection);
}

/* Sends from `chunk`; false: it was not all taken, and the rest waits. */
static bool send_chunk(struct connection* connection,
                       size_t length,
                       bool is_echo) {
  uv_stream_t* stream = (uv_stream_t*)&connection->tcp;
  uv_buf_t buffer = uv_buf_init(chunk, (unsigned)length);
  int sent = uv_try_write(stream, &buffer, 1);
  if (sent == (int)length) return true;
  if (sent < 0 && sent != UV_EAGAIN) {
    drop(connection);
    return true;
  }
  size_t begin = sent < 0 ? 0 : (size_t)sent;
  struct kept* kept = malloc(sizeof *kept + length - begin);
  if (kept == NULL) check(UV_ENOMEM, "malloc");
  kept->is_echo = is_echo;
  memcpy(kept->bytes, chunk + begin, length - begin);
  buffer = uv_buf_init(kept->bytes, (unsigned)(length - begin));
  int error = uv_write(&kept->write, stream, &buffer, 1, kept_sent);
  if (error == 0) return false;
  free(kept);
  drop(connection);
  return true;
}

static void echo(uv_stream_t* stream, ssize_t length, const uv_buf_t* buffer) {
  (void)buffer;
  if (length < 0)
    drop((struct connection*)stream);
  else if (length > 0 &&
           !send_chunk((struct connection*)stream, (size_t)length, true))
    uv_read_stop(stream);
}

static void answered(uv_write_t* write, int error) {
  (void)error;
  drop((struct connection*)write->handle);
}

static void sink(uv_stream_t* stream, ssize_t length, const uv_buf_t* buffer) {
  struct connection* connection = (struct connection*)stream;
  (void)buffer;
  if (length >= 0) {
    connection->moved += (uint64_t)length;
    return;
  }
  uv_buf_t answer =
      uv_buf_init((char*)&connection->moved, sizeof connection->moved);
  if (length != UV_EOF ||
      uv_write(&connection->write, stream, &answer, 1, answered) != 0)
    drop(connection);
}

static void send_block(struct connection* connection);

static void block_sent(uv_write_t* write, int error) {
  struct connection* connection = (struct connection*)write->handle;
  connection->moved += PATTERN_BLOCK;
  if (error < 0)
    drop(connection);
  else
    send_block(connection);
}

static void send_block(struct connection* connection) {
  uv_buf_t block =
      uv_buf_init((char*)pattern_at(connection->moved), PATTERN_BLOCK);
  uv_stream_t* stream = (uv_stream_t*)&connection->tcp;
  if (uv_write(&connection->write, stream, &block, 1, block_sent) != 0)
    drop(connection);
}

static void broadcast(uv_stream_t* stream,
                      ssize_t length,
                      const uv_buf_t* buffer) {
  (void)buffer;
  if (length < 0) drop((struct connection*)stream);
  if (length <= 0) return;
  for (struct connection *to = door.next, *next; to != &door; to = next) {
    next = to->next;
    send_chunk(to, (size_t)length, false);
  }
}

static const struct role roles[] = {{"echo", echo, begin_reading},
                                    {"sink", sink, begin_reading},
                                    {"source", NULL, send_block},
                                    {"broadcast", broadcast, begin_reading}};

static void came(uv_stream_t* listener, int error) {
  if (error < 0) return;
  struct connection* connection = calloc(1, sizeof *connection);
  if (connection == NULL) check(UV_ENOMEM, "calloc");
  connection->next = &door;
  connection->previous = door.previous;
  door.previous->next = connection;
  door.previous = connection;
  check(uv_tcp_init(listener->loop, &connection->tcp), "uv_tcp_init");
  if (uv_accept(listener, (uv_stream_t*)&connection->tcp) != 0) {
    drop(connection);
    return;
  }
  uv_tcp_nodelay(&connection->tcp, 1);
  role->begin(connection);
}

static void listen_on_loopback(uv_loop_t* loop) {
  struct sockaddr_in address;
  int length = sizeof address;
  door.next = door.previous = &door;
  check(uv_ip4_addr("127.0.0.1", 0, &address), "uv_ip4_addr");
  check(uv_tcp_init(loop, &door.tcp), "uv_tcp_init");
  check(uv_tcp_bind(&door.tcp, (struct sockaddr*)&address, 0), "bind");
  check(uv_listen((uv_stream_t*)&door.tcp, 4096, came), "listen");
  check(uv_tcp_getsockname(&door.tcp, (struct sockaddr*)&address, &length),
        "getsockname");
  printf("listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
  fflush(stdout);
}

int main(int argc, char** argv) {
  const char* name = argc > 1 ? argv[argc - 1] : "echo";
  if (strcmp(name, "--version") == 0) {
    puts(uv_version_string());
    return 0;
  }
  for (size_t i = 0; i < sizeof roles / sizeof *roles; i++)
    if (strcmp(roles[i].name, name) == 0) role = &roles[i];
  if (role == NULL) {
    fprintf(stderr, "libuv: no role %s\n", name);
    return 2;
  }
  /* To write to a peer that has gone is an error, and not the end. */
  signal(SIGPIPE, SIG_IGN);
  pattern_fill();
  listen_on_loopback(uv_default_loop());
  return uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}
