// Copyright the iocp authors. MIT license.

import { mainWorkload } from "./workloads.js";

/** A server may cost at most `ratio` of what another costs. */
const goals = [
  { server: "iocp-bun", against: "c", ratio: 1.15 },
  { server: "iocp-deno", against: "c", ratio: 1.25 },
  { server: "iocp-deno", against: "deno-listen", ratio: 1 },
];

/**
 * The goals that these summaries of one workload, by server name, say anything
 * about: what they are, what was measured, and whether they are met.
 */
export function judge(workload, summaries) {
  if (workload.name !== mainWorkload) return [];
  return goals.filter(({ server, against }) =>
    summaries.has(server) && summaries.has(against)
  ).map(({ server, against, ratio }) => {
    const measured = summaries.get(server).median /
      summaries.get(against).median;
    return { server, against, ratio, measured, isMet: measured <= ratio };
  });
}

/** A goal and its verdict, in a line. */
export function describeGoal({ server, against, ratio, measured, isMet }) {
  return `${isMet ? "met" : "NOT MET"}: ${server} at most ` +
    `${ratio.toFixed(2)} x ${against}, measured ${measured.toFixed(2)}`;
}
