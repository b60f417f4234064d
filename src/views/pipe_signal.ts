// Copyright the iocp authors. MIT license.
/* Resets a connection at once when the signal of a pipe to it aborts.
 *
 * Why: pipeTo() waits for the write that is under way before it aborts its
 * destination, and the destination cannot see the signal (Streams Standard,
 * ReadableStreamPipeTo, "shutdown with an action"). Without the wrappers, a
 * peer that reads nothing would keep an aborted pipe open forever, even with
 * AbortSignal.timeout().
 * https://streams.spec.whatwg.org/#readable-stream-pipe-to
 *
 * What: ReadableStream.prototype.pipeTo and pipeThrough are wrapped, which is the
 * only place where a destination and its signal come together. The wrappers pass
 * every call on. If the destination is the `writable` of a connection, and only
 * then, the connection listens to the signal too. The wrappers keep the names, lengths and
 * attributes of the methods, and read no argument that the methods would not
 * read.
 *
 * When: with the first connection, not at the import: a program that has none
 * finds the methods untouched. Any later is too late, because
 * `source.pipeTo(conn.writable)` looks the method up before `conn.writable`. */

import { reasonOf } from "../options/signal.ts";
import { ReadableStream } from "../runtime/globals.ts";
import type { ByteWritable, Signal } from "../runtime/web_types.ts";

/** The connection behind a writable stream. */
export interface PipeDestination {
  /** Resets the connection. */
  abort(reason: unknown): void;
  /** Resolves when the connection is closed. */
  closed(): Promise<void>;
}

interface PipeOptions {
  readonly signal?: Signal;
  readonly preventAbort?: boolean;
}
interface Pair {
  readonly readable: unknown;
  readonly writable: unknown;
}
type PipeTo = (
  this: unknown,
  writable: unknown,
  options?: PipeOptions,
) => Promise<void>;
type PipeThrough = (
  this: unknown,
  pair: Pair,
  options?: PipeOptions,
) => unknown;

const destinations = new WeakMap<object, PipeDestination>();
let isWrapped = false;

/** Makes the connection behind `writable` listen to the signals of pipes. */
export function followPipes(
  writable: ByteWritable,
  destination: PipeDestination,
): void {
  destinations.set(writable, destination);
}

/** Wraps the methods, once in this realm. */
export function wrapPipes(): void {
  if (isWrapped) return;
  isWrapped = true;
  wrap<PipeTo>("pipeTo", (original) => ({
    pipeTo(writable, options = undefined) {
      const stop = follow(writable, options);
      const piped = original.call(this, writable, options);
      if (stop !== undefined) piped.then(stop, stop);
      return piped;
    },
  }));
  wrap<PipeThrough>("pipeThrough", (original) => ({
    pipeThrough(pair, options = undefined) {
      if (typeof pair !== "object" || pair === null) {
        return original.call(this, pair, options);
      }
      /* The members may be getters, so each is read once. */
      const { readable, writable } = pair;
      const stop = follow(writable, options);
      try {
        return original.call(this, { readable, writable }, options);
      } catch (error) {
        stop?.();
        throw error;
      }
    },
  }));
}

/* `make` returns the wrapper as a method, which has a name and no prototype, like
 * the original. */
function wrap<Method>(
  name: string,
  make: (original: Method) => Record<string, Method>,
): void {
  const { prototype } = ReadableStream as unknown as { prototype: object };
  const descriptor = Object.getOwnPropertyDescriptor(prototype, name);
  const original = descriptor?.value as Method | undefined;
  if (original === undefined) return;
  try {
    const value = make(original)[name];
    Object.defineProperty(prototype, name, { ...descriptor, value });
  } catch {
    /* The program has frozen the prototype: then an aborted pipe waits for its
     * pending write. */
  }
}

/* Returns a function that ends the listening, or undefined if there is nothing to
 * listen to. */
function follow(
  writable: unknown,
  options: PipeOptions | undefined,
): (() => void) | undefined {
  if (typeof writable !== "object" || writable === null) return undefined;
  const destination = destinations.get(writable);
  if (destination === undefined) return undefined;
  const signal = signalOf(options);
  if (signal === undefined) return undefined;
  const onAbort = () => destination.abort(reasonOf(signal));
  const stop = () => signal.removeEventListener("abort", onAbort);
  signal.addEventListener("abort", onAbort, { once: true });
  destination.closed().then(stop);
  return stop;
}

/* The signal that aborts the destination, if there is one. The original method
 * rejects wrong options. */
function signalOf(options: PipeOptions | undefined): Signal | undefined {
  try {
    const { signal, preventAbort } = options ?? {};
    const isSignal = typeof signal?.addEventListener === "function";
    return isSignal && !preventAbort ? signal : undefined;
  } catch {
    return undefined;
  }
}
