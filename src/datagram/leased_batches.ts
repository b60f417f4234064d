// Copyright the iocp authors. MIT license.

import type { Batch } from "./batch.ts";
import type { BoundSocket } from "./bound_socket.ts";
import type { Datagram } from "./datagram.ts";
import type { DatagramAddr } from "./address.ts";
import { DatagramIterator } from "./datagram_iterator.ts";
import { Lease } from "../loop/lease.ts";
import type { Limits } from "../options/operation.ts";

type Result<A extends DatagramAddr> = IteratorResult<Datagram<A>[], undefined>;

/** A loop over batches that are given back at the next turn, so that their memory is
 * used again. */
export class LeasedBatches<A extends DatagramAddr>
  implements AsyncIterableIterator<Datagram<A>[], undefined> {
  readonly #socket: BoundSocket<A>;
  readonly #batches: DatagramIterator<A, Datagram<A>[]>;
  readonly #lease: Lease;

  constructor(socket: BoundSocket<A>, limits: Limits | undefined) {
    const takes = (batch: Batch<A>) => {
      this.#lease.add(batch.lend());
      return batch.shiftAll();
    };
    const onReturn = () => socket.close();
    this.#socket = socket;
    this.#lease = new Lease(socket);
    this.#batches = new DatagramIterator(socket, takes, onReturn, limits);
  }

  next(): Promise<Result<A>> {
    this.#lease.end();
    if (!this.#socket.isClosed) this.#lease.begin();
    return this.#batches.next();
  }

  return(): Promise<Result<A>> {
    this.#lease.end();
    return this.#batches.return();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
