/* SPDX-License-Identifier: MIT */
#include "kernel.h"

#include "fiber.h"
#include "habits.h"
#include "network.h"
#include "op.h"
#include "sock.h"
#include "tape.h"

/* The last error after a success: the engine may not look at it then. */
#define KERNEL__NO_ERROR 0xBADu
/* A system that has just started, and how much time passes after how many
 * readings of its clock. */
#define KERNEL__YOUNG_MS 1300
#define KERNEL__LATE_MS 16
#define KERNEL__READINGS 5
#define KERNEL__READINGS_MAX 60
/* Steps of the network in a call after the faults have stopped. */
#define KERNEL__CALM_STEPS 8

static bool kernel__is_young;
static uint32_t kernel__readings;
static uint64_t kernel__slept_ms;
static uint64_t kernel__calls;

void kernel_enter(void) {
  if (fiber_number() == 1) kernel__calls++;
  fiber_preempt();
  op_check_all();
  uint32_t steps = KERNEL__CALM_STEPS;
  if (!habits.is_calm)
    steps = habits.steps_max == 0 ? 0 : tape_choose(habits.steps_max + 1);
  while (steps-- != 0 && network_step()) continue;
  if (habits_fault(habits.children)) sock_start_child();
}

BOOL kernel_fail(DWORD error) {
  *fiber_error() = error;
  return FALSE;
}

BOOL kernel_succeed(void) {
  *fiber_error() = KERNEL__NO_ERROR;
  return TRUE;
}

DWORD WINAPI GetLastError(void) { return *fiber_error(); }
void WINAPI SetLastError(DWORD error) { *fiber_error() = error; }
int WSAGetLastError(void) { return (int)*fiber_error(); }
void WSASetLastError(int error) { *fiber_error() = (uint32_t)error; }

uint64_t kernel_now_ms(void) {
  return fiber_now_ms() / habits.clock_ms * habits.clock_ms;
}

void kernel_open(void) {
  kernel__slept_ms = 0;
  kernel__readings = 0;
  kernel__is_young = fiber_now_ms() < KERNEL__YOUNG_MS;
}

/* A thread may be stopped between two instructions, more often in a system that
 * has just started. */
static void kernel__pass(void) {
  if (habits.is_calm || !kernel__is_young) return;
  if (++kernel__readings > KERNEL__READINGS_MAX) return;
  if (kernel__readings % KERNEL__READINGS == 0) fiber_advance(KERNEL__LATE_MS);
}

uint64_t kernel_calls(void) { return kernel__calls; }
void kernel_sleep(uint64_t ms) { kernel__slept_ms += ms; }
uint64_t kernel_slept_ms(void) { return kernel__slept_ms; }

/* "Includes the time that the system spends in sleep or hibernation." */
ULONGLONG WINAPI GetTickCount64(void) {
  return kernel_now_ms() + kernel__slept_ms;
}

/* "Does not include" that time. In units of 100 nanoseconds. */
BOOL WINAPI QueryUnbiasedInterruptTime(ULONGLONG* time_out) {
  *time_out = kernel_now_ms() * 10000;
  kernel__pass();
  return TRUE;
}

DWORD WINAPI GetCurrentThreadId(void) { return fiber_number(); }

void WINAPI GetSystemInfo(SYSTEM_INFO* info) {
  info->dwNumberOfProcessors = habits.processors;
}

void WINAPI Sleep(DWORD duration_ms) {
  kernel_enter();
  fiber_wait(NULL, NULL, fiber_now_ms() + duration_ms);
}
