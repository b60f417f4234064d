// Copyright the iocp authors. MIT license.

import type { Slab } from "./slab.ts";

/** A socket of which memory is borrowed. */
interface Lender {
  readonly loop: { readonly slab: Slab };
  /** Calls `callback` when the socket is released, or at once if it is already. */
  onReleased(callback: () => void): void;
}

/* The sockets that borrow until they are released, whichever of their loops began. */
const borrowers = new WeakSet<Lender>();

/** The memory that one loop has borrowed. */
export class Lease {
  readonly #socket: Lender;
  readonly #parts: Uint8Array<ArrayBuffer>[] = [];

  constructor(socket: Lender) {
    this.#socket = socket;
  }

  /** The socket borrows from now on, until it is released. */
  begin(): void {
    if (borrowers.has(this.#socket)) return;
    borrowers.add(this.#socket);
    const { slab } = this.#socket.loop;
    slab.addBorrower();
    this.#socket.onReleased(() => slab.removeBorrower());
  }

  add(part: Uint8Array<ArrayBuffer>): void {
    this.#parts.push(part);
  }

  /** Gives back all of it. */
  end(): void {
    const { slab } = this.#socket.loop;
    for (const part of this.#parts) slab.giveBack(part);
    this.#parts.length = 0;
  }
}
