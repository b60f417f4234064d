/* SPDX-License-Identifier: MIT */
#include "thread.h"

#include <signal.h>
#include <stddef.h>
#include <unistd.h>

static void* thread__main(void* argument) {
  struct thread* thread = argument;
  thread->run(thread->argument);
  return NULL;
}

/* The signal handlers of the program run on its own threads, and a callback
 * that sends to a peer that has reset the connection must not end the process
 * with a SIGPIPE. Signals of faults are not blocked. */
static void thread__blocked(sigset_t* signals_out) {
  static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP};
  sigfillset(signals_out);
  for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
    sigdelset(signals_out, faults[i]);
}

bool thread_start(struct thread* thread, thread_main* run, void* argument) {
  sigset_t blocked;
  sigset_t before;
  thread->run = run;
  thread->argument = argument;
  thread__blocked(&blocked);
  pthread_sigmask(SIG_SETMASK, &blocked, &before);
  int error =
      pthread_create(&thread->engine.thread, NULL, thread__main, thread);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return error == 0;
}

void thread_join(struct thread* thread) {
  pthread_join(thread->engine.thread, NULL);
}

uint32_t thread_processors(void) {
  long count = sysconf(_SC_NPROCESSORS_ONLN);
  return count < 1 ? 1 : (uint32_t)count;
}

void monitor_open(struct monitor* monitor) {
  pthread_mutex_init(&monitor->mutex, NULL);
  pthread_cond_init(&monitor->condition, NULL);
}

void monitor_close(struct monitor* monitor) {
  pthread_cond_destroy(&monitor->condition);
  pthread_mutex_destroy(&monitor->mutex);
}

void monitor_enter(struct monitor* monitor) {
  pthread_mutex_lock(&monitor->mutex);
}

bool monitor_try_enter(struct monitor* monitor) {
  return pthread_mutex_trylock(&monitor->mutex) == 0;
}

void monitor_leave(struct monitor* monitor) {
  pthread_mutex_unlock(&monitor->mutex);
}

void monitor_wait(struct monitor* monitor) {
  pthread_cond_wait(&monitor->condition, &monitor->mutex);
}

void monitor_notify(struct monitor* monitor) {
  pthread_cond_broadcast(&monitor->condition);
}
