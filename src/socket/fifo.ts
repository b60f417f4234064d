// Copyright the iocp authors. MIT license.

/** Taken entries in front of the others before these are moved up. */
const GAP_MAX = 1024;

/** First in, first out. Mostly it holds one, which then needs no array. */
export class Fifo<T extends object> {
  #first: T | undefined;
  /** What follows, from `#head` on; before that, entries have been taken. Most
   * queues never hold two entries. */
  #rest: (T | undefined)[] | undefined;
  #head = 0;

  /** What is taken next. */
  get first(): T | undefined {
    return this.#first;
  }

  /** What was pushed last of what is there. */
  get last(): T | undefined {
    return this.#rest?.at(-1) ?? this.#first;
  }

  get isEmpty(): boolean {
    return this.#first === undefined;
  }

  push(entry: T): void {
    if (this.#first === undefined) this.#first = entry;
    else (this.#rest ??= []).push(entry);
  }

  shift(): T | undefined {
    const first = this.#first;
    const rest = this.#rest;
    this.#first = rest === undefined || rest.length === 0
      ? undefined
      : this.#shiftRest(rest);
    return first;
  }

  /** Puts something in the place of what is taken next. */
  replaceFirst(entry: T): void {
    this.#first = entry;
  }

  /** Takes everything. */
  takeAll(): T[] {
    const all: T[] = [];
    for (let one = this.shift(); one !== undefined; one = this.shift()) {
      all.push(one);
    }
    return all;
  }

  /* Array.shift() moves all that follows, which makes a long queue slow. */
  #shiftRest(rest: (T | undefined)[]): T | undefined {
    const entry = rest[this.#head];
    rest[this.#head++] = undefined;
    if (this.#head === rest.length) {
      rest.length = this.#head = 0;
    } else if (this.#head > GAP_MAX && this.#head * 2 > rest.length) {
      this.#rest = rest.slice(this.#head);
      this.#head = 0;
    }
    return entry;
  }
}

const EMPTY = new Fifo<never>();

/** The queue of somebody who has not needed one yet. It is shared, so only
 * {@linkcode pushed} may fill it. */
export function emptyFifo<T extends object>(): Fifo<T> {
  return EMPTY as unknown as Fifo<T>;
}

/** The queue with one more entry: the same, or the first one of its own. There
 * are four queues to a connection, and most of them are never used. */
export function pushed<T extends object>(fifo: Fifo<T>, entry: T): Fifo<T> {
  const own = fifo === emptyFifo<T>() ? new Fifo<T>() : fifo;
  own.push(entry);
  return own;
}
