/* SPDX-License-Identifier: MIT */
#include "thread.h"

static DWORD WINAPI thread__main(void* argument) {
  struct thread* thread = argument;
  thread->run(thread->argument);
  return 0;
}

bool thread_start(struct thread* thread, thread_main* run, void* argument) {
  thread->run = run;
  thread->argument = argument;
  thread->engine.handle = CreateThread(NULL, 0, thread__main, thread, 0, NULL);
  return thread->engine.handle != NULL;
}

void thread_join(struct thread* thread) {
  WaitForSingleObject(thread->engine.handle, INFINITE);
  CloseHandle(thread->engine.handle);
}

uint32_t thread_processors(void) {
  SYSTEM_INFO info;
  GetSystemInfo(&info);
  return info.dwNumberOfProcessors;
}

void monitor_open(struct monitor* monitor) {
  InitializeSRWLock(&monitor->lock);
  InitializeConditionVariable(&monitor->condition);
}

/* Neither object needs to be closed. */
void monitor_close(struct monitor* monitor) { (void)monitor; }

void monitor_enter(struct monitor* monitor) {
  AcquireSRWLockExclusive(&monitor->lock);
}

bool monitor_try_enter(struct monitor* monitor) {
  return TryAcquireSRWLockExclusive(&monitor->lock) != 0;
}

void monitor_leave(struct monitor* monitor) {
  ReleaseSRWLockExclusive(&monitor->lock);
}

void monitor_wait(struct monitor* monitor) {
  SleepConditionVariableSRW(&monitor->condition, &monitor->lock, INFINITE, 0);
}

void monitor_notify(struct monitor* monitor) {
  WakeAllConditionVariable(&monitor->condition);
}
