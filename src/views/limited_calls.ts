// Copyright the iocp authors. MIT license.
/* The calls of a connection with a timeout or a signal. Each checks its options
 * first. */

import {
  operationLimits,
  type OperationOptions,
} from "../options/operation.ts";
import { noHalfClose } from "../socket/half_close.ts";
import { LimitedEnd } from "../socket/limited_end.ts";
import { LimitedRead } from "../socket/limited_read.ts";
import { LimitedWrite } from "../socket/limited_write.ts";
import type { Socket } from "../socket/socket.ts";

/** Reads into `p`. */
export function readLimited(
  socket: Socket,
  p: Uint8Array,
  options: OperationOptions,
): Promise<number | null> {
  const limits = operationLimits(options);
  if (socket.isClosed) throw socket.closedError("read");
  /* A read with a buffer is never given a chunk. */
  return new LimitedRead(socket, p, limits).run() as Promise<number | null>;
}

/** Writes all of `p`. */
export function writeLimited(
  socket: Socket,
  p: Uint8Array,
  options: OperationOptions,
): Promise<number> {
  const limits = operationLimits(options);
  if (socket.isClosed) throw socket.closedError("write");
  return new LimitedWrite(socket, p, limits).run();
}

/** Sends FIN behind all writes. */
export async function endLimited(
  socket: Socket,
  options: OperationOptions,
): Promise<void> {
  const limits = operationLimits(options);
  if (socket.isClosed) throw socket.closedError("shutdown");
  if (socket.isPipe) throw noHalfClose();
  await new LimitedEnd(socket, limits).run();
}
