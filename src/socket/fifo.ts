// Copyright the iocp authors. MIT license.

/** The array is compacted when more than this many removed entries precede the
 * others, and they are more than half of it. */
const GAP_MAX = 1024;

/** First in, first out. Mostly it has one entry, which then needs no array. */
export class Fifo<T extends object> {
  #first: T | undefined;
  /** The entries behind the first one; most queues never have any. */
  #rest: Rest<T> | undefined;

  get first(): T | undefined {
    return this.#first;
  }

  get last(): T | undefined {
    return this.#rest?.last ?? this.#first;
  }

  get isEmpty(): boolean {
    return this.#first === undefined;
  }

  get length(): number {
    return this.#first === undefined ? 0 : 1 + (this.#rest?.length ?? 0);
  }

  push(entry: T): void {
    if (this.#first === undefined) this.#first = entry;
    else (this.#rest ??= new Rest()).push(entry);
  }

  /** Removes the first entry. */
  shift(): T | undefined {
    const first = this.#first;
    this.#first = this.#rest?.shift();
    return first;
  }

  /** Adds an entry in front of the others. */
  unshift(entry: T): void {
    if (this.#first !== undefined) {
      (this.#rest ??= new Rest()).unshift(this.#first);
    }
    this.#first = entry;
  }

  replaceFirst(entry: T): void {
    this.#first = entry;
  }

  /** Removes one entry, wherever it is. */
  remove(entry: T): void {
    if (this.#first === entry) this.shift();
    else this.#rest?.remove(entry);
  }

  /** Removes all entries. */
  removeAll(): T[] {
    const all: T[] = [];
    for (let one = this.shift(); one !== undefined; one = this.shift()) {
      all.push(one);
    }
    return all;
  }
}

/* Array.shift() moves all that follows, which makes a long queue slow. Here the
 * entries before #head are removed ones. */
class Rest<T extends object> {
  #entries: (T | undefined)[] = [];
  #head = 0;

  get length(): number {
    return this.#entries.length - this.#head;
  }

  get last(): T | undefined {
    return this.#entries.at(-1);
  }

  push(entry: T): void {
    this.#entries.push(entry);
  }

  unshift(entry: T): void {
    if (this.#head === 0) this.#entries.unshift(entry);
    else this.#entries[--this.#head] = entry;
  }

  remove(entry: T): void {
    const at = this.#entries.indexOf(entry, this.#head);
    if (at >= 0) this.#entries.splice(at, 1);
  }

  shift(): T | undefined {
    const entries = this.#entries;
    const entry = entries[this.#head];
    entries[this.#head++] = undefined;
    if (this.#head === entries.length) {
      entries.length = this.#head = 0;
    } else if (this.#head > GAP_MAX && this.#head * 2 > entries.length) {
      this.#entries = entries.slice(this.#head);
      this.#head = 0;
    }
    return entry;
  }
}

const EMPTY = new Fifo<never>();

/** An empty queue that all users share until {@linkcode pushed} makes them
 * their own. A connection has several queues, most of which are never used. */
export function emptyFifo<T extends object>(): Fifo<T> {
  return EMPTY as unknown as Fifo<T>;
}

/** The same with the entry in front of the others. */
export function unshifted<T extends object>(fifo: Fifo<T>, entry: T): Fifo<T> {
  const own = fifo === emptyFifo<T>() ? new Fifo<T>() : fifo;
  own.unshift(entry);
  return own;
}

/** The queue with one more entry: `fifo` itself, unless that is the shared one. */
export function pushed<T extends object>(fifo: Fifo<T>, entry: T): Fifo<T> {
  const own = fifo === emptyFifo<T>() ? new Fifo<T>() : fifo;
  own.push(entry);
  return own;
}
