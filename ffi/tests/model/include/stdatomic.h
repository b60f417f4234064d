/* SPDX-License-Identifier: MIT */
/*
 * Other threads may run before each access to shared memory, so the model can
 * switch threads there.
 */
#ifndef MODEL_STDATOMIC_H
#define MODEL_STDATOMIC_H

#include_next <stdatomic.h>
#include <stdbool.h>

/* Implemented in ../fiber.c. */
void fiber_access(const volatile void* memory, bool writes, bool is_weak);

/* gcc has no others that take the place of the standard's macros, and clang,
 * which reads the library to make mutants, has these for atomic types. */
#ifdef __clang__
#define MODEL_LOAD __c11_atomic_load
#define MODEL_STORE __c11_atomic_store
#else
#define MODEL_LOAD __atomic_load_n
#define MODEL_STORE __atomic_store_n
#endif

#define MODEL_IS_WEAK(order) ((order) != memory_order_seq_cst)

#undef atomic_load_explicit
#define atomic_load_explicit(object, order) \
  (fiber_access(object, false, MODEL_IS_WEAK(order)), MODEL_LOAD(object, order))
#undef atomic_store_explicit
#define atomic_store_explicit(object, value, order)  \
  (fiber_access(object, true, MODEL_IS_WEAK(order)), \
   MODEL_STORE(object, value, order))
#undef atomic_load
#define atomic_load(object) atomic_load_explicit(object, memory_order_seq_cst)
#undef atomic_store
#define atomic_store(object, value) \
  atomic_store_explicit(object, value, memory_order_seq_cst)
#undef atomic_exchange
#define atomic_exchange(object, value) \
  (fiber_access(object, true, false),  \
   atomic_exchange_explicit(object, value, memory_order_seq_cst))
#undef atomic_compare_exchange_strong
#define atomic_compare_exchange_strong(object, expected, value) \
  (fiber_access(object, true, false),                           \
   atomic_compare_exchange_strong_explicit(                     \
       object, expected, value, memory_order_seq_cst, memory_order_seq_cst))
#undef atomic_compare_exchange_weak
#define atomic_compare_exchange_weak(object, expected, value) \
  (fiber_access(object, true, false),                         \
   atomic_compare_exchange_weak_explicit(                     \
       object, expected, value, memory_order_seq_cst, memory_order_seq_cst))
#undef atomic_fetch_or
#define atomic_fetch_or(object, value) \
  (fiber_access(object, true, false),  \
   atomic_fetch_or_explicit(object, value, memory_order_seq_cst))
#undef atomic_fetch_and
#define atomic_fetch_and(object, value) \
  (fiber_access(object, true, false),   \
   atomic_fetch_and_explicit(object, value, memory_order_seq_cst))

#endif /* MODEL_STDATOMIC_H */
