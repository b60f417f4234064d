// Copyright the iocp authors. MIT license.
import type { Chunk } from "../socket/chunk_queue.ts";
import type { Result } from "../socket/pending_reads.ts";
import type { Socket } from "../socket/socket.ts";
import { Chunks } from "./chunks.ts";
import { Lease } from "../loop/lease.ts";

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
