// Copyright the iocp authors. MIT license.
/* The limits of a listener. A connection that was accepted waits here until its
 * address is checked, a place is free and its time has come, in this order. */

import { type Deadline, type Deadlines, UNSET } from "../loop/deadlines.ts";
import { errorAddress } from "../native/address.ts";
import { PEER } from "../native/completion.ts";
import type { AddressFilter } from "../options/address_filter.ts";
import { now } from "../runtime/globals.ts";
import { Fifo } from "./fifo.ts";
import type { Socket } from "./socket.ts";

/** The limits; 0 is none. */
export interface AdmissionLimits {
  readonly maxConnections: number;
  readonly acceptRate: number;
  readonly blockList?: AddressFilter | undefined;
}

/** What an admission needs of its listener. */
export interface AdmissionOwner {
  readonly loop: { readonly deadlines: Deadlines };
  /** The connection may be returned by accept(). */
  admit(socket: Socket): void;
  /** Connections wait, so no more are to be accepted. */
  pause(): void;
  /** None waits any more. */
  resume(): void;
  /** A filter has thrown this. */
  lastError: Error | undefined;
}

/** Whether there is any. */
export function isLimited(limits: AdmissionLimits): boolean {
  const { maxConnections, acceptRate, blockList } = limits;
  return maxConnections > 0 || acceptRate > 0 || blockList !== undefined;
}

const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/;

/** Admits the connections of one listener. It is also the deadline at which the rate
 * admits the next one. */
export class Admission implements Deadline {
  at = 0;
  place: number = UNSET;
  readonly #owner: AdmissionOwner;
  #limits: AdmissionLimits;
  /* Those whose address was not checked yet come after those that were. */
  readonly #unchecked = new Fifo<Socket>();
  readonly #waiting = new Fifo<Socket>();
  #isClosed = false;
  /** Connections that were admitted and are open. */
  #open = 0;
  /* How many may be admitted at once because of the rate, and since when. */
  #tokens: number;
  #filledAt = now();
  /** Connections that were blocked since the start. */
  blocked = 0;

  /** `open` are the connections of the listener that are open already. */
  constructor(owner: AdmissionOwner, limits: AdmissionLimits, open: Socket[]) {
    this.#owner = owner;
    this.#limits = limits;
    this.#tokens = limits.acceptRate;
    for (const socket of open) this.#count(socket);
  }

  /** The number of connections that wait. */
  get length(): number {
    return this.#waiting.length + this.#unchecked.length;
  }

  /** Connections wait for a place or the rate. */
  get isHolding(): boolean {
    return !this.#waiting.isEmpty;
  }

  /** The rate may admit the next one. */
  expire(): void {
    this.#admit();
  }

  /** A connection was accepted. */
  arrived(socket: Socket): void {
    if (this.#limits.blockList === undefined) {
      this.#waiting.push(socket);
      this.#admit();
      return;
    }
    this.#unchecked.push(socket);
    /* The filter is code of the user, which does not run within a turn. */
    Promise.resolve().then(() => this.check());
  }

  /** Checks the addresses of new connections, and admits those that may be. It
   * runs user code. */
  check(): void {
    for (;;) {
      const socket = this.#unchecked.shift();
      if (socket === undefined) break;
      const isBlocked = this.#isBlocked(socket);
      if (isBlocked) this.blocked++;
      /* The filter may have closed the listener. */
      if (isBlocked || this.#isClosed) socket.reset();
      else this.#waiting.push(socket);
    }
    this.#admit();
  }

  /** Changes the limits. */
  change(limits: AdmissionLimits): void {
    this.#fill();
    if (this.#limits.acceptRate === 0) this.#tokens = limits.acceptRate;
    this.#limits = limits;
    this.#stopWaiting();
    this.#admit();
  }

  /** Removes and returns those that wait: the listener is closed. */
  clear(): Socket[] {
    this.#stopWaiting();
    this.#isClosed = true;
    return [...this.#waiting.removeAll(), ...this.#unchecked.removeAll()];
  }

  #isBlocked(socket: Socket): boolean {
    const { blockList } = this.#limits;
    if (blockList === undefined) return false;
    try {
      const { address = "" } = errorAddress(socket.address(PEER));
      const ip = address.replace(/%.*/, "");
      const mapped = MAPPED.exec(ip)?.[1];
      return mapped !== undefined
        ? blockList.check(mapped, "ipv4")
        : blockList.check(ip, ip.includes(":") ? "ipv6" : "ipv4");
    } catch (error) {
      this.#owner.lastError = error instanceof Error
        ? error
        : new Error("The filter has thrown a value", { cause: error });
      return true;
    }
  }

  #admit(): void {
    if (this.#waiting.isEmpty) return;
    while (!this.#waiting.isEmpty && this.#hasPlace() && this.#hasToken()) {
      const socket = this.#waiting.shift()!;
      /* It may have failed while it waited, and takes no place then. */
      if (!socket.isReleased) this.#count(socket);
      this.#owner.admit(socket);
    }
    if (this.#waiting.isEmpty) this.#owner.resume();
    else this.#owner.pause();
  }

  #count(socket: Socket): void {
    this.#open++;
    socket.onReleased(() => {
      this.#open--;
      this.#admit();
    });
  }

  #hasPlace(): boolean {
    const { maxConnections } = this.#limits;
    return maxConnections === 0 || this.#open < maxConnections;
  }

  #hasToken(): boolean {
    const { acceptRate } = this.#limits;
    if (acceptRate === 0) return true;
    this.#fill();
    if (this.#tokens < 1) {
      this.#wait();
      return false;
    }
    this.#tokens--;
    return true;
  }

  #fill(): void {
    const { acceptRate } = this.#limits;
    const time = now();
    const tokens = this.#tokens + (time - this.#filledAt) * acceptRate / 1000;
    this.#tokens = Math.min(acceptRate, tokens);
    this.#filledAt = time;
  }

  /* Whatever keeps the process alive for the listener, or does not, serves this. */
  #wait(): void {
    if (this.place !== UNSET) return;
    const ms = (1 - this.#tokens) * 1000 / this.#limits.acceptRate;
    this.#owner.loop.deadlines.add(this, Math.ceil(ms));
  }

  #stopWaiting(): void {
    this.#owner.loop.deadlines.remove(this);
  }
}
