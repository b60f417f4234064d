// Copyright the iocp authors. MIT license.
/* Globals that both runtimes have, captured when the module is loaded: test tools
 * replace them later, by fake timers or the classes of a browser. They are declared
 * here, so that users need neither runtime's types. */

import type { ByteReadable, ByteWritable, Signal } from "./web_types.ts";

/** A timer of node:timers. */
export interface NodeTimer {
  refresh(): void;
  unref(): void;
}
/** `node:timers`. */
interface NodeTimers {
  setTimeout(callback: () => void, ms: number): NodeTimer;
  clearTimeout(timer: NodeTimer | undefined): void;
  setInterval(callback: () => void, ms: number): NodeTimer;
  clearInterval(timer: NodeTimer | undefined): void;
}
interface NodeProcess {
  getBuiltinModule(name: string): unknown;
  cpuUsage(): { user: number; system: number };
  nextTick(
    callback: (...values: never[]) => void,
    ...values: unknown[]
  ): void;
}

/* Arguments of the constructors of web streams. */
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
  queueMicrotask(callback: () => void): void;
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
    new (): {
      encode(text: string): Uint8Array<ArrayBuffer>;
      encodeInto(text: string, target: Uint8Array): { written: number };
    };
  };
  readonly TextDecoder: {
    new (
      label: string,
      options: { fatal?: boolean; ignoreBOM: boolean },
    ): {
      decode(bytes: Uint8Array): string;
    };
  };
  readonly DOMException: { new (message: string, name: string): Error };
  readonly ReadableStream: { new (source: ByteSource): ByteReadable };
  readonly WritableStream: { new (sink: Sink): ByteWritable };
  readonly process: NodeProcess | undefined;
}

const globals = globalThis as unknown as Globals;
const { crypto, performance, process } = globals;

export const setTimeout: Globals["setTimeout"] = globals.setTimeout;
export const clearTimeout: Globals["clearTimeout"] = globals.clearTimeout;
export const queueMicrotask: Globals["queueMicrotask"] = globals.queueMicrotask;
export const atob: Globals["atob"] = globals.atob;
export const URL: Globals["URL"] = globals.URL;
export const TextEncoder: Globals["TextEncoder"] = globals.TextEncoder;
export const TextDecoder: Globals["TextDecoder"] = globals.TextDecoder;
export const DOMException: Globals["DOMException"] = globals.DOMException;
export const ReadableStream: Globals["ReadableStream"] = globals.ReadableStream;
export const WritableStream: Globals["WritableStream"] = globals.WritableStream;

/* Bound, since fake timers replace methods of these objects. A runtime that is too
 * old may lack some of them; requirements.ts reports that later. */

/** Milliseconds of a monotonic clock. */
export const now: () => number = performance?.now.bind(performance);
const cpuUsage = process?.cpuUsage?.bind(process);
/** Milliseconds of CPU time that the process has used, all of its threads. */
export function cpuTime(): number {
  const { user, system } = cpuUsage!();
  return (user + system) / 1000;
}
export const randomUUID: Globals["crypto"]["randomUUID"] = crypto?.randomUUID
  ?.bind(crypto);
export const getRandomValues: Globals["crypto"]["getRandomValues"] = crypto
  ?.getRandomValues?.bind(crypto);
export const nextTick: NodeProcess["nextTick"] = process?.nextTick!;

const getBuiltinModule = process?.getBuiltinModule?.bind(process);

/** A built-in module; the caller declares the members that it uses. */
export function nodeModule<T>(name: string): T {
  return getBuiltinModule!(name) as T;
}

const timers = getBuiltinModule?.("node:timers") as NodeTimers | undefined;
/** The functions of node:timers, whose timers are objects in both runtimes. */
export const nodeTimers: NodeTimers = {
  setTimeout: timers?.setTimeout!,
  clearTimeout: timers?.clearTimeout!,
  setInterval: timers?.setInterval!,
  clearInterval: timers?.clearInterval!,
};

interface Resolvers<T> {
  promise: Promise<T>;
  resolve(value: T): void;
  reject(reason: unknown): void;
}
const promises = Promise as unknown as {
  withResolvers?<T>(): Resolvers<T>;
};
/** `Promise.withResolvers()`, which the compiler knows only from ES2024 on. */
export const withResolvers: <T>() => Resolvers<T> = promises.withResolvers
  ?.bind(Promise)!;
