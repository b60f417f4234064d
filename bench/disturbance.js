// Copyright the iocp authors. MIT license.

import { summarize } from "./summary.js";

/** A larger share of the time makes figures doubtful. */
const QUIET = 0.03;

/**
 * In words, when a server had to wait for its core for long: others had it, or
 * other threads of the server. Undefined when all was quiet.
 */
export function describeDisturbance(workload, servers) {
  const rows = summarize(workload, servers);
  const most = Math.max(...rows.map(({ disturbed }) => disturbed || 0));
  if (most <= QUIET) return undefined;
  const waiting = rows.filter(({ disturbed }) => disturbed > QUIET)
    .map(({ server }) => server.name);
  return `not a quiet machine: ${waiting.join(", ")} waited for the core for ` +
    `up to ${(most * 100).toFixed(0)} % of the time`;
}
