// Copyright the iocp authors. MIT license.
import type { NetAddr } from "../native/address.ts";
import type { SocketError } from "../errors.ts";

/** What most connections need only at their end, if ever. It is not there
 * before, since of some thousand that are idle every word counts. */
export class Extras {
  /** Each as text or, until somebody asks, as the library tells it. */
  readonly addresses: [
    local: NetAddr | Uint8Array | undefined,
    peer: NetAddr | Uint8Array | undefined,
  ] = [undefined, undefined];
  /** What it failed with last. */
  lastError: SocketError | undefined;
  /** It holds the process alive only while it has something to finish. */
  isUnref = false;
  /** Closed by {@linkcode Socket.abandon}. */
  isAbandoned = false;
  /** It holds the process alive at present. */
  isHolding = true;
  /** While it leaves: gives up waiting for writes. */
  timer: unknown;
  onReleased: (() => void)[] | undefined;
  isDetaching = false;
  /** A detach waits for writes, */
  onDrained: (() => void) | undefined;
  /** and then for the library. */
  onDetached:
    | ((result: number, errno: number, handle: number) => void)
    | undefined;
}
