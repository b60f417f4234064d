// Copyright the iocp authors. MIT license.

import type { Batch } from "./batch.ts";
import type { BoundSocket } from "./bound_socket.ts";
import type { Datagram } from "./datagram.ts";
import type { DatagramAddr } from "./address.ts";
import { DatagramIterator } from "./datagram_iterator.ts";
import type { Limits } from "../options/operation.ts";

type Result<A extends DatagramAddr> = IteratorResult<Datagram<A>[], undefined>;

/* The sockets that borrow until they are released, whichever of their loops began. */
const borrowers = new WeakSet<BoundSocket<DatagramAddr>>();

/** A loop over batches that are given back at the next turn, so that their memory is
 * used again. */
export class LeasedBatches<A extends DatagramAddr>
  implements AsyncIterableIterator<Datagram<A>[], undefined> {
  readonly #socket: BoundSocket<A>;
  readonly #batches: DatagramIterator<A, Datagram<A>[]>;
  /** What the program has. */
  #lent: Uint8Array<ArrayBuffer>[] = [];

  constructor(socket: BoundSocket<A>, limits: Limits | undefined) {
    const takes = (batch: Batch<A>) => {
      this.#lent.push(batch.lend());
      return batch.shiftAll();
    };
    const onReturn = () => socket.close();
    this.#socket = socket;
    this.#batches = new DatagramIterator(socket, takes, onReturn, limits);
  }

  next(): Promise<Result<A>> {
    this.#giveBack();
    this.#borrow();
    return this.#batches.next();
  }

  return(): Promise<Result<A>> {
    this.#giveBack();
    return this.#batches.return();
  }

  #borrow(): void {
    const socket = this.#socket;
    if (socket.isClosed || borrowers.has(socket)) return;
    borrowers.add(socket);
    const { slab } = socket.loop;
    slab.addBorrower();
    socket.onReleased(() => slab.removeBorrower());
  }

  #giveBack(): void {
    const { slab } = this.#socket.loop;
    for (const memory of this.#lent) slab.giveBack(memory);
    this.#lent.length = 0;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
