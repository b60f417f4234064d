// Copyright the iocp authors. MIT license.

import { clearTimeout, setTimeout } from "./globals.ts";
import type { Parker } from "./types.ts";

interface BunWorker {
  onmessage: (() => void) | null;
  postMessage(message: unknown): void;
  ref(): void;
  unref(): void;
  terminate(): void;
}

/* Captured when the module is loaded; see globals.ts. */
const { Blob, URL, Worker, Bun, process } = globalThis as unknown as {
  Blob: new (parts: string[], options: { type: string }) => unknown;
  URL: {
    createObjectURL(blob: unknown): string;
    revokeObjectURL(url: string): void;
  };
  Worker: new (url: string) => BunWorker;
  Bun?: { isMainThread: boolean };
  process?: { platform: string };
};
const { createObjectURL, revokeObjectURL } = URL;

/* The worker blocks in iocp_wait() and does nothing else. Its source is a string,
 * so that a bundle needs no second file. */
const WORKER = `
  const { dlopen } = process.getBuiltinModule("bun:ffi");
  let wait;
  self.onmessage = ({ data: [path, port, timeoutMs, stepMs] }) => {
    wait ??= dlopen(path, {
      iocp_wait: { args: ["i32", "i32"], returns: "i32" },
    }).symbols.iocp_wait;
    const end = timeoutMs < 0 ? Infinity : performance.now() + timeoutMs;
    for (;;) {
      const left = end - performance.now();
      if (wait(port, left < stepMs ? Math.ceil(left) : stepMs) !== 0) break;
      if (performance.now() >= end) break;
    }
    self.postMessage(0);
  };
`;

/* On Windows, the end of a Worker waits for the workers that it has started,
 * and nothing interrupts their calls (seen in Bun 1.4.5 under Wine). So there
 * the wait is split into steps of this length, in milliseconds. Elsewhere, and
 * in the main thread, it is one call. */
const STEP_MS = process?.platform === "win32" && !Bun?.isMainThread
  ? 250
  : 2 ** 31 - 1;

/* An idle worker is terminated after this time. Not at once, since starting one
 * takes milliseconds. */
const IDLE_MS = 1_000;

/** Waits in a Worker, since Bun's FFI has no non-blocking calls. */
export class BunParker implements Parker {
  readonly #path: string;
  readonly #port: number;
  readonly #onWake: () => void;
  #isRef = true;
  #worker: BunWorker | undefined;
  /* Of the program of the worker, until that has started. Bun keeps its text for the
   * process, also after the end of the thread that has made it. */
  #url: string | undefined;
  /* Runs while the worker is idle. */
  #idleTimer: unknown;
  #isParked = false;

  constructor(path: string, port: number, onWake: () => void) {
    this.#path = path;
    this.#port = port;
    this.#onWake = onWake;
  }

  get isParked(): boolean {
    return this.#isParked;
  }

  park(timeoutMs: number): void {
    if (this.#idleTimer !== undefined) this.#stopIdling();
    this.#worker ??= this.#start();
    this.#isParked = true;
    this.#hold(this.#isRef);
    this.#worker.postMessage([this.#path, this.#port, timeoutMs, STEP_MS]);
  }

  setRef(isRef: boolean): void {
    if (isRef === this.#isRef) return;
    this.#isRef = isRef;
    if (this.#isParked) this.#hold(isRef);
  }

  idle(): void {
    if (this.#idleTimer !== undefined || this.#worker === undefined) return;
    this.#idleTimer = setTimeout(() => {
      this.#idleTimer = undefined;
      /* A wait that was woken may not have ended yet. */
      if (this.#isParked) this.idle();
      else this.#terminate();
    }, IDLE_MS);
    (this.#idleTimer as { unref(): void }).unref();
  }

  close(): void {
    this.#stopIdling();
    this.#terminate();
  }

  #start(): BunWorker {
    const url = this.#url = createObjectURL(
      new Blob([WORKER], { type: "text/javascript" }),
    );
    const worker = new Worker(url);
    worker.onmessage = () => {
      this.#revoke();
      this.#isParked = false;
      this.#hold(false);
      this.#onWake();
    };
    return worker;
  }

  /* Only a running wait may keep the process alive, not the worker itself. */
  #hold(isHeld: boolean): void {
    if (isHeld) this.#worker?.ref();
    else this.#worker?.unref();
  }

  #stopIdling(): void {
    clearTimeout(this.#idleTimer);
    this.#idleTimer = undefined;
  }

  #revoke(): void {
    if (this.#url === undefined) return;
    revokeObjectURL(this.#url);
    this.#url = undefined;
  }

  #terminate(): void {
    this.#revoke();
    this.#worker?.terminate();
    this.#worker = undefined;
  }
}
