// Copyright the iocp authors. MIT license.
/* Ends a pipe to a connection at once when its signal aborts.
 *
 * pipeTo() waits for the write under way before it aborts its destination, and
 * no stream learns of the signal before that (Streams Standard,
 * ReadableStreamPipeTo, "shutdown with an action"). A peer that takes nothing
 * would hold the pipe for ever. So pipeTo() and pipeThrough() look at their
 * destination first: where it is a connection of this module, the connection
 * follows the signal as well. With any other destination they do what they did.
 * https://streams.spec.whatwg.org/#readable-stream-pipe-to */

import { reasonOf } from "../options/signal.ts";
import { ReadableStream } from "../runtime/globals.ts";
import type { ByteWritable, Signal } from "../runtime/web_types.ts";

/** The connection behind a writable stream. */
interface Destination {
  /** Gives the connection up. */
  giveUp(reason: unknown): void;
  /** Resolves when the connection is closed. */
  closed(): Promise<void>;
}

interface PipeOptions {
  readonly signal?: Signal;
  readonly preventAbort?: boolean;
}

// deno-lint-ignore no-explicit-any
type Method = (this: unknown, ...values: any[]) => any;

const destinations = new WeakMap<object, Destination>();

/** Has the connection behind `writable` follow the signals of pipes to it. */
export function followPipes(
  writable: ByteWritable,
  destination: Destination,
): void {
  destinations.set(writable, destination);
}

function replace(name: string, make: (original: Method) => Method): void {
  const prototype = (ReadableStream as unknown as {
    prototype?: Record<string, Method>;
  } | undefined)?.prototype;
  const original = prototype?.[name];
  if (original === undefined) return;
  try {
    Object.defineProperty(prototype, name, {
      value: make(original),
      configurable: true,
      writable: true,
      enumerable: true,
    });
  } catch {
    /* A program may have frozen it. An aborted pipe then waits for its write. */
  }
}

/* At the import, since `source.pipeTo(conn.writable)` looks the method up before
 * there is a writable. */
replace(
  "pipeTo",
  (original) =>
    function (writable: object, options?: PipeOptions): unknown {
      const stop = follow(writable, options);
      const piped = original.call(this, writable, options);
      if (stop !== undefined) piped.then(stop, stop);
      return piped;
    },
);
replace(
  "pipeThrough",
  (original) =>
    function (pair: { writable: object }, options?: PipeOptions): unknown {
      const stop = follow(pair?.writable, options);
      try {
        return original.call(this, pair, options);
      } catch (error) {
        stop?.();
        throw error;
      }
    },
);

/* Returns how to follow no longer, or undefined when there is nothing to do. */
function follow(
  writable: unknown,
  options: PipeOptions | undefined,
): (() => void) | undefined {
  const { signal, preventAbort } = options ?? {};
  if (typeof writable !== "object" || writable === null) return undefined;
  const destination = destinations.get(writable);
  /* A signal of another kind is the original's to refuse. */
  if (
    destination === undefined || preventAbort === true ||
    typeof signal?.addEventListener !== "function"
  ) return undefined;
  const onAbort = () => destination.giveUp(reasonOf(signal));
  const stop = () => signal.removeEventListener("abort", onAbort);
  signal.addEventListener("abort", onAbort, { once: true });
  destination.closed().then(stop);
  return stop;
}
