// Copyright the iocp authors. MIT license.
/* A reader of so many bytes, which takes chunks for that, and gives back what it has
 * not used to the next read of another kind. */

import assert from "node:assert/strict";
import type { Borrower, Chunk } from "../../src/socket/chunk_queue.ts";
import type { PendingRead } from "../../src/socket/pending_reads.ts";
import type { Socket } from "../../src/socket/socket.ts";

/** Called when a call has ended. */
export type Finish = (outcome: "done" | "failed", error?: Error) => void;

export class Borrowing implements PendingRead, Borrower {
  readonly buffer = undefined;
  readonly isLoop = false;
  readonly #socket: Socket;
  #finish: Finish | undefined;
  #call: { got: Uint8Array | null } | undefined;
  #missing = 0;
  #rest: Chunk[] = [];
  #lent: Chunk | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.loop.slab.addBorrower();
  }

  /** Reads `length` bytes into `call.got`. One call may be pending. */
  start(
    call: { got: Uint8Array | null },
    length: number,
    finish: Finish,
  ): void {
    this.#finish = finish;
    this.#call = call;
    this.#missing = length;
    this.#use(false);
  }

  get isBusy(): boolean {
    return this.#finish !== undefined;
  }

  get unused(): number {
    return this.#rest.reduce((sum, { length }) => sum + length, 0);
  }

  giveBack(): Chunk | undefined {
    const rest = this.#rest.splice(0);
    return rest.length === 0 ? undefined : joined(rest);
  }

  resolve(got: Chunk | number | null): void {
    assert.notEqual(typeof got, "number");
    if (got === null) this.#end("done");
    else {
      /* Its memory is used again, so this side keeps a copy. */
      const chunk = got as Chunk;
      assert.equal(this.#lent, chunk);
      this.#lent = undefined;
      this.#rest.push(chunk.slice());
      this.#socket.loop.slab.giveBack(chunk);
      this.#use(true);
    }
  }

  reject(error: Error): void {
    this.#end("failed", error);
  }

  borrow(chunk: Chunk): void {
    this.#lent = chunk;
  }

  #use(isContinued: boolean): void {
    const bytes = joined(this.#rest.splice(0));
    const used = bytes.subarray(0, this.#missing);
    if (used.length < bytes.length) this.#rest = [bytes.slice(used.length)];
    if (used.length > 0) {
      const call = this.#call!;
      call.got = joined([call.got ?? new Uint8Array(), used]);
    }
    this.#missing -= used.length;
    if (this.#missing === 0) this.#end("done");
    else this.#socket.receive.borrow(this, isContinued);
  }

  #end(outcome: "done" | "failed", error?: Error): void {
    const finish = this.#finish!;
    this.#finish = undefined;
    finish(outcome, error);
  }
}

function joined(parts: Uint8Array[]): Chunk {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const all = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
