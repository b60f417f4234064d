// Copyright the iocp authors. MIT license.
/* A proxy that delays, cuts and resets its connections, chosen by a seed, and
 * records what it did. It uses the runtime's own sockets, so that it does not
 * depend on the code under test. */

import {
  connect as connectPlain,
  createServer,
  type Server,
  type Socket,
} from "node:net";
import { delay } from "./deadline.ts";
import type { Random } from "./random.ts";

/** What the proxy does to a connection. */
export type Fate = "slow" | "end" | "reset" | "cut";

/** What the proxy did in one direction of a connection. */
export interface Direction {
  /** Bytes that were written to the receiving side. */
  passed: number;
  /** The sender's FIN was forwarded. */
  hasEnded: boolean;
  /** The proxy ended this direction itself, before the sender did. */
  isTruncated: boolean;
}

/** What the proxy did to a connection. */
export interface ChaosRecord {
  /** From the client to the server, and back. */
  up: Direction;
  down: Direction;
  isReset: boolean;
}

/** When the fate of a connection happens. */
interface Trigger {
  direction: "up" | "down";
  /** Bytes of that direction before it. */
  after: number;
}

/** The longest pause of a direction. */
const STALL_MS = 30;
/** The most bytes in a row that are forwarded one by one. */
const TRICKLE_MAX = 40;

function makeDirection(): Direction {
  return { passed: 0, hasEnded: false, isTruncated: false };
}

/** Both sockets of one connection. */
class Line {
  readonly record: ChaosRecord = {
    up: makeDirection(),
    down: makeDirection(),
    isReset: false,
  };
  readonly #sockets: Socket[];
  readonly #fate: Fate;
  readonly #trigger: Trigger;

  constructor(client: Socket, server: Socket, fate: Fate, random: Random) {
    this.#sockets = [client, server];
    this.#fate = fate;
    this.#trigger = {
      direction: random.pick(["up", "down"]),
      after: random.size(100_000) - 1,
    };
    for (const socket of this.#sockets) socket.on("error", () => {});
    this.#pump("up", client, server, random.fork());
    this.#pump("down", server, client, random.fork());
  }

  /* Chunks and the end are forwarded in order, one at a time. */
  #pump(name: "up" | "down", from: Socket, to: Socket, random: Random): void {
    let last = Promise.resolve();
    from.on("data", (chunk: Uint8Array) => {
      from.pause();
      last = last.then(() => this.#pass(name, chunk, to, random))
        .then(() => void from.resume());
    });
    from.on("end", () => {
      last = last.then(() => {
        if (this.record.isReset || this.record[name].isTruncated) return;
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
    const direction = this.record[name];
    let trickle = random.chance(0.2) ? random.integer(1, TRICKLE_MAX) : 0;
    for (let at = 0; at < chunk.length;) {
      if (this.record.isReset || direction.isTruncated) return;
      let size = trickle-- > 0 ? 1 : random.size(64 * 1024);
      size = Math.min(size, chunk.length - at);
      const left = this.#trigger.after - direction.passed;
      const isHit = this.#fate !== "slow" &&
        this.#trigger.direction === name && left <= size;
      if (isHit) size = left;
      const piece = chunk.subarray(at, at + size);
      at += size;
      direction.passed += size;
      const written = write(to, piece);
      /* A cut does not wait for the write to complete. */
      if (!isHit || this.#fate !== "cut") await written;
      if (isHit) this.#applyFate(direction, to);
      else await pause(random);
    }
  }

  #applyFate(direction: Direction, to: Socket): void {
    if (this.#fate === "end") {
      direction.isTruncated = true;
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

/* One write in five is followed by a short pause. */
async function pause(random: Random): Promise<void> {
  if (random.chance(0.8)) return;
  await delay(random.chance(0.1) ? STALL_MS : random.integer(0, 2));
}

/** A proxy on a port of its own. */
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

  /** What the proxy did to the first connection. */
  get record(): ChaosRecord {
    return this.#lines[0]!.record;
  }

  [Symbol.dispose](): void {
    this.#server.close();
    for (const line of this.#lines) line.destroy();
  }
}
