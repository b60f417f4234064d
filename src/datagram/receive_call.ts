// Copyright the iocp authors. MIT license.

import type { BoundSocket } from "./bound_socket.ts";
import { BufferReader } from "./readers.ts";
import { clearTimeout, setTimeout } from "../runtime/globals.ts";
import type { Datagram } from "./datagram.ts";
import type { DatagramAddr } from "./address.ts";
import { errorAddress } from "./address.ts";
import {
  optionalInteger,
  requireBytes,
  requireOptions,
} from "../options/validate.ts";
import { optionalSignal, reasonOf, throwIfAborted } from "../options/signal.ts";
import type { Signal } from "../runtime/web_types.ts";
import { SocketError } from "../errors.ts";

/** Options of {@linkcode DatagramSocket.receive}. */
export interface ReceiveFromOptions {
  /** How long to wait, in milliseconds from 0 to 2,147,483,647; then it fails with
   * `ETIMEDOUT`. Without it there is no limit. */
  timeout?: number | undefined;
  /** Ends the wait when it aborts; its reason is thrown. */
  signal?: Signal | undefined;
}

/** The longest timeout, in milliseconds. */
const TIMEOUT_MAX = 2 ** 31 - 1;

/** Receives one datagram into `p`, with a limit on the wait. */
export async function receiveInto<
  A extends DatagramAddr,
  B extends ArrayBufferLike,
>(
  socket: BoundSocket<A>,
  p: Uint8Array<B>,
  options: ReceiveFromOptions,
): Promise<Datagram<A, B>> {
  requireBytes("p", p);
  requireOptions(options);
  const signal = optionalSignal(options.signal);
  const timeout = optionalInteger(
    "timeout",
    options.timeout,
    0,
    TIMEOUT_MAX,
    Infinity,
  );
  throwIfAborted(signal);
  if (socket.isClosed) throw socket.closedError("recvfrom");
  let timer: unknown;
  let onAbort: (() => void) | undefined;
  try {
    return await new Promise((resolve, reject) => {
      const reader = new BufferReader<A, B>(p, resolve, reject);
      const cancel = (reason: unknown) => {
        socket.receive.cancel(reader);
        reject(reason);
      };
      socket.receive.read(reader);
      if (timeout !== Infinity) {
        timer = setTimeout(() => cancel(timedOut(socket)), timeout);
      }
      if (signal === undefined) return;
      onAbort = () => cancel(reasonOf(signal));
      signal.addEventListener("abort", onAbort, { once: true });
    });
  } finally {
    clearTimeout(timer);
    if (onAbort !== undefined) signal?.removeEventListener("abort", onAbort);
  }
}

function timedOut({ address }: BoundSocket<DatagramAddr>): SocketError {
  return new SocketError("ETIMEDOUT", {
    syscall: "recvfrom",
    ...errorAddress(address),
  });
}
