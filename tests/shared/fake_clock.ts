// Copyright the iocp authors. MIT license.
/* A clock that only the test moves. It must be imported before the module, which
 * takes its clock from the runtime when it is loaded. */

let time = 0;
performance.now = () => time;

/** Milliseconds pass. */
export function pass(ms: number): void {
  time += ms;
}

/** The present time. */
export function clock(): number {
  return time;
}
