// Copyright the iocp authors. MIT license.
/* The parts of Node's modules that are used here, so that users need not have
 * Node's types. https://nodejs.org/api/stream.html */

/** A stream calls it when a step is done. */
export type Callback = (error?: Error | null) => void;

/** A listener of any event. */
// deno-lint-ignore no-explicit-any
export type EventListener = (...values: any[]) => void;

/** What a stream is given to write; a string only with `decodeStrings: false`. */
export interface WrittenChunk {
  readonly chunk: Uint8Array | string;
  readonly encoding?: string;
}

/** `stream.Duplex`. */
export interface Duplex {
  allowHalfOpen: boolean;
  readonly destroyed: boolean;
  readonly readable: boolean;
  readonly readableFlowing: boolean | null;
  readonly readableLength: number;
  readonly writable: boolean;
  /** The writes after the one that is under way. */
  readonly writableBuffer?: readonly WrittenChunk[];
  readonly writableEnded: boolean;
  readonly writableFinished: boolean;
  readonly writableLength: number;
  destroy(error?: Error): this;
  emit(event: string, ...values: unknown[]): boolean;
  end(): this;
  listenerCount(event: string): number;
  on(event: string, listener: EventListener): this;
  once(event: string, listener: EventListener): this;
  pause(): this;
  push(chunk: Uint8Array | null): boolean;
  read(size?: number): unknown;
  removeListener(event: string, listener: EventListener): this;
  resume(): this;
  write(chunk: unknown, ...rest: unknown[]): boolean;
  _read(): void;
  _write(
    chunk: Uint8Array | string,
    encoding: string,
    callback: Callback,
  ): void;
  _writev(chunks: WrittenChunk[], callback: Callback): void;
  _final(callback: Callback): void;
  _destroy(error: Error | null, callback: Callback): void;
}

/** The class `stream.Duplex`. */
export interface DuplexClass {
  readonly prototype: Duplex;
  new (options: Record<string, unknown>): Duplex;
}

/** The class `Buffer`. */
export interface BufferClass {
  from(bytes: Uint8Array): Uint8Array;
  from(text: string, encoding: string | undefined): Uint8Array;
  byteLength(text: string, encoding: string | undefined): number;
  from(buffer: ArrayBufferLike, offset: number, length: number): Uint8Array;
}

/** `node:process`. */
export interface Process {
  emitWarning(message: string, name: string): void;
}

/** `node:util`. */
export interface Util {
  getSystemErrorMap?(): Map<number, [code: string, text: string]>;
}
