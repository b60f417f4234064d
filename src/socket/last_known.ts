// Copyright the iocp authors. MIT license.

import { type Addr, decodeAddress } from "../native/address.ts";
import type { SocketError } from "../errors.ts";
import type { CloseTimeout } from "../watching/events.ts";
import { LOCAL, type PEER } from "../native/completion.ts";

/** One end of a connection. */
export type ConnEnd = typeof LOCAL | typeof PEER;

/** Why a connection was ended; it is a part of each later error. */
export interface Ending {
  readonly code: string;
  readonly detail: string;
  /** The time that has passed. */
  readonly timeout?: CloseTimeout;
}

/** What stays known of a connection after its close. */
export class LastKnown {
  error: SocketError | undefined;
  /** Why this side has ended it, if the program has not. */
  ending: Ending | undefined;
  /* Kept as bytes and parsed on request, since most are never requested. */
  #local: Addr | Uint8Array | undefined;
  #peer: Addr | Uint8Array | undefined;

  hasAddress(end: ConnEnd): boolean {
    return (end === LOCAL ? this.#local : this.#peer) !== undefined;
  }

  address(end: ConnEnd): Addr | undefined {
    const known = end === LOCAL ? this.#local : this.#peer;
    if (!(known instanceof Uint8Array)) return known;
    const address = decodeAddress(known);
    this.setAddress(end, address);
    return address;
  }

  /** `address` may be a struct iocp_address or iocp_path. */
  setAddress(end: ConnEnd, address: Addr | Uint8Array): void {
    if (end === LOCAL) this.#local = address;
    else this.#peer = address;
  }
}
