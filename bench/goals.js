// Copyright the iocp authors. MIT license.

import { formatMetric } from "./metrics.js";
import { entryOf, median, ratioOf, valuesOf } from "./summary.js";

const small = [
  "echo-64-x50",
  "echo-64-x500",
  "echo-64-x5000",
  "pipelined-64-x50",
  "echo-16k-x50",
];
const large = ["echo-64k-x16", "echo-1m-x4"];

const runtimes = {
  bun: {
    title: "Bun",
    iocp: "iocp-bun",
    buffer: "iocp-bun-own",
    windows: "iocp-bun-windows",
    own: "bun-listen",
    node: "node-net-bun",
  },
  deno: {
    title: "Deno",
    iocp: "iocp-deno",
    buffer: "iocp-deno-own",
    windows: "iocp-deno-windows",
    own: "deno-listen",
    node: "node-net-deno",
  },
};

/*
 * A goal: of a metric under some workloads, what `server` has is over what
 * `against` has, or alone where there is none, at most or at least so much.
 */
const both = (limit) => ({ bun: limit, deno: limit });
const goals = [
  {
    what: "echo up to 16 KiB, CPU over the C floor",
    workloads: small,
    metric: "cpuUs",
    against: "c",
    most: { bun: 1.08, deno: 1.12 },
  },
  {
    what: "echo of 64 KiB and 1 MiB, CPU over the C floor",
    workloads: large,
    metric: "cpuUs",
    against: "c",
    most: both(1.15),
  },
  {
    what: "the same with a buffer of the caller's",
    workloads: large,
    metric: "cpuUs",
    server: "buffer",
    against: "c",
    most: both(1.08),
  },
  {
    what: "echo, CPU over the runtime's own listen",
    workloads: [...small, ...large],
    metric: "cpuUs",
    against: "own",
    most: { bun: 1, deno: 0.92 },
  },
  {
    what: "the same with a buffer of the caller's",
    workloads: large,
    metric: "cpuUs",
    server: "buffer",
    against: "own",
    most: { bun: 1, deno: 0.92 },
  },
  {
    what: "echo, CPU over node:net in the same runtime",
    workloads: [...small, ...large],
    metric: "cpuUs",
    against: "node",
    most: { bun: 0.85, deno: 0.7 },
  },
  {
    what: "one connection, round trip (p50) over the runtime's own listen",
    workloads: ["echo-64-x1"],
    metric: "p50Us",
    against: "own",
    most: both(1),
  },
  {
    what: "one connection, CPU over the runtime's own listen",
    workloads: ["echo-64-x1"],
    metric: "cpuUs",
    against: "own",
    most: both(1.3),
  },
  {
    what: "fixed rate at half load, p99 over the runtime's own listen",
    workloads: ["rate-64-x50"],
    metric: "p99Us",
    against: "own",
    most: both(1),
  },
  {
    what: "resident memory of an idle connection, bytes",
    workloads: ["idle-1000", "idle-8000"],
    metric: "bytesEach",
    most: both(2047),
  },
  {
    what: "churn, connections a second over the runtime's own",
    workloads: ["churn-x50"],
    metric: "perSecond",
    against: "own",
    least: { bun: 1, deno: 1.3 },
  },
  {
    what: "broadcast to 1,000, CPU over the runtime's own",
    workloads: ["broadcast-x1000"],
    metric: "cpuUs",
    against: "own",
    most: { bun: 0.8, deno: 0.6 },
  },
  {
    // Two, and what is lost where the messages at both ends are counted.
    what: "Windows engine, calls a message besides taking batches",
    workloads: ["windows-64-x50"],
    metric: "callsEach",
    server: "windows",
    most: both(2.02),
  },
  {
    // A clock that is read twice has moved by less than a millisecond.
    what: "CPU with 1,000 idle connections, % of a core",
    workloads: ["idle-1000"],
    metric: "idlePercent",
    most: both(0.05),
  },
];

/**
 * The verdicts on all goals, one for each runtime and workload; `measured` is
 * undefined, with a reason, for those that were not measured.
 */
export function judge(results) {
  return goals.flatMap((goal) =>
    Object.keys(runtimes).flatMap((runtime) =>
      goal.workloads.map((workload) =>
        verdict(goal, runtime, workload, results)
      )
    )
  );
}

function verdict(goal, runtime, name, results) {
  const { metric, against } = goal;
  const names = runtimes[runtime];
  const server = names[goal.server ?? "iocp"];
  const other = against === "c" ? "c" : names[against];
  const limit = (goal.most ?? goal.least)[runtime];
  const found = {
    what: goal.what,
    runtime: names.title,
    workload: name,
    server,
    against: other,
    metric,
    isMost: goal.most !== undefined,
    limit,
  };
  const workload = results.workloads.find((one) => one.name === name);
  if (workload === undefined) return { ...found, reason: "not run" };
  for (const one of other === undefined ? [server] : [server, other]) {
    if (entryOf(workload, one) !== undefined) continue;
    const entry = workload.servers.find((entry) => entry.name === one);
    const failure = entry?.failure;
    return failure === undefined
      ? { ...found, reason: `no ${one}` }
      : { ...found, reason: `${one} has failed`, isMet: false };
  }
  const values = valuesOf(workload, entryOf(workload, server), metric);
  const measured = other === undefined
    ? median(values)
    : ratioOf(values, valuesOf(workload, entryOf(workload, other), metric));
  const isMet = found.isMost ? measured <= limit : measured >= limit;
  return { ...found, measured, isMet };
}

/** The limit of a verdict, in words. */
export function describeLimit({ isMost, limit, against, metric }) {
  return `${isMost ? "at most" : "at least"} ${
    formatValue(limit, against, metric, 2)
  }`;
}

/** What was measured for a verdict, or why nothing was. */
export function describeMeasured({ measured, against, metric, reason }) {
  return measured === undefined
    ? reason
    : formatValue(measured, against, metric, 3);
}

/** "met", "NOT MET", or "not measured". */
export function describeVerdict({ isMet }) {
  if (isMet === undefined) return "not measured";
  return isMet ? "met" : "NOT MET";
}

function formatValue(value, against, metric, digits) {
  return against === undefined
    ? formatMetric(metric, value)
    : value.toFixed(digits);
}
