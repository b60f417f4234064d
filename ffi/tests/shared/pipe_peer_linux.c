/* SPDX-License-Identifier: MIT */
#include "pipe_peer.h"

bool pipe_peer_client(const char* name, uint64_t total, uint64_t seed) {
  (void)name, (void)total, (void)seed;
  return false;
}

bool pipe_peer_server(const char* name, uint64_t total, bool disconnects) {
  (void)name, (void)total, (void)disconnects;
  return false;
}
