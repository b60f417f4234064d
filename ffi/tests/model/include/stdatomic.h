/* SPDX-License-Identifier: MIT */
/*
 * Other threads may run before each access to shared memory, so the model can
 * switch threads there. It does not at accesses of an explicit, weaker order,
 * which do not say when others see them.
 */
#ifndef MODEL_STDATOMIC_H
#define MODEL_STDATOMIC_H

#include_next <stdatomic.h>

/* Implemented in ../fiber.c. */
void fiber_preempt(void);

#undef atomic_load
#define atomic_load(object) \
  (fiber_preempt(), atomic_load_explicit(object, memory_order_seq_cst))
#undef atomic_store
#define atomic_store(object, value) \
  (fiber_preempt(), atomic_store_explicit(object, value, memory_order_seq_cst))
#undef atomic_exchange
#define atomic_exchange(object, value) \
  (fiber_preempt(),                    \
   atomic_exchange_explicit(object, value, memory_order_seq_cst))
#undef atomic_compare_exchange_strong
#define atomic_compare_exchange_strong(object, expected, value) \
  (fiber_preempt(),                                             \
   atomic_compare_exchange_strong_explicit(                     \
       object, expected, value, memory_order_seq_cst, memory_order_seq_cst))
#undef atomic_compare_exchange_weak
#define atomic_compare_exchange_weak(object, expected, value) \
  (fiber_preempt(),                                           \
   atomic_compare_exchange_weak_explicit(                     \
       object, expected, value, memory_order_seq_cst, memory_order_seq_cst))
#undef atomic_fetch_or
#define atomic_fetch_or(object, value) \
  (fiber_preempt(),                    \
   atomic_fetch_or_explicit(object, value, memory_order_seq_cst))
#undef atomic_fetch_and
#define atomic_fetch_and(object, value) \
  (fiber_preempt(),                     \
   atomic_fetch_and_explicit(object, value, memory_order_seq_cst))

#endif /* MODEL_STDATOMIC_H */
