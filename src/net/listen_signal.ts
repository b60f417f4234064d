// Copyright the iocp authors. MIT license.

import { nextTick } from "../runtime/globals.ts";
import type { Signal } from "../runtime/web_types.ts";

/** Closes the server when the signal aborts. A server that is closed before leaves no
 * listener on the signal. */
export function onAbort(
  signal: Signal | undefined,
  server: {
    close(): unknown;
    once(event: string, listener: () => void): unknown;
  },
): void {
  if (signal === undefined) return;
  const close = () => {
    server.close();
  };
  if (signal.aborted) {
    nextTick(close);
    return;
  }
  signal.addEventListener("abort", close, { once: true });
  server.once("close", () => signal.removeEventListener("abort", close));
}
