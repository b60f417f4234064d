// Copyright the iocp authors. MIT license.
/* Types of the web platform that are part of the API. They are the compiler's
 * own where it knows them, from any library of types; a program that has none
 * (`lib` without "DOM", no types of a runtime) gets what is needed here. */

/** What a {@linkcode ByteReadable} has where the compiler knows no
 * `ReadableStream`; at run time it is one. */
export interface PlainReadable {
  /** Whether a reader has it. */
  readonly locked: boolean;
  /** Gives up the bytes that are to come. */
  cancel(reason?: unknown): Promise<void>;
  /** Makes a reader, which is the only one until it lets go. */
  getReader(): {
    read(): Promise<
      | { done: false; value: Uint8Array<ArrayBuffer> }
      | { done: true; value?: undefined }
    >;
    releaseLock(): void;
  };
  /** Writes all of it to the other stream. */
  pipeTo(destination: PlainWritable): Promise<void>;
  /** The chunks as they come. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Uint8Array<ArrayBuffer>>;
}

/** What a {@linkcode ByteWritable} has where the compiler knows no
 * `WritableStream`; at run time it is one. */
export interface PlainWritable {
  /** Whether a writer has it. */
  readonly locked: boolean;
  /** Ends it with an error. */
  abort(reason?: unknown): Promise<void>;
  /** Ends it when all is written. */
  close(): Promise<void>;
  /** Makes a writer, which is the only one until it lets go. */
  getWriter(): {
    readonly ready: Promise<unknown>;
    write(chunk: Uint8Array): Promise<void>;
    close(): Promise<void>;
    abort(reason?: unknown): Promise<void>;
    releaseLock(): void;
  };
}

/** What a {@linkcode Signal} has where the compiler knows no `AbortSignal`. */
export interface PlainSignal {
  /** Whether it was aborted. */
  readonly aborted: boolean;
  /** Why. */
  readonly reason: unknown;
  /** Calls back when it is aborted. */
  addEventListener(
    type: "abort",
    listener: () => void,
    options?: { once?: boolean },
  ): void;
  /** Does not call back. */
  removeEventListener(type: "abort", listener: () => void): void;
}

/* A type that is not known is taken for any, and then replaced. */

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
