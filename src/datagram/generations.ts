// Copyright the iocp authors. MIT license.

/**
 * A map that forgets what was not used for long, and has at most twice `max`
 * entries.
 *
 * They are in two generations. A new entry is added to the younger one, and so is
 * one of the older generation that is used again. When the younger one is full,
 * it becomes the older one, whose entries are forgotten.
 */
export class Generations<K, V> {
  readonly #max: number;
  #young = new Map<K, V>();
  #old: Map<K, V> | undefined;

  constructor(max: number) {
    this.#max = max;
  }

  get(key: K): V | undefined {
    const value = this.#young.get(key);
    if (value !== undefined || this.#old === undefined) return value;
    const old = this.#old.get(key);
    if (old !== undefined) this.set(key, old);
    return old;
  }

  set(key: K, value: V): void {
    if (this.#young.size >= this.#max && !this.#young.has(key)) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, value);
  }
}
