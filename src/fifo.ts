// Copyright the iocp authors. MIT license.

/** Taken entries in front of the others before these are moved up. */
const GAP_MAX = 1024;

/** First in, first out. Mostly it holds one, which then needs no array. */
export class Fifo<T extends object> {
  #first: T | undefined;
  /** What follows, from `#head` on; before that, entries have been taken. There
   * are four queues to a connection, most of which never hold two entries. */
  #rest: (T | undefined)[] | undefined;
  #head = 0;

  /** What is taken next. */
  get first(): T | undefined {
    return this.#first;
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
