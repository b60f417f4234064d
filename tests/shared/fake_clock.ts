// Copyright the iocp authors. MIT license.
/* A clock that only the test moves, with its timers. It must be imported before the
 * module, which takes both from the runtime when it is loaded. */

export interface Timer {
  readonly run: () => void;
  readonly at: number;
}

let time = 0;
/** The timers that are set. */
export const timers: Set<Timer> = new Set();

Object.assign(globalThis, {
  setTimeout: (run: () => void, ms: number): Timer => {
    const timer = { run, at: time + ms };
    timers.add(timer);
    return timer;
  },
  clearTimeout: (timer: Timer) => timers.delete(timer),
});
performance.now = () => time;

/** Milliseconds pass, and timers fire. */
export function pass(ms: number): void {
  const end = time + ms;
  for (;;) {
    const [next] = [...timers].filter(({ at }) => at <= end)
      .sort((a, b) => a.at - b.at);
    if (next === undefined) break;
    time = next.at;
    timers.delete(next);
    next.run();
  }
  time = end;
}

/** The present time. */
export function clock(): number {
  return time;
}
