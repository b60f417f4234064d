// Copyright the iocp authors. MIT license.
import type { Native } from "./symbols.ts";

/** The functions of ffi/include/iocp.h that hand out the connections of a listener
 * to ports of other threads. A method returns the result of the C function,
 * negative for a failure. */
export class NativeSharing {
  readonly #native: Native;
  readonly #port: number;

  /** `port` is the id of the port. */
  constructor(native: Native, port: number) {
    this.#native = native;
    this.#port = port;
  }

  /** Hands out the connections of a listener. Returns the share, a new one where
   * `share` is -1. */
  share(listener: number, share: number): number {
    return this.#native.iocp_share(this.#port, listener, share);
  }

  /** Returns the id of a part of a share. */
  takePart(share: number): number {
    return this.#native.iocp_take_part(this.#port, share);
  }
}
