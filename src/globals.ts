// Copyright the iocp authors. MIT license.
/* What both runtimes have and no standard library of types declares alike, so
 * that users need neither runtime's types. */

import type { ByteReadable, ByteWritable, Signal } from "./web_types.ts";

/* What the module gives to the constructors of web streams. */
interface ByteSource {
  type: "bytes";
  autoAllocateChunkSize: number;
  pull(controller: ByteController): Promise<void>;
  cancel(reason?: unknown): void;
}
/** The controller of a byte stream. */
export interface ByteController {
  readonly byobRequest: {
    readonly view: ArrayBufferView<ArrayBuffer> | null;
    respond(count: number): void;
  } | null;
  close(): void;
  error(reason: unknown): void;
}
interface Sink {
  start(controller: { readonly signal: Signal }): void;
  write(chunk: unknown, controller: { error(reason: unknown): void }): unknown;
  close(): unknown;
  abort(reason?: unknown): unknown;
}

interface Globals {
  setTimeout(callback: () => void, ms: number): unknown;
  clearTimeout(timer: unknown): void;
  readonly performance: { now(): number };
  atob(text: string): string;
  readonly crypto: {
    randomUUID(): string;
    getRandomValues<T extends ArrayBufferView<ArrayBuffer>>(array: T): T;
  };
  readonly URL: {
    new (
      url: string,
      base?: string,
    ): { readonly hostname: string; readonly href: string };
  };
  readonly TextEncoder: {
    new (): { encode(text: string): Uint8Array<ArrayBuffer> };
  };
  readonly AbortSignal: { new (): Signal };
  readonly ReadableStream: { new (source: ByteSource): ByteReadable };
  readonly WritableStream: { new (sink: Sink): ByteWritable };
  readonly process: { getBuiltinModule(name: string): unknown };
}

const globals = globalThis as unknown as Globals;

export const setTimeout: Globals["setTimeout"] = globals.setTimeout;
export const clearTimeout: Globals["clearTimeout"] = globals.clearTimeout;
export const performance: Globals["performance"] = globals.performance;
export const atob: Globals["atob"] = globals.atob;
export const crypto: Globals["crypto"] = globals.crypto;
export const URL: Globals["URL"] = globals.URL;
export const TextEncoder: Globals["TextEncoder"] = globals.TextEncoder;
export const AbortSignal: Globals["AbortSignal"] = globals.AbortSignal;
export const ReadableStream: Globals["ReadableStream"] = globals.ReadableStream;
export const WritableStream: Globals["WritableStream"] = globals.WritableStream;

/** A module of Node's, of which the caller says what it uses. */
export function nodeModule<T>(name: string): T {
  return globals.process.getBuiltinModule(name) as T;
}
