/* SPDX-License-Identifier: MIT */
/*
 * What the sanitizers need to know of the model's threads: where their stacks
 * are (AddressSanitizer), and where the system synchronizes them
 * (ThreadSanitizer, for which the threads run concurrently, as the model itself
 * is not instrumented).
 */
#ifndef MODEL_SANITIZER_H
#define MODEL_SANITIZER_H

#include <stddef.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MODEL_ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#define MODEL_TSAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define MODEL_ASAN 1
#endif
/* A definition of the build, as the model is not instrumented. */
#if defined(MODEL_UNDER_TSAN)
#define MODEL_TSAN 1
#endif

struct sanitizer_fiber {
  void* tsan;
  const void* stack;
  size_t size;
  void* fake_stack;
};

#if defined(MODEL_TSAN)
void* __tsan_get_current_fiber(void);
void* __tsan_create_fiber(unsigned flags);
void __tsan_destroy_fiber(void* fiber);
void __tsan_switch_to_fiber(void* fiber, unsigned flags);
void __tsan_acquire(void* address);
void __tsan_release(void* address);
#define SANITIZER_NO_SYNC 1u
#endif
#if defined(MODEL_ASAN)
void __sanitizer_start_switch_fiber(void** fake_stack,
                                    const void* bottom,
                                    size_t size);
void __sanitizer_finish_switch_fiber(void* fake_stack,
                                     const void** bottom,
                                     size_t* size);
void __asan_poison_memory_region(const volatile void* memory, size_t size);
void __asan_unpoison_memory_region(const volatile void* memory, size_t size);
#endif

static inline void sanitizer_fiber_first(struct sanitizer_fiber* fiber) {
  *fiber = (struct sanitizer_fiber){0};
#if defined(MODEL_TSAN)
  fiber->tsan = __tsan_get_current_fiber();
#endif
}

static inline void sanitizer_fiber_open(struct sanitizer_fiber* fiber,
                                        const void* stack,
                                        size_t size) {
  fiber->stack = stack;
  fiber->size = size;
#if defined(MODEL_TSAN)
  fiber->tsan = __tsan_create_fiber(0);
#endif
}

static inline void sanitizer_fiber_close(struct sanitizer_fiber* fiber) {
  (void)fiber;
#if defined(MODEL_TSAN)
  __tsan_destroy_fiber(fiber->tsan);
#endif
}

static inline void sanitizer_fiber_leave(struct sanitizer_fiber* from,
                                         const struct sanitizer_fiber* to) {
  (void)from;
  (void)to;
#if defined(MODEL_ASAN)
  __sanitizer_start_switch_fiber(&from->fake_stack, to->stack, to->size);
#endif
#if defined(MODEL_TSAN)
  __tsan_switch_to_fiber(to->tsan, SANITIZER_NO_SYNC);
#endif
}

/* The stack of `from` was left. Only now is that of the first thread known. */
static inline void sanitizer_fiber_entered(struct sanitizer_fiber* fiber,
                                           struct sanitizer_fiber* from) {
  (void)fiber;
  (void)from;
#if defined(MODEL_ASAN)
  __sanitizer_finish_switch_fiber(fiber->fake_stack, &from->stack, &from->size);
  fiber->fake_stack = NULL;
#endif
}

/* The system passes the memory at `address` to another thread. */
static inline void sanitizer_release(void* address) {
  (void)address;
#if defined(MODEL_TSAN)
  __tsan_release(address);
#endif
}

static inline void sanitizer_acquire(void* address) {
  (void)address;
#if defined(MODEL_TSAN)
  __tsan_acquire(address);
#endif
}

/* Memory that must not be accessed for some time. */
static inline void sanitizer_forbid(const void* memory, size_t size) {
  (void)memory;
  (void)size;
#if defined(MODEL_ASAN)
  __asan_poison_memory_region(memory, size);
#endif
}

static inline void sanitizer_allow(const void* memory, size_t size) {
  (void)memory;
  (void)size;
#if defined(MODEL_ASAN)
  __asan_unpoison_memory_region(memory, size);
#endif
}

#endif /* MODEL_SANITIZER_H */
