// Copyright the iocp authors. MIT license.
/** First in, first out. Mostly it holds one, which then needs no array. */
export class Fifo<T extends object> {
  #first: T | undefined;
  #rest: T[] = [];

  /** What is taken next. */
  get first(): T | undefined {
    return this.#first;
  }

  get isEmpty(): boolean {
    return this.#first === undefined;
  }

  push(entry: T): void {
    if (this.#first === undefined) this.#first = entry;
    else this.#rest.push(entry);
  }

  shift(): T | undefined {
    const first = this.#first;
    this.#first = this.#rest.length === 0 ? undefined : this.#rest.shift();
    return first;
  }

  /** Puts something in the place of what is taken next. */
  replaceFirst(entry: T): void {
    this.#first = entry;
  }

  /** Takes everything. */
  takeAll(): T[] {
    const all = this.#first === undefined ? [] : [this.#first, ...this.#rest];
    this.#first = undefined;
    this.#rest = [];
    return all;
  }
}
