/* SPDX-License-Identifier: MIT */
/*
 * An echo server and its client, with the callback API and plain sockets.
 *
 *   echo server [port [connections]]    ends after this many connections
 *   echo client port connections bytes  sends this many bytes on each
 *                                       connection, and checks the echo
 *
 * Linux:
 *   cc echo.c -Iinclude linux_x86_64/release/libiocp.a -pthread -o echo
 * Windows, with the DLL (iocp.dll must be in the folder of the program):
 *   gcc echo.c -Iinclude windows_x86_64/release/iocp.lib -lws2_32 -o echo.exe
 *   cl echo.c /std:c11 /experimental:c11atomics /Iinclude ^
 *     windows_x86_64\release\iocp.lib ws2_32.lib
 * With the static library: iocp_static.lib, and -DIOCP_STATIC.
 */
#if defined(_WIN32)
#include <winsock2.h>
#include <windows.h>
typedef SOCKET os_socket;
typedef DWORD byte_count;
typedef int os_length;
#define NO_SOCKET INVALID_SOCKET
#define SHUT_WR SD_SEND
#else
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
typedef int os_socket;
typedef uint32_t byte_count;
typedef socklen_t os_length;
#define NO_SOCKET (-1)
#endif

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "iocp_callback.h"

#define THREADS 4
#define READ_BUFFER 4096
/* The bytes that a client has in transit on each connection. */
#define WINDOW 16384

static struct iocp_callbacks* callbacks;
static atomic_uint ended; /* connections that have had their last call */
static atomic_uint failed;

/* ---- differences between the systems */

static void start_sockets(void) {
#if defined(_WIN32)
  WSADATA data;
  if (WSAStartup(MAKEWORD(2, 2), &data) != 0) exit(1);
#else
  /* The main thread sends too, perhaps to a peer that has closed. */
  signal(SIGPIPE, SIG_IGN);
#endif
}

static void close_socket(os_socket socket) {
#if defined(_WIN32)
  closesocket(socket);
#else
  close(socket);
#endif
}

static void sleep_a_moment(void) {
#if defined(_WIN32)
  Sleep(10);
#else
  struct timespec moment = {.tv_nsec = 10 * 1000 * 1000};
  nanosleep(&moment, NULL);
#endif
}

/* ---- for both sides */

static void fail(const char* what) {
  fprintf(stderr, "echo: %s\n", what);
  exit(1);
}

static struct sockaddr_in loopback(unsigned port) {
  struct sockaddr_in address;
  memset(&address, 0, sizeof address);
  address.sin_family = AF_INET;
  address.sin_port = htons((unsigned short)port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

/* The socket blocks, so this waits for room. Returns 0 if the connection has
 * failed, which a callback reports too. */
static int send_all(os_socket socket, const char* bytes, size_t length) {
  while (length != 0) {
    int count = (int)send(socket, bytes, (int)length, 0);
    if (count <= 0) return 0;
    bytes += count;
    length -= (size_t)count;
  }
  return 1;
}

/* Returns after this many connections have ended. */
static void wait_for(unsigned connections) {
  while (connections == 0 || atomic_load(&ended) < connections)
    sleep_a_moment();
  iocp_callbacks_delete(callbacks);
}

/* ---- the server */

static void on_server_event(os_socket socket,
                            int event_type,
                            void* read_buffer,
                            byte_count count,
                            void* user_state) {
  (void)user_state;
  switch (event_type) {
    case IOCP_CALLBACK_READ:
      send_all(socket, read_buffer, count);
      return;
    case IOCP_CALLBACK_ERROR:
      fprintf(stderr, "echo: a connection failed: %u\n", (unsigned)count);
      atomic_fetch_add(&failed, 1);
      break;
    default:
      break;
  }
  /* The end of the stream or an error is the last call; the program closes the
   * socket. */
  close_socket(socket);
  atomic_fetch_add(&ended, 1);
}

static void on_listener_event(os_socket socket,
                              int event_type,
                              void* read_buffer,
                              byte_count count,
                              void* user_state) {
  (void)socket;
  (void)user_state;
  if (event_type != IOCP_CALLBACK_ACCEPT) {
    /* No message for the last call, which comes when the server ends. */
    if (event_type == IOCP_CALLBACK_ACCEPT_FAILED)
      fprintf(stderr, "echo: cannot accept: %u\n", (unsigned)count);
    return;
  }
  os_socket accepted;
  memcpy(&accepted, read_buffer, sizeof accepted);
  if (iocp_callbacks_add_socket(
          callbacks, accepted, NULL, READ_BUFFER, on_server_event) < 0) {
    close_socket(accepted);
    atomic_fetch_add(&failed, 1);
    atomic_fetch_add(&ended, 1);
  }
}

static int serve(unsigned port, unsigned connections) {
  struct sockaddr_in address = loopback(port);
  os_length length = sizeof address;
  os_socket listener = socket(AF_INET, SOCK_STREAM, 0);
  if (listener == NO_SOCKET ||
      bind(listener, (struct sockaddr*)&address, sizeof address) != 0 ||
      listen(listener, SOMAXCONN) != 0 ||
      getsockname(listener, (struct sockaddr*)&address, &length) != 0)
    fail("cannot listen");
  if (iocp_callbacks_add_listener(
          callbacks, listener, NULL, on_listener_event) < 0)
    fail("cannot accept");
  printf("listening on port %u\n", ntohs(address.sin_port));
  fflush(stdout);
  wait_for(connections);
  close_socket(listener);
  printf(
      "%u connections, %u failed\n", atomic_load(&ended), atomic_load(&failed));
  return atomic_load(&failed) != 0;
}

/* ---- the client */

struct connection {
  unsigned number;
  size_t size; /* bytes to send in total */
  size_t sent;
  size_t received;
};

/* The byte at each position of each stream, so that a wrong byte is noticed. */
static char byte_at(const struct connection* connection, size_t position) {
  return (char)(position * 31 + position / 251 + connection->number * 7);
}

/* Sends this many further bytes, up to the size. */
static int send_more(struct connection* connection,
                     os_socket socket,
                     size_t length) {
  char bytes[WINDOW];
  size_t left = connection->size - connection->sent;
  if (length > left) length = left;
  for (size_t i = 0; i < length; i++)
    bytes[i] = byte_at(connection, connection->sent + i);
  connection->sent += length;
  return send_all(socket, bytes, length);
}

static void on_client_read(struct connection* connection,
                           os_socket socket,
                           const char* bytes,
                           size_t count) {
  for (size_t i = 0; i < count; i++)
    if (bytes[i] != byte_at(connection, connection->received + i))
      fail("a wrong byte came back");
  connection->received += count;
  if (connection->received < connection->size)
    send_more(connection, socket, count);
  else
    shutdown(socket, SHUT_WR);
}

static void on_client_event(os_socket socket,
                            int event_type,
                            void* read_buffer,
                            byte_count count,
                            void* user_state) {
  struct connection* connection = user_state;
  if (event_type == IOCP_CALLBACK_READ) {
    on_client_read(connection, socket, read_buffer, count);
    return;
  }
  if (event_type != IOCP_CALLBACK_END ||
      connection->received != connection->size)
    atomic_fetch_add(&failed, 1);
  close_socket(socket);
  free(connection);
  atomic_fetch_add(&ended, 1);
}

static void open_connection(unsigned port, unsigned number, size_t size) {
  struct sockaddr_in address = loopback(port);
  struct connection* connection = calloc(1, sizeof *connection);
  os_socket client = socket(AF_INET, SOCK_STREAM, 0);
  if (connection == NULL || client == NO_SOCKET ||
      connect(client, (struct sockaddr*)&address, sizeof address) != 0)
    fail("cannot connect");
  connection->number = number;
  connection->size = size;
  /* Before adding, as the callbacks use the connection from then on. */
  if (!send_more(connection, client, WINDOW)) fail("cannot send");
  if (iocp_callbacks_add_socket(
          callbacks, client, connection, READ_BUFFER, on_client_event) < 0)
    fail("cannot receive");
}

static int run_client(unsigned port, unsigned connections, size_t size) {
  if (connections == 0 || size == 0) fail("nothing to do");
  for (unsigned i = 0; i < connections; i++) open_connection(port, i, size);
  wait_for(connections);
  printf("%u connections, %u failed, %.0f bytes each came back\n",
         connections,
         atomic_load(&failed),
         (double)size);
  return atomic_load(&failed) != 0;
}

static unsigned number_of(const char* text) {
  return (unsigned)strtoul(text, NULL, 10);
}

int main(int argc, char** argv) {
  start_sockets();
  if (iocp_callbacks_new(THREADS, &callbacks) < 0) fail("cannot start");
  if (argc >= 2 && argc <= 4 && strcmp(argv[1], "server") == 0)
    return serve(argc > 2 ? number_of(argv[2]) : 0,
                 argc > 3 ? number_of(argv[3]) : 0);
  if (argc == 5 && strcmp(argv[1], "client") == 0)
    return run_client(
        number_of(argv[2]), number_of(argv[3]), number_of(argv[4]));
  fail(
      "usage: echo server [port [connections]]\n"
      "             echo client port connections bytes");
  return 1;
}
