// Copyright the iocp authors. MIT license.
/* The counters of a soak. */

import { SocketError } from "../../mod.ts";

/** Totals since the start. */
export class Counters {
  made = 0;
  bytes = 0;
  resets = 0;
  workers = 0;
  /** Datagrams that were sent, and those that a full receiver has lost. */
  datagrams = 0;
  dropped = 0;
  /** Sockets that were passed to the inbox. */
  passed = 0;
  /** Completed visits, by kind. */
  readonly visits: Record<string, number> = {};
  /** Errors of calls, by code. */
  readonly errors: Record<string, number> = {};

  visited(kind: string): void {
    this.visits[kind] = (this.visits[kind] ?? 0) + 1;
  }

  /** Counts an error, and returns its code, or its class. */
  failed(error: unknown): string {
    const code = error instanceof SocketError
      ? error.code
      : (error as Error)?.name ?? String(error);
    this.errors[code] = (this.errors[code] ?? 0) + 1;
    return code;
  }
}
