// Copyright the iocp authors. MIT license.
import type { Chunk } from "../socket/chunk_queue.ts";
import type { Result } from "../socket/pending_reads.ts";
import type { Socket } from "../socket/socket.ts";
import { Chunks } from "./chunks.ts";

/* The connections that borrow until they are released, whichever of their loops
 * began. */
const borrowers = new WeakSet<Socket>();

/** The chunks that one loop has borrowed. */
class Lease {
  readonly #socket: Socket;
  readonly #chunks: Chunk[] = [];

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** The connection borrows from now on, until it is released. */
  begin(): void {
    if (borrowers.has(this.#socket)) return;
    borrowers.add(this.#socket);
    const { slab } = this.#socket.loop;
    slab.addBorrower();
    this.#socket.onReleased(() => slab.removeBorrower());
  }

  add(chunk: Chunk): void {
    this.#chunks.push(chunk);
  }

  /** Gives back all of them. */
  end(): void {
    const { slab } = this.#socket.loop;
    for (const chunk of this.#chunks) slab.giveBack(chunk);
    this.#chunks.length = 0;
  }
}

/** A loop like {@linkcode Chunks} whose chunks are given back at the next turn, so
 * that their memory is used again. */
export class LeasedChunks extends Chunks {
  readonly #lease: Lease;

  constructor(socket: Socket, lease: Lease = new Lease(socket)) {
    super(socket);
    this.#lease = lease;
  }

  override next(): Promise<Result> {
    this.#lease.end();
    this.#lease.begin();
    return super.next();
  }

  override return(): Promise<Result> {
    this.#lease.end();
    return super.return();
  }

  borrow(chunk: Chunk): void {
    this.#lease.add(chunk);
  }

  protected override clone(): LeasedChunks {
    return new LeasedChunks(this.socket, this.#lease);
  }
}
