// Copyright the iocp authors. MIT license.
/* What a soak has done so far. */

import { SocketError } from "../../mod.ts";

/** Totals; the runner shows them. */
export class Counters {
  made = 0;
  open = 0;
  bytes = 0;
  resets = 0;
  workers = 0;
  /** How often each kind of visit came to its end. */
  readonly visits: Record<string, number> = {};
  /** Errors that users are told, by code. */
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
