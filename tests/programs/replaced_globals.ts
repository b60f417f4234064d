// Copyright the iocp authors. MIT license.
/* Uses the module after the globals were replaced as a test tool does: by timers
 * that never fire, and by classes that throw. */

import assert from "node:assert/strict";
import process from "node:process";
import { CompletionPort, connect, connectSync, listen } from "../../mod.ts";

const timers = process.getBuiltinModule("node:timers") as unknown as Record<
  string,
  unknown
>;
const globals = globalThis as unknown as Record<string, unknown>;
const { signal } = new AbortController();
const Readable = ReadableStream;
const Writable = WritableStream;
const encode = new TextEncoder().encode.bind(new TextEncoder());

class Throwing {
  constructor() {
    throw new Error("a replaced class was used");
  }
  static createObjectURL() {
    throw new Error("a replaced function was used");
  }
}
function never(): number {
  return 0;
}
const FUNCTIONS = ["setTimeout", "clearTimeout", "setInterval", "setImmediate"];
for (const name of [...FUNCTIONS, "atob", "queueMicrotask"]) {
  globals[name] = never;
}
for (const name of FUNCTIONS) timers[name] = never;
const CLASSES =
  "AbortSignal ReadableStream WritableStream TextEncoder TextDecoder URL Blob Worker DOMException";
for (const name of CLASSES.split(" ")) globals[name] = Throwing;
Object.defineProperty(performance, "now", { value: () => 0 });
process.nextTick = never as unknown as typeof process.nextTick;
Object.defineProperty(process, "getBuiltinModule", { value: never });

const listener = listen({ hostname: "localhost", port: 0 });
const { port } = listener.addr;
const [client, server] = await Promise.all([
  connect({ hostname: "localhost", port, signal, timeout: 60_000 }),
  listener.accept(),
]);
assert.ok(client.writable instanceof Writable);
assert.ok(client.readable instanceof Readable);
await client.writable.getWriter().write(encode("hello"));
assert.equal(await server.read(new Uint8Array(16)), 5);

/* An object is accepted as a signal if it has the members of one. */
let onAbort: (() => void) | undefined;
const polyfill = {
  aborted: false,
  reason: undefined,
  addEventListener: (_: string, listener: () => void) => onAbort = listener,
  removeEventListener: () => onAbort = undefined,
};
const attempt = connect({ port, signal: polyfill as unknown as AbortSignal });
onAbort!();
await assert.rejects(attempt, { name: "AbortError" });
for (const wrong of [null, {}, "signal", { aborted: false }]) {
  await assert.rejects(
    connect({ port, signal: wrong as unknown as AbortSignal }),
    /"signal" argument must be an AbortSignal/,
  );
}

/* Timeouts, also those of blocking calls. */
const silent = listen({ hostname: "127.0.0.1", port: 0 });
const waiting = connectSync(silent.addr);
assert.throws(() => waiting.readSync(new Uint8Array(1), { timeout: 50 }), {
  code: "ETIMEDOUT",
});
const stuck = await connect({ ...silent.addr, closeTimeout: 50 });
const written = stuck.write(new Uint8Array(64 << 20));
stuck.close();
await assert.rejects(written, { code: "EINTR" });

/* The duplex. */
const accepted = listener.accept();
const other = await connect({ hostname: "localhost", port });
const duplex = other.duplex();
await new Promise<void>((resolve) => duplex.setTimeout(50, () => resolve()));
const closed = new Promise((resolve) => duplex.on("close", resolve));
(await accepted).close();
duplex.destroy();
await closed;

new CompletionPort().close();
console.log("done");
process.exit(0);
