/* SPDX-License-Identifier: MIT */
/*
 * The four functions that a compiler may call on its own, because there is no C
 * runtime. A build with a C runtime leaves this file out.
 */
#include <stddef.h>
#include <stdint.h>

/* GCC recognizes the loops below and would replace them with calls of the
 * function that they are in. Clang does not with -ffreestanding. */
#if defined(__GNUC__) && !defined(__clang__)
#define STRING__LOOPS \
  __attribute__((optimize("no-tree-loop-distribute-patterns")))
#else
#define STRING__LOOPS
#endif

/* Eight bytes at any address, of any type. */
typedef uint64_t string__word __attribute__((aligned(1), may_alias));

void* memcpy(void* to, const void* from, size_t size);
void* memmove(void* to, const void* from, size_t size);
void* memset(void* to, int value, size_t size);
int memcmp(const void* a, const void* b, size_t size);

STRING__LOOPS void* memcpy(void* to, const void* from, size_t size) {
  unsigned char* out = to;
  const unsigned char* in = from;
  for (; size >= 8; size -= 8, out += 8, in += 8)
    *(string__word*)out = *(const string__word*)in;
  for (; size != 0; size--) *out++ = *in++;
  return to;
}

STRING__LOOPS void* memmove(void* to, const void* from, size_t size) {
  unsigned char* out = to;
  const unsigned char* in = from;
  /* If `to` is below `from`, or beyond its end, copying upwards is safe. */
  if ((uintptr_t)out - (uintptr_t)in >= size) return memcpy(to, from, size);
  while (size != 0) {
    size--;
    out[size] = in[size];
  }
  return to;
}

STRING__LOOPS void* memset(void* to, int value, size_t size) {
  unsigned char* out = to;
  uint64_t word = (unsigned char)value * 0x0101010101010101u;
  for (; size >= 8; size -= 8, out += 8) *(string__word*)out = word;
  for (; size != 0; size--) *out++ = (unsigned char)value;
  return to;
}

STRING__LOOPS int memcmp(const void* a, const void* b, size_t size) {
  const unsigned char* left = a;
  const unsigned char* right = b;
  for (; size != 0; size--, left++, right++)
    if (*left != *right) return *left < *right ? -1 : 1;
  return 0;
}
