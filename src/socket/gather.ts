// Copyright the iocp authors. MIT license.
/* Writes of several arrays. The native interface takes one array in a call, so small
 * ones are copied into one: a copy of 64 KiB costs less than a system call. */

import { CALL_MAX, isWhole } from "./send_queue.ts";
import type { Socket } from "./socket.ts";

/** As many bytes are joined; the library accepts them in one call. */
const JOINED_MAX = 64 * 1024;

/* Memory of a thread for bytes on their way to the library, which copies what the
 * system does not take. */
let scratch: Uint8Array<ArrayBuffer> | undefined;

/** The number of bytes of all parts. */
export function lengthOf(parts: readonly Uint8Array[]): number {
  let length = 0;
  for (const part of parts) length += part.length;
  return length;
}

function copyTo(target: Uint8Array, parts: readonly Uint8Array[]): void {
  let offset = 0;
  for (const part of parts) {
    target.set(part, offset);
    offset += part.length;
  }
}

/** One array with the bytes of all parts. */
export function joined(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(lengthOf(parts));
  copyTo(all, parts);
  return all;
}

/** Writes the parts one behind the other, with one call of the library if they
 * have up to 64 KiB in all. Resolves to their length when all are sent. */
export function writeParts(
  socket: Socket,
  parts: readonly Uint8Array[],
): Promise<number> {
  const length = lengthOf(parts);
  const { send, loop } = socket;
  if (parts.length === 1) return send.write(parts[0]!);
  if (length > JOINED_MAX) return writeLong(socket, parts, length);
  if (!send.isIdle) return send.write(joined(parts));
  return sendJoined(socket, parts, length) ??
    loop.allowance.settled(length, length);
}

/** The same for a caller that limits itself what it writes in a turn. Returns
 * undefined, in the place of a promise, if the system has accepted all at once. */
export function sendParts(
  socket: Socket,
  parts: readonly Uint8Array[],
): Promise<number> | undefined {
  const { send, loop, id } = socket;
  const [first] = parts;
  const length = lengthOf(parts);
  const isLong = length > (parts.length === 1 ? CALL_MAX : JOINED_MAX);
  if (first === undefined || isLong || !send.isIdle) {
    return writeParts(socket, parts);
  }
  if (parts.length > 1) return sendJoined(socket, parts, length);
  const result = loop.port.send(id, first, 0, length);
  return isWhole(result, length) ? undefined : send.resume(first, result);
}

function sendJoined(
  socket: Socket,
  parts: readonly Uint8Array[],
  length: number,
): Promise<number> | undefined {
  copyTo(scratchMemory(), parts);
  return sendScratch(socket, length);
}

/** Memory of this thread for what is sent at once by {@linkcode sendScratch}. */
export function scratchMemory(): Uint8Array<ArrayBuffer> {
  return scratch ??= new Uint8Array(JOINED_MAX);
}

/** Sends the first bytes of the scratch memory over a socket whose queue is idle.
 * The result is that of {@linkcode sendParts}. */
export function sendScratch(
  { send, loop, id }: Socket,
  length: number,
): Promise<number> | undefined {
  const bytes = scratchMemory();
  const result = loop.port.send(id, bytes, 0, length);
  return isWhole(result, length)
    ? undefined
    : send.resume(bytes.slice(0, length), result);
}

/* Long parts are written as they are, and those between them joined. */
function writeLong(
  { send }: Socket,
  parts: readonly Uint8Array[],
  length: number,
): Promise<number> {
  const writes: Promise<number>[] = [];
  let short: Uint8Array[] = [];
  /* Summed up as it grows: there may be very many parts. */
  let shortLength = 0;
  const flush = () => {
    if (short.length > 0) writes.push(send.write(joined(short)));
    short = [];
    shortLength = 0;
  };
  for (const part of parts) {
    const partLength = part.length;
    const isLong = partLength > JOINED_MAX;
    if (isLong || shortLength + partLength > JOINED_MAX) flush();
    if (isLong) writes.push(send.write(part));
    else {
      short.push(part);
      shortLength += partLength;
    }
  }
  flush();
  return Promise.all(writes).then(() => length);
}
