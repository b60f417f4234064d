/* SPDX-License-Identifier: MIT */
#include "engine.h"
#include "memory.h"

int32_t iocp_resolve(const void* name,
                     uint32_t length,
                     void* addresses,
                     uint32_t capacity) {
  char text[ENGINE_NAME_MAX + 1];
  if (name == NULL || addresses == NULL) return -IOCP_EFAULT;
  if (length == 0 || length > ENGINE_NAME_MAX || capacity == 0)
    return -IOCP_EINVAL;
  memory_copy(text, name, length);
  text[length] = 0;
  /* The system would stop there, and resolve another name than was asked. */
  for (uint32_t i = 0; i < length; i++)
    if (text[i] == 0) return -IOCP_EINVAL;
  return engine_resolve(text, addresses, capacity);
}
