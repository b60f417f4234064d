// Copyright the iocp authors. MIT license.

import { availableParallelism } from "node:os";

/** How many things run at once unless `--jobs` says otherwise. */
export const defaultJobs = availableParallelism();

/**
 * Calls `work` with every item, `jobs` at once, and returns the results in the
 * order of the items. `report(result, item)` is called in that order too, each
 * as soon as those before it are there.
 */
export async function inParallel(items, jobs, work, options = {}) {
  const { report = () => {} } = options;
  const queue = [...items.keys()];
  const results = [];
  let reported = 0;
  const worker = async () => {
    for (let i; (i = queue.shift()) !== undefined;) {
      results[i] = { value: await work(items[i]) };
      for (; results[reported]; reported++) {
        report(results[reported].value, items[reported]);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, jobs) }, worker));
  return results.map(({ value }) => value);
}
