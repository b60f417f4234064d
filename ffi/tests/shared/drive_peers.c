/* SPDX-License-Identifier: MIT */
/* Plain sockets as peers, while the driver polls the port. */
#include "drive.h"
#include "pattern.h"
#include "raw.h"

static uint32_t drive__part(uint64_t left) {
  return left < DRIVE_SCRATCH ? (uint32_t)left : DRIVE_SCRATCH;
}

void drive_raw_expect(struct drive* drive,
                      host_socket raw,
                      uint64_t seed,
                      uint64_t position,
                      uint64_t length) {
  uint64_t end = position + length;
  while (position < end) {
    uint32_t size = drive__part(end - position);
    int32_t count = 0;
    drive_until(
        drive,
        (count = raw_receive(raw, drive->scratch, size)) != HOST_WOULD_BLOCK);
    check(count > 0);
    pattern_check(drive->scratch, (uint32_t)count, seed, position);
    position += (uint32_t)count;
  }
}

void drive_raw_send(struct drive* drive,
                    host_socket raw,
                    uint64_t seed,
                    uint64_t position,
                    uint64_t length) {
  uint64_t end = position + length;
  while (position < end) {
    uint32_t size = drive__part(end - position);
    int32_t count = 0;
    /* Filled anew for each attempt, since a step may use the scratch memory. */
    drive_until(
        drive,
        (pattern_fill(drive->scratch, size, seed, position),
         count = raw_send(raw, drive->scratch, size)) != HOST_WOULD_BLOCK);
    check(count > 0);
    position += (uint32_t)count;
  }
}

int32_t drive_raw_end(struct drive* drive, host_socket raw) {
  int32_t count = 0;
  do {
    drive_until(drive,
                (count = raw_receive(raw, drive->scratch, DRIVE_SCRATCH)) !=
                    HOST_WOULD_BLOCK);
  } while (count > 0);
  return count == 0 && host_socket_was_reset(raw) ? -IOCP_ECONNRESET : count;
}
