// Copyright the iocp authors. MIT license.

/** The option `onread`. */
export interface OnRead {
  buffer: Uint8Array | (() => Uint8Array);
  callback: (byteCount: number, buffer: Uint8Array) => unknown;
}

/** Received bytes in memory of the user, each part passed to a callback, in place of
 * the events of a stream. */
export class StaticReader {
  readonly #options: OnRead;
  #buffer: Uint8Array;
  /** Received after the callback has stopped it. */
  #rest: Uint8Array | undefined;
  isPaused = false;

  constructor(options: OnRead) {
    const { buffer } = options;
    this.#options = options;
    this.#buffer = typeof buffer === "function" ? buffer() : buffer;
  }

  /** Whether bytes wait for resume(). */
  get hasRest(): boolean {
    return this.#rest !== undefined;
  }

  /** Passes bytes on. */
  push(bytes: Uint8Array, self: object): void {
    let rest = bytes;
    while (rest.length > 0 && !this.isPaused) {
      const buffer = this.#buffer;
      const part = rest.subarray(0, buffer.length);
      buffer.set(part);
      rest = rest.subarray(part.length);
      const { buffer: next, callback } = this.#options;
      const goesOn = callback.call(self, part.length, buffer);
      if (goesOn === false) this.isPaused = true;
      if (typeof next === "function") this.#buffer = next();
    }
    this.#rest = rest.length === 0 ? undefined : rest;
  }

  /** Passes on what waits. */
  resume(self: object): void {
    this.isPaused = false;
    const rest = this.#rest;
    this.#rest = undefined;
    if (rest !== undefined) this.push(rest, self);
  }
}

/** The reader of the option, or undefined without it. */
export function staticReader(onread: unknown): StaticReader | undefined {
  if (typeof onread !== "object" || onread === null) return undefined;
  const { buffer, callback } = onread as OnRead;
  const hasBuffer = buffer instanceof Uint8Array ||
    typeof buffer === "function";
  if (!hasBuffer || typeof callback !== "function") return undefined;
  return new StaticReader(onread as OnRead);
}
