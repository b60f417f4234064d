// Copyright the iocp authors. MIT license.
/* A proxy that treats its connections badly, by a seed, and keeps a record of
 * what it did. It is made of the runtime's own sockets, so that nothing of what
 * is tested is in it. */

import {
  connect as connectPlain,
  createServer,
  type Server,
  type Socket,
} from "node:net";
import { delay } from "./deadline.ts";
import type { Random } from "./random.ts";

/** What becomes of a connection. */
export type Fate = "slow" | "end" | "reset" | "cut";

/** What one direction of a connection has seen. */
export interface Way {
  /** Bytes that were handed to the receiving side. */
  passed: number;
  /** The sender's end was passed on. */
  hasEnded: boolean;
  /** The proxy said the end itself, after what had passed. */
  isCutShort: boolean;
}

/** What was done to a connection. */
export interface ChaosRecord {
  /** From the client to the server, and back. */
  up: Way;
  down: Way;
  isReset: boolean;
}

/** A blow that falls after so many bytes of a direction. */
interface Blow {
  way: "up" | "down";
  after: number;
}

/** No direction stands still for longer. */
const STALL_MS = 30;
/** So many bytes may come one by one. */
const TRICKLE_MAX = 40;

function makeWay(): Way {
  return { passed: 0, hasEnded: false, isCutShort: false };
}

/** Both sockets of one connection. */
class Line {
  readonly record: ChaosRecord = {
    up: makeWay(),
    down: makeWay(),
    isReset: false,
  };
  readonly #sockets: Socket[];
  readonly #fate: Fate;
  readonly #blow: Blow;

  constructor(client: Socket, server: Socket, fate: Fate, random: Random) {
    this.#sockets = [client, server];
    this.#fate = fate;
    this.#blow = {
      way: random.pick(["up", "down"]),
      after: random.size(100_000) - 1,
    };
    for (const socket of this.#sockets) socket.on("error", () => {});
    this.#pump("up", client, server, random.fork());
    this.#pump("down", server, client, random.fork());
  }

  /* Chunks are treated one after the other, and so is the end. */
  #pump(name: "up" | "down", from: Socket, to: Socket, random: Random): void {
    let last = Promise.resolve();
    from.on("data", (chunk: Uint8Array) => {
      from.pause();
      last = last.then(() => this.#pass(name, chunk, to, random))
        .then(() => void from.resume());
    });
    from.on("end", () => {
      last = last.then(() => {
        if (this.record.isReset || this.record[name].isCutShort) return;
        this.record[name].hasEnded = true;
        to.end();
      });
    });
  }

  async #pass(
    name: "up" | "down",
    chunk: Uint8Array,
    to: Socket,
    random: Random,
  ): Promise<void> {
    const way = this.record[name];
    let trickle = random.chance(0.2) ? random.integer(1, TRICKLE_MAX) : 0;
    for (let at = 0; at < chunk.length;) {
      if (this.record.isReset || way.isCutShort) return;
      let size = trickle-- > 0 ? 1 : random.size(64 * 1024);
      size = Math.min(size, chunk.length - at);
      const left = this.#blow.after - way.passed;
      const isHit = this.#fate !== "slow" && this.#blow.way === name &&
        left <= size;
      if (isHit) size = left;
      const piece = chunk.subarray(at, at + size);
      at += size;
      way.passed += size;
      const written = write(to, piece);
      /* A cut does not wait until the piece has left. */
      if (!isHit || this.#fate !== "cut") await written;
      if (isHit) this.#strike(way, to);
      else await rest(random);
    }
  }

  #strike(way: Way, to: Socket): void {
    if (this.#fate === "end") {
      way.isCutShort = true;
      to.end();
      return;
    }
    this.record.isReset = true;
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  destroy(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}

function write(to: Socket, bytes: Uint8Array): Promise<void> {
  if (bytes.length === 0 || to.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    to.once("close", resolve);
    to.write(bytes, () => {
      to.off("close", resolve);
      resolve();
    });
  });
}

/* Between two pieces: mostly nothing, now and then a while. */
async function rest(random: Random): Promise<void> {
  if (random.chance(0.8)) return;
  await delay(random.chance(0.1) ? STALL_MS : random.integer(0, 2));
}

/** A proxy on a port of its own, which ends with the block. */
export class ChaosProxy implements Disposable {
  readonly #server: Server;
  readonly #lines: Line[] = [];
  readonly port: Promise<number>;

  constructor(target: number, fate: Fate, random: Random) {
    this.#server = createServer({ allowHalfOpen: true }, (client) => {
      const server = connectPlain({
        host: "127.0.0.1",
        port: target,
        allowHalfOpen: true,
      });
      client.setNoDelay(true);
      server.setNoDelay(true);
      this.#lines.push(new Line(client, server, fate, random.fork()));
    });
    this.port = new Promise((resolve) => {
      this.#server.listen(0, "127.0.0.1", () => {
        resolve((this.#server.address() as { port: number }).port);
      });
    });
  }

  /** What was done to the first connection. */
  get record(): ChaosRecord {
    return this.#lines[0]!.record;
  }

  [Symbol.dispose](): void {
    this.#server.close();
    for (const line of this.#lines) line.destroy();
  }
}
