// Copyright the iocp authors. MIT license.
/* Types of the web platform that are part of the API. Where the compiler knows
 * them, from the DOM library or a runtime's types, they are its own; otherwise they
 * are declared here. */

/** The type of a {@linkcode ByteReadable} where the compiler does not know
 * `ReadableStream`. At run time it is one. */
export interface PlainReadable {
  /** True while it has a reader. */
  readonly locked: boolean;
  /** Cancels the stream. */
  cancel(reason?: unknown): Promise<void>;
  /** Makes a reader and locks the stream to it. */
  getReader(): {
    read(): Promise<
      | { done: false; value: Uint8Array<ArrayBuffer> }
      | { done: true; value?: undefined }
    >;
    releaseLock(): void;
  };
  /** Pipes the stream to another one. */
  pipeTo(destination: PlainWritable): Promise<void>;
  /** The chunks as they come. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Uint8Array<ArrayBuffer>>;
}

/** The type of a {@linkcode ByteWritable} where the compiler does not know
 * `WritableStream`. At run time it is one. */
export interface PlainWritable {
  /** True while it has a writer. */
  readonly locked: boolean;
  /** Aborts the stream. */
  abort(reason?: unknown): Promise<void>;
  /** Closes the stream after all writes. */
  close(): Promise<void>;
  /** Makes a writer and locks the stream to it. */
  getWriter(): {
    readonly ready: Promise<unknown>;
    write(chunk: Uint8Array): Promise<void>;
    close(): Promise<void>;
    abort(reason?: unknown): Promise<void>;
    releaseLock(): void;
  };
}

/** The type of a {@linkcode Signal} where the compiler does not know
 * `AbortSignal`. */
export interface PlainSignal {
  /** True once it has aborted. */
  readonly aborted: boolean;
  /** Why it has aborted. */
  readonly reason: unknown;
  /** Adds a listener. */
  addEventListener(
    type: "abort",
    listener: () => void,
    options?: { once?: boolean },
  ): void;
  /** Removes a listener. */
  removeEventListener(type: "abort", listener: () => void): void;
}

/* An unknown type counts as any, which is then replaced. */

/** A `ReadableStream` of bytes. */
export type ByteReadable =
  /** @ts-ignore: It may not be known. */
  ReadableStream<Uint8Array<ArrayBuffer>> extends infer Known
    ? 0 extends 1 & Known ? PlainReadable : Known
    : never;

/** A `WritableStream` of bytes. */
export type ByteWritable =
  /** @ts-ignore: It may not be known. */
  WritableStream<Uint8Array> extends infer Known
    ? 0 extends 1 & Known ? PlainWritable : Known
    : never;

/** An `AbortSignal`. */
export type Signal =
  /** @ts-ignore: It may not be known. */
  AbortSignal extends infer Known ? 0 extends 1 & Known ? PlainSignal : Known
    : never;
