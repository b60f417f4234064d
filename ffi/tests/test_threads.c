/* SPDX-License-Identifier: MIT */
/*
 * Several ports in several threads at once, and threads that end without
 * deleting their ports, which are deleted then.
 *
 * It is hard because there are no locks: what the ports share (their table, the
 * heap, the system) must be safe, and at the end of a thread the library runs
 * where little else still works.
 */
#include <stdatomic.h>

#include "iocp.h"
#include "shared/drive.h"
#include "shared/every_call.h"
#include "shared/pattern.h"
#include "shared/raw.h"
#include "shared/test.h"

#define THREADS 4

struct worker {
  unsigned index;
  struct iocp_address address; /* of its listener */
  struct worker* all;
  _Atomic(uint32_t)* ready_count;
  uint64_t size;
};

/* Each thread has a listener and connects to that of each thread, including its
 * own. */
static void worker_main(void* argument) {
  struct worker* worker = argument;
  struct drive drive;
  struct drive_socket* clients[THREADS];
  struct drive_socket* servers[THREADS];
  drive_open(&drive);
  struct drive_socket* listener =
      drive_listen(&drive, "127.0.0.1", 0, &worker->address);
  drive_accept(listener, 2);
  atomic_fetch_add(worker->ready_count, 1);
  drive_until(&drive, atomic_load(worker->ready_count) == THREADS);
  for (unsigned i = 0; i < THREADS; i++) {
    clients[i] = drive_connect(&drive, &worker->all[i].address);
    drive_until(&drive, clients[i]->connect_result != DRIVE_NOTHING);
    check_is(clients[i]->connect_result, 0);
    drive_sink(clients[i], 2, 200000);
    drive_pump(clients[i], 1, worker->size, 100000);
  }
  for (unsigned i = 0; i < THREADS; i++) {
    drive_until(&drive, listener->accepted_first != NULL);
    servers[i] = drive_next_accepted(listener);
    drive_sink(servers[i], 1, 200000);
    drive_pump(servers[i], 2, worker->size, 100000);
  }
  for (unsigned i = 0; i < THREADS; i++) {
    drive_until(&drive,
                clients[i]->received == worker->size &&
                    servers[i]->received == worker->size &&
                    clients[i]->sent == worker->size &&
                    !clients[i]->send_pending);
    drive_close(clients[i], IOCP_GRACEFUL, DRIVE_DEADLINE_MS);
  }
  for (unsigned i = 0; i < THREADS; i++) {
    drive_until(&drive, servers[i]->end_result != DRIVE_NOTHING);
    check_is(servers[i]->end_result, 0);
    drive_close(servers[i], IOCP_GRACEFUL, DRIVE_DEADLINE_MS);
  }
  drive_until(&drive, drive.open_count == 1);
  drive_finish(&drive);
}

static void ports_in_several_threads(void) {
  struct worker workers[THREADS];
  struct host_thread* threads[THREADS];
  _Atomic(uint32_t) ready_count = 0;
  for (unsigned i = 0; i < THREADS; i++) {
    workers[i] = (struct worker){.index = i,
                                 .all = workers,
                                 .ready_count = &ready_count,
                                 .size = 4 << 20};
    threads[i] = host_thread_start(worker_main, &workers[i]);
  }
  for (unsigned i = 0; i < THREADS; i++) host_thread_join(threads[i]);
}

/* Two ports of one thread are independent. */
static void two_ports_in_one_thread(void) {
  struct drive drives[2];
  struct iocp_address address;
  for (int i = 0; i < 2; i++) drive_open(&drives[i]);
  struct drive_socket* listener =
      drive_listen(&drives[0], "127.0.0.1", 0, &address);
  drive_accept(listener, 1);
  struct drive_socket* client = drive_connect(&drives[1], &address);
  drive_until(
      &drives[1],
      (drive_poll(&drives[0]),
       client->connect_result == 0 && listener->accepted_first != NULL));
  struct drive_socket* server = drive_next_accepted(listener);
  drive_sink(server, 7, 100000);
  drive_pump(client, 7, 4 << 20, 100000);
  drive_until(&drives[0],
              (drive_poll(&drives[1]), server->received == 4 << 20));
  drive_finish(&drives[1]);
  drive_receive(server, 1);
  drive_finish(&drives[0]);
}

struct leaver {
  struct drive drive;
  struct iocp_address address;
  host_socket raws[3];
  int32_t names[3];
};

/* Leaves everything open. */
static void leaking_main(void* argument) {
  struct leaver* leaver = argument;
  struct drive* drive = &leaver->drive;
  drive_open(drive);
  for (int i = 0; i < 3; i++) {
    struct drive_socket* socket =
        drive_raw_pair(drive, 16384, &leaver->raws[i]);
    leaver->names[i] = socket->id;
    if (i == 0) drive_receive(socket, 1000);
    if (i == 1) drive_fill(socket, 9);
  }
  drive_accept(drive_listen(drive, "127.0.0.1", 0, &leaver->address), 16);
  drive_connect(drive, &leaver->address);
  drive_poll(drive);
}

static void ports_are_deleted_with_their_thread(void) {
  for (int i = 0; i < 10; i++) {
    struct leaver leaver;
    struct drive drive;
    host_socket raw;
    host_thread_join(host_thread_start(leaking_main, &leaver));
    every_port_call(leaver.drive.port, leaver.names[0], -IOCP_EBADF);
    check_is(iocp_wait(leaver.drive.port, 0), -IOCP_EBADF);
    check_is(iocp_wake(leaver.drive.port), -IOCP_EBADF);
    drive_forget_all(&leaver.drive);
    drive_open(&drive);
    check_is(drive_raw_end(&drive, leaver.raws[0]), 0);
    check_is(drive_raw_end(&drive, leaver.raws[1]), -IOCP_ECONNRESET);
    check_is(drive_raw_end(&drive, leaver.raws[2]), 0);
    check(raw_try_connect(&leaver.address, &raw) < 0);
    for (int j = 0; j < 3; j++) raw_close(leaver.raws[j]);
    drive_finish(&drive);
  }
}

/* Several ports, for one of which another thread waits. */
struct many_leaking {
  int32_t ports[20];
  atomic_bool has_begun;
  atomic_bool may_end;
};

static void many_leaking_main(void* argument) {
  struct many_leaking* leaver = argument;
  for (int i = 0; i < 20; i++) {
    leaver->ports[i] = iocp_new(0);
    check(leaver->ports[i] >= 0);
  }
  for (int i = 0; i < 20; i += 3) check_is(iocp_delete(leaver->ports[i]), 0);
  atomic_store(&leaver->has_begun, true);
  while (!atomic_load(&leaver->may_end)) host_sleep_ms(1);
}

struct end_waiter {
  int32_t port;
  atomic_int result;
};

static void end_waiter_main(void* argument) {
  struct end_waiter* waiter = argument;
  int32_t result;
  do result = iocp_wait(waiter->port, -1);
  while (result == 1);
  atomic_store(&waiter->result, result);
}

static void thread_ends_while_another_waits(void) {
  struct many_leaking leaver = {.may_end = false};
  struct host_thread* thread = host_thread_start(many_leaking_main, &leaver);
  while (!atomic_load(&leaver.has_begun)) host_sleep_ms(1);
  struct end_waiter waiter = {.port = leaver.ports[1]};
  struct host_thread* second = host_thread_start(end_waiter_main, &waiter);
  host_sleep_ms(20);
  atomic_store(&leaver.may_end, true);
  host_thread_join(thread);
  host_thread_join(second);
  check_is(atomic_load(&waiter.result), -IOCP_EBADF);
  for (int i = 0; i < 20; i++)
    check_is(iocp_wake(leaver.ports[i]), -IOCP_EBADF);
}

/* Many threads start and end, each with a port that it does not delete. */
static void churn_main(void* argument) {
  struct iocp_address address;
  struct drive drive;
  (void)argument;
  drive_open_sized(&drive, 4, 4096);
  drive_accept(drive_listen(&drive, "127.0.0.1", 0, &address), 4);
  host_socket raw = raw_connect(&address);
  drive_poll(&drive);
  raw_close(raw);
  drive_forget_all(&drive);
}

static void threads_come_and_go(void) {
  for (int i = 0; i < 60; i++) {
    struct host_thread* threads[THREADS];
    for (int j = 0; j < THREADS; j++)
      threads[j] = host_thread_start(churn_main, NULL);
    for (int j = 0; j < THREADS; j++) host_thread_join(threads[j]);
  }
}

TEST_MAIN(TEST_CASE(ports_in_several_threads),
          TEST_CASE(two_ports_in_one_thread),
          TEST_CASE(ports_are_deleted_with_their_thread),
          TEST_CASE(thread_ends_while_another_waits),
          TEST_CASE(threads_come_and_go))
