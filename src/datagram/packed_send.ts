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
  const end = Math.min(datagrams.length, first + COUNT_MAX);
  const size = packed.bytes.length;
  let at = 0;
  let before = 0;
  let i = first;
  for (; i < end; i++) {
    const datagram = datagrams[i]!;
    if (at + packedLength(datagram) > size) break;
    /* Mostly all have one destination. */
    if (i !== first && datagram.to === datagrams[i - 1]!.to) {
      packed.copyAddress(before, at);
    } else writeAddress(packed, at, datagram.to);
    before = at;
    at = writeData(packed, at, datagram.data);
  }
  return call(packed.bytes, at, i - first);
}

function writeAddress(packed: Packed, at: number, to: Uint8Array | null): void {
  const { bytes } = packed;
  if (to === null) bytes.fill(0, at, at + ADDRESS_BYTES);
  else if (!isUnix(to)) bytes.set(to.subarray(0, ADDRESS_BYTES), at);
  else {
    bytes.fill(0, at, at + ADDRESS_BYTES);
    bytes.set(to.subarray(0, 4), at);
    bytes.set(pathOf(to), at + DATAGRAM_BYTES);
  }
}

/* Returns where the next one begins. */
function writeData(packed: Packed, at: number, data: Uint8Array): number {
  packed.setLength(at, data.length);
  packed.bytes.set(data, packed.dataAt(at));
  return packed.nextAt(at);
}
