// Copyright the iocp authors. MIT license.

// What the rounds of a workload come to. Nothing here measures.

import { kinds } from "./kinds.js";
import { metrics } from "./metrics.js";

/** The value that `share` of some numbers do not exceed, between its neighbours
 * by distance; with 0.5 the median. */
export function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (sorted.length - 1) * share;
  const below = sorted[Math.floor(at)];
  return below + (sorted[Math.ceil(at)] - below) * (at - Math.floor(at));
}

/** Of numbers. */
export function sum(values) {
  return values.reduce((total, value) => total + value, 0);
}

/** The middle one of some numbers, or the mean of the two middle ones. */
export function median(values) {
  return quantile(values, 0.5);
}

/** Median, extremes and quartiles. */
export function spread(values) {
  return {
    median: median(values),
    min: quantile(values, 0),
    q1: quantile(values, 0.25),
    q3: quantile(values, 0.75),
    max: quantile(values, 1),
  };
}

/**
 * What one server has measured, over another: the median of the ratios of their
 * rounds. What disturbs the machine for a while disturbs both of a round.
 */
export function ratioOf(values, others) {
  const pairs = Math.min(values.length, others.length);
  if (pairs === 0) return NaN;
  return median(values.slice(0, pairs).map((value, i) => value / others[i]));
}

/** The values of a metric in the rounds of a server, NaN where there is none. */
export function valuesOf(workload, entry, name) {
  const { of } = metrics[name];
  return entry.rounds.map((round) => of(round, workload) ?? NaN);
}

/** The rounds of a server under a workload, when there are any. */
export function entryOf(workload, name) {
  const entry = workload.servers.find((entry) => entry.name === name);
  return entry === undefined || entry.rounds.length === 0 ? undefined : entry;
}

/**
 * The rows of a workload, one for each server that was asked for it: the spread
 * of the main metric, its ratios to the C floor, to the runtime's own sockets
 * and to node:net in the same runtime, and medians of the others.
 */
export function summarize(workload, servers) {
  const { main, others } = kinds[workload.kind];
  return workload.servers.map((entry) => {
    const server = servers.find(({ name }) => name === entry.name);
    const values = valuesOf(workload, entry, main);
    const over = (name) => {
      const other = name === entry.name ? undefined : entryOf(workload, name);
      return other === undefined
        ? NaN
        : ratioOf(values, valuesOf(workload, other, main));
    };
    return {
      server,
      failure: entry.failure,
      main: spread(values),
      ratios: { c: over("c"), own: over(server.own), node: over(server.node) },
      others: others.map((name) => ({
        name,
        median: median(valuesOf(workload, entry, name)),
      })),
      calls: entry.calls,
      disturbed: median(entry.rounds.map(({ disturbed }) => disturbed)),
    };
  });
}
