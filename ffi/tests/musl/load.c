/* SPDX-License-Identifier: MIT */
/*
 * The library, which was built for glibc, loads and works in a process that has
 * only musl. The argument is the path of the library.
 */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "iocp.h"

/* ISO C has no cast from an object pointer to a function pointer, so the
 * address is copied. */
static int load__symbol(void* library, const char* name, void* function_out) {
  void* address = dlsym(library, name);
  if (address == NULL) {
    fprintf(stderr, "dlsym: %s\n", dlerror());
    return 0;
  }
  memcpy(function_out, &address, sizeof address);
  return 1;
}

int main(int argc, char** argv) {
#ifdef __GLIBC__
#error "this program must be compiled with musl"
#endif
  if (argc != 2) {
    fprintf(stderr, "usage: load LIBRARY\n");
    return 2;
  }
  void* library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) {
    fprintf(stderr, "dlopen: %s\n", dlerror());
    return 1;
  }
  __typeof__(&iocp_abi) abi;
  __typeof__(&iocp_new) new_port;
  __typeof__(&iocp_delete) delete_port;
  if (!load__symbol(library, "iocp_abi", &abi) ||
      !load__symbol(library, "iocp_new", &new_port) ||
      !load__symbol(library, "iocp_delete", &delete_port)) {
    return 1;
  }
  if (abi() != IOCP_ABI) {
    fprintf(stderr, "iocp_abi: %u\n", abi());
    return 1;
  }
  int32_t port = new_port(0);
  if (port < 0) {
    fprintf(stderr, "iocp_new: %d\n", port);
    return 1;
  }
  int32_t result = delete_port(port);
  if (result < 0) {
    fprintf(stderr, "iocp_delete: %d\n", result);
    return 1;
  }
  return 0;
}
