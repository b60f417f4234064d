// Copyright the iocp authors. MIT license.

/** What the end of a connection needs. Most have a long life before it, so it is
 * not there until then. */
export class Leaving {
  /** Gives up waiting for writes. */
  timer: unknown;
  onReleased: (() => void)[] = [];
  isDetaching = false;
  /** A detach waits for writes, */
  onDrained: (() => void) | undefined;
  /** and then for the library. */
  onDetached: ((result: number, detail: number) => void) | undefined;
}
