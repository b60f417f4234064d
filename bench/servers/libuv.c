/* SPDX-License-Identifier: MIT */
/*
 * An echo server as one writes it with libuv. Sends are tried at once, and what
 * the system has no room for waits in a request.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

struct request {
  uv_write_t write;
  char bytes[];
};

static char chunk[65536];

static void check(int error, const char* what) {
  if (error >= 0) return;
  fprintf(stderr, "libuv: %s: %s\n", what, uv_strerror(error));
  exit(1);
}

static void on_close(uv_handle_t* handle) { free(handle); }

static void drop(uv_stream_t* stream) {
  if (!uv_is_closing((uv_handle_t*)stream))
    uv_close((uv_handle_t*)stream, on_close);
}

static void allocate(uv_handle_t* handle, size_t size, uv_buf_t* buffer_out) {
  (void)handle;
  (void)size;
  *buffer_out = uv_buf_init(chunk, sizeof chunk);
}

static void on_read(uv_stream_t* stream, ssize_t length, const uv_buf_t* read);

static void on_write(uv_write_t* write, int error) {
  uv_stream_t* stream = write->handle;
  free(write);
  if (error < 0)
    drop(stream);
  else
    uv_read_start(stream, allocate, on_read);
}

/* Sends the beginning of `chunk`, and stops reading until all of it is sent. */
static void send_chunk(uv_stream_t* stream, size_t length) {
  uv_buf_t buffer = uv_buf_init(chunk, (unsigned)length);
  int sent = uv_try_write(stream, &buffer, 1);
  if (sent == (int)length) return;
  if (sent < 0 && sent != UV_EAGAIN) {
    drop(stream);
    return;
  }
  size_t done = sent < 0 ? 0 : (size_t)sent;
  struct request* request = malloc(sizeof *request + length - done);
  if (request == NULL) check(UV_ENOMEM, "malloc");
  memcpy(request->bytes, chunk + done, length - done);
  buffer = uv_buf_init(request->bytes, (unsigned)(length - done));
  check(uv_write(&request->write, stream, &buffer, 1, on_write), "uv_write");
  uv_read_stop(stream);
}

static void on_read(uv_stream_t* stream, ssize_t length, const uv_buf_t* read) {
  (void)read;
  if (length < 0)
    drop(stream);
  else if (length > 0)
    send_chunk(stream, (size_t)length);
}

static void on_connection(uv_stream_t* listener, int error) {
  check(error, "accept");
  uv_tcp_t* tcp = malloc(sizeof *tcp);
  if (tcp == NULL) check(UV_ENOMEM, "malloc");
  check(uv_tcp_init(listener->loop, tcp), "uv_tcp_init");
  check(uv_accept(listener, (uv_stream_t*)tcp), "uv_accept");
  uv_tcp_nodelay(tcp, 1);
  uv_read_start((uv_stream_t*)tcp, allocate, on_read);
}

int main(void) {
  /* A write to a closed connection is to be an error, not the end. */
  signal(SIGPIPE, SIG_IGN);
  uv_loop_t* loop = uv_default_loop();
  uv_tcp_t listener;
  struct sockaddr_in address;
  int length = sizeof address;
  check(uv_ip4_addr("127.0.0.1", 0, &address), "uv_ip4_addr");
  check(uv_tcp_init(loop, &listener), "uv_tcp_init");
  check(uv_tcp_bind(&listener, (struct sockaddr*)&address, 0), "bind");
  check(uv_listen((uv_stream_t*)&listener, 4096, on_connection), "listen");
  check(uv_tcp_getsockname(&listener, (struct sockaddr*)&address, &length),
        "getsockname");
  printf("listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
  fflush(stdout);
  return uv_run(loop, UV_RUN_DEFAULT);
}
