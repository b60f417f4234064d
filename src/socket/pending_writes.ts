// Copyright the iocp authors. MIT license.
import { Fifo } from "./fifo.ts";

interface Write {
  readonly length: number;
}

/** The pending writes of a connection. Their bytes are counted here and not in the
 * send queue, which an idle connection has as well. */
export class PendingWrites<W extends Write> extends Fifo<W> {
  /** The bytes that the library has not accepted. */
  unaccepted = 0;
}

/* All connections without a pending write share it. */
const NONE = new PendingWrites<never>();

/** No writes, until {@linkcode withWrite} makes a queue for them. */
export function noWrites<W extends Write>(): PendingWrites<W> {
  return NONE as unknown as PendingWrites<W>;
}

/** The writes and one more: `writes` itself, unless that is the shared one. */
export function withWrite<W extends Write>(
  writes: PendingWrites<W>,
  write: W,
): PendingWrites<W> {
  const own = writes === noWrites<W>() ? new PendingWrites<W>() : writes;
  own.push(write);
  own.unaccepted += write.length;
  return own;
}
