// Copyright the iocp authors. MIT license.
/* Datagrams to send, packed as packed.ts describes, in memory that all calls
 * share: the library has read it when the call returns. */

import { ADDRESS_BYTES } from "../native/address.ts";
import { DATAGRAM_BYTES, DATAGRAM_PATH_MAX } from "../native/completion.ts";
import { isUnix, pathOf } from "./address.ts";
import { Packed, padded } from "./packed.ts";

/** A datagram, and the struct of its destination; null is the peer that the
 * socket is connected to. */
export interface Addressed {
  readonly data: Uint8Array;
  readonly to: Uint8Array | null;
}

/** What one call passes: more would only be packed in vain when the system has no
 * room for it. */
const COUNT_MAX = 64;
const BYTES_MAX = 128 * 1024;

let memory: Packed | undefined;

/* Memory with at least that many bytes. */
function need(length: number): Packed {
  if (memory === undefined || memory.bytes.length < length) {
    const size = Math.max(padded(length), BYTES_MAX);
    memory = new Packed(new Uint8Array(new ArrayBuffer(size)));
  }
  return memory;
}

function packedLength({ data, to }: Addressed): number {
  const path = to !== null && isUnix(to) ? DATAGRAM_PATH_MAX : 0;
  return DATAGRAM_BYTES + path + padded(data.length);
}

/** Packs the datagrams from `first` on, at least one, and passes them to `call`,
 * with their length and their number. */
export function withPacked<T>(
  datagrams: readonly Addressed[],
  first: number,
  call: (bytes: Uint8Array, length: number, count: number) => T,
): T {
  const packed = need(packedLength(datagrams[first]!));
  let at = 0;
  let count = 0;
  for (; count < COUNT_MAX && first + count < datagrams.length; count++) {
    const datagram = datagrams[first + count]!;
    if (at + packedLength(datagram) > packed.bytes.length) break;
    at = write(packed, at, datagram);
  }
  return call(packed.bytes, at, count);
}

/* Returns where the next one begins. */
function write(packed: Packed, at: number, { data, to }: Addressed): number {
  const { bytes } = packed;
  bytes.fill(0, at, at + DATAGRAM_BYTES);
  let dataAt = at + DATAGRAM_BYTES;
  if (to !== null && isUnix(to)) {
    const path = pathOf(to);
    bytes.set(to.subarray(0, 4), at);
    bytes.set(path, dataAt);
    dataAt += padded(path.length);
  } else if (to !== null) bytes.set(to.subarray(0, ADDRESS_BYTES), at);
  packed.setLength(at, data.length);
  bytes.set(data, dataAt);
  return dataAt + padded(data.length);
}
