// Copyright the iocp authors. MIT license.
/* Guards against waiting for ever. They are generous, and no test is about how
 * long something takes. */

/** What nothing here takes, on the slowest of machines. */
export const DEADLINE_MS = 60_000;

/** Resolves after that time. */
export function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** The same as `promise`, but it fails when that takes too long. */
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

/** Resolves once `check` returns true, and fails when that takes too long. */
export async function eventually(
  what: string,
  check: () => boolean | Promise<boolean>,
): Promise<void> {
  const end = Date.now() + DEADLINE_MS;
  while (!await check()) {
    if (Date.now() > end) {
      throw new Error(`${what}: not within ${DEADLINE_MS} ms`);
    }
    await delay(5);
  }
}

/**
 * Resolves once `value` has stayed the same for a while: what was under way
 * has come to its stop.
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

/** True when the promise has settled already, or does in a few turns. */
export async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol();
  const done = promise.then(() => {}, () => {});
  const turns = delay(30).then(() => pending);
  return await Promise.race([done, turns]) !== pending;
}
