// Copyright the iocp authors. MIT license.
/* Limits on waiting, so that a test fails rather than hangs. They are generous:
 * no test measures how long something takes. */

/** More than any wait takes, even on a slow machine. */
export const DEADLINE_MS = 60_000;

/** The same for a program that does many things one after the other. */
export const LIFETIME_MS: number = 5 * DEADLINE_MS;

/** Resolves after this time. */
export function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Settles as `promise` does, or rejects after `ms`. */
export async function within<T>(
  what: string,
  promise: Promise<T>,
  ms: number = DEADLINE_MS,
): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`${what}: not within ${ms} ms`)),
      ms,
    );
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Polls until `check` returns true; rejects after `ms`, also while a promise of
 * `check` is pending.
 */
export async function eventually(
  what: string,
  check: () => boolean | Promise<boolean>,
  ms: number = DEADLINE_MS,
): Promise<void> {
  let isLate = false;
  const poll = async () => {
    while (!await check() && !isLate) await delay(5);
  };
  try {
    await within(what, poll(), ms);
  } finally {
    isLate = true;
  }
}

/**
 * Resolves with `value` once it has not changed for 200 ms, so that what was in
 * progress has stopped.
 */
export async function settled(
  what: string,
  value: () => number,
): Promise<number> {
  let last = value();
  let same = 0;
  await eventually(what, async () => {
    await delay(20);
    const next = value();
    same = next === last ? same + 1 : 0;
    last = next;
    return same >= 10;
  });
  return last;
}

/** Whether the promise has settled, or does within 30 ms. */
export async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol();
  const done = promise.then(() => {}, () => {});
  const late = delay(30).then(() => pending);
  return await Promise.race([done, late]) !== pending;
}
