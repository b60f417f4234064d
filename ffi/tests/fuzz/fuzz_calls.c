/* SPDX-License-Identifier: MIT */
/*
 * Every function of iocp.h, in any order and with any arguments that a caller
 * can pass: ids that are invalid, of another port or of none; pointers that are
 * NULL or unaligned; numbers at their bounds and beyond; handles that are not
 * sockets; calls from another thread. The bytes of the input are run step by
 * step. Enough of them succeed that connections are made, used and closed in
 * every way.
 *
 * The results of calls and the records are compared with each other (model.h),
 * and at the end nothing may be leaked: no descriptor, no memory.
 */
#include <string.h>

#include "calls.h"
#include "environment.h"
#include "helper.h"

/* Append only, since the corpus contains the numbers. */
static fuzz_call* const fuzz__calls[] = {
    call_poll,        call_new,          call_delete,       call_wait,
    call_wake,        call_native_error, call_stats,        call_resolve,
    call_abi,         call_thread,       call_pass,         call_listen,
    call_accept,      call_connect,      call_add_socket,   call_receive,
    call_read,        call_send,         call_shutdown,     call_close,
    call_get_address, call_set_option,   call_get_option,   call_socket_stats,
    call_peer_open,   call_peer_send,    call_peer_receive, call_peer_end,
    call_group,       call_local,        call_datagram,     call_others,
};

/* Calls from here on do not fail for want of a descriptor, or use none, up to
 * that of local sockets. */
#define FUZZ__PEERS 24
#define FUZZ__LOCAL 29
#define FUZZ__CALLS (sizeof fuzz__calls / sizeof fuzz__calls[0])

static void fuzz__run(const struct step* step) {
  uint32_t call = (step->call & STEP_CALL) % FUZZ__CALLS;
  int32_t port = model_draw_port(step->port);
  int32_t socket = model_draw_socket(port, step->socket);
  uint32_t state = model_state(model_socket(port, socket));
  /* The calls of peers must work. */
  bool has_handles = (step->call & STEP_NO_HANDLES) == 0 ||
                     (call >= FUZZ__PEERS && call < FUZZ__LOCAL);
  environment_shorten((step->call & STEP_NO_MEMORY) != 0);
  if (!has_handles) environment_close_off(true);
  fuzz__calls[call](step, port, socket);
  if (!has_handles) environment_close_off(false);
  environment_shorten(false);
  fuzz_reached(call, state, 0);
}

static void fuzz__run_there(void* argument) {
  model_set_other(true);
  fuzz__run(argument);
  model_set_other(false);
}

static void fuzz__delete_there(void* unused) {
  (void)unused;
  model_set_other(true);
  calls_delete_all();
  model_set_other(false);
}

/* Most calls need a port, so there is one. */
static void fuzz__begin(void) {
  struct step step = {0};
  model_begin();
  call_new(&step, -1, -1);
}

static void fuzz__end(void) {
  calls_delete_all();
  helper_call(fuzz__delete_there, NULL);
  calls_remove_folder();
  model_close_handles();
}

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  size_t count = size / sizeof(struct step);
  environment_open();
  helper_open();
  environment_begin();
  fuzz__begin();
  for (size_t i = 0; i < count && i < STEPS_MAX; i++) {
    struct step step;
    memcpy(&step, data + i * sizeof step, sizeof step);
    fuzz_note(i, &step);
    if ((step.call & STEP_OTHER_THREAD) != 0)
      helper_call(fuzz__run_there, &step);
    else
      fuzz__run(&step);
  }
  fuzz__end();
  environment_end();
  return 0;
}
