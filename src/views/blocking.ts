// Copyright the iocp authors. MIT license.
/* Calls that block the thread. Each enters the same queues as its asynchronous
 * sibling, behind those who wait already, and then takes turns of the loop
 * until it has its answer. Other promises are settled by those turns as well,
 * but their user code runs when the call has returned. */

import { Answer, timedOut } from "./answer.ts";
import { PEER } from "../native/completion.ts";
import { bufferReader } from "../socket/receive_queue.ts";
import type { Socket } from "../socket/socket.ts";

/** Waits for bytes, and reads them. */
export function readSync(
  stream: Socket,
  buffer: Uint8Array,
  timeout: number,
): number | null {
  if (stream.isClosed) throw stream.closedError("read");
  const answer = new Answer<number | null>();
  const reader = bufferReader(buffer, answer.resolve, answer.reject);
  stream.receive.readBy(reader);
  if (!stream.loop.runUntil(() => answer.isThere, timeout)) {
    stream.receive.takeBack(reader);
    const { hostname, port } = stream.address(PEER);
    throw timedOut("read", hostname, port);
  }
  return answer.take();
}

/** Waits until the system has taken all of it. */
export function writeSync(
  stream: Socket,
  bytes: Uint8Array,
  timeout: number,
): number {
  if (stream.isClosed) throw stream.closedError("write");
  const answer = new Answer<number>();
  const { length } = bytes;
  const { resolve, reject } = answer;
  const entry = { bytes, length, offset: 0, resolve, reject };
  stream.send.writeBy(entry);
  if (!stream.loop.runUntil(() => answer.isThere, timeout)) {
    const { hostname, port } = stream.address(PEER);
    const bytesWritten = stream.send.takeBack(entry);
    throw timedOut("write", hostname, port, bytesWritten);
  }
  return answer.take();
}
