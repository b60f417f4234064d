// Copyright the iocp authors. MIT license.
import type { Chunk } from "../socket/chunk_queue.ts";
import { Lease } from "../loop/lease.ts";
import { LimitedChunks } from "./limited_chunks.ts";
import { LimitedRead } from "../socket/limited_read.ts";
import type { Limits } from "../options/operation.ts";
import type { Result } from "../socket/pending_reads.ts";
import type { Socket } from "../socket/socket.ts";

/** A read whose chunk is given back at the next turn. */
class LeasedRead extends LimitedRead {
  readonly #lease: Lease;

  constructor(socket: Socket, limits: Limits, lease: Lease) {
    super(socket, undefined, limits, true);
    this.#lease = lease;
  }

  borrow(chunk: Chunk): void {
    this.#lease.add(chunk);
  }
}

/** A loop like {@linkcode LimitedChunks} whose chunks are given back at the next turn,
 * so that their memory is used again. */
export class LimitedLeasedChunks extends LimitedChunks {
  readonly #lease: Lease;

  constructor(socket: Socket, limits: Limits) {
    super(socket, undefined, limits);
    this.#lease = new Lease(socket);
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

  protected override makeRead(): LimitedRead {
    return new LeasedRead(this.socket, this.limits, this.#lease);
  }
}
