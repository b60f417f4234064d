// Copyright the iocp authors. MIT license.

// What is measured: each workload is a role of a server, a kind of load
// (load/main.c) with its flags, and the metrics that are shown, the main one
// first. `warmUp` is the number of messages after which a runtime has compiled
// what is hot. Paced loads pause, so they are not given real-time priority.

const KIB = 1024;
const MIB = 1024 * KIB;

const tail = ["p50Us", "p99Us"];
const busy = ["busyPercent", "loadPercent", "peakMib"];

function echo(name, connections, bytes, inFlight, warmUp) {
  return {
    name,
    role: "echo",
    load: "echo",
    metrics: ["cpuUs", "perSecond", ...tail, ...busy],
    flags: { connections, bytes, "in-flight": inFlight },
    warmUp,
    text: `${connections} connection${connections === 1 ? "" : "s"}, each ` +
      `with ${inFlight} message${inFlight === 1 ? "" : "s"} of ` +
      `${describeSize(bytes)} in flight, which the server sends back`,
  };
}

/** Every workload, in the order in which they are run. */
export const workloads = [
  echo("echo-64-x50", 50, 64, 1, 60_000),
  { ...echo("echo-64-x1", 1, 64, 1, 30_000), main: "p50Us" },
  echo("echo-64-x5000", 5000, 64, 1, 60_000),
  echo("pipelined-64-x50", 50, 64, 16, 60_000),
  echo("echo-16k-x50", 50, 16 * KIB, 1, 20_000),
  echo("echo-64k-x16", 16, 64 * KIB, 1, 5000),
  echo("echo-1m-x4", 4, MIB, 1, 500),
  {
    name: "upload-x16",
    role: "sink",
    load: "upload",
    metrics: ["cpuUs", "mibPerSecond", ...busy],
    flags: { connections: 16, bytes: 64 * KIB },
    warmUp: 10_000,
    text:
      "16 connections send as fast as the server receives; CPU is for 64 KiB",
  },
  {
    name: "download-x16",
    role: "source",
    load: "download",
    metrics: ["cpuUs", "mibPerSecond", ...busy],
    flags: { connections: 16, bytes: 64 * KIB },
    warmUp: 10_000,
    text:
      "the server sends as fast as it can on 16 connections; CPU is for 64 KiB",
  },
  {
    name: "rate-64-x50",
    role: "echo",
    load: "rate",
    isPaced: true,
    metrics: ["p99Us", "p50Us", "p999Us", "lateUs", "cpuUs", "busyPercent"],
    flags: { connections: 50, bytes: 64 },
    /* With half of the core to itself a runtime goes on compiling for seconds,
     * and each of its threads that gets the core delays a message. */
    warmUp: 200_000,
    text:
      "echo of 64 bytes on 50 connections at a fixed rate, half of what the " +
      "slowest server reaches; latency counts from the time at which a message " +
      "is due",
  },
  {
    name: "churn-x50",
    role: "echo",
    load: "churn",
    metrics: ["perSecond", "cpuUs", ...tail, ...busy],
    flags: { connections: 50, bytes: 64 },
    warmUp: 10_000,
    text: "connect, one echo of 64 bytes, end, close, 50 connections at a time",
  },
  {
    name: "broadcast-x1000",
    role: "broadcast",
    load: "broadcast",
    metrics: ["cpuUs", "perSecond", ...tail, ...busy],
    flags: { connections: 1000, bytes: 64 },
    warmUp: 100_000,
    text: "each message of 64 bytes goes to all of 1,000 connections; CPU is " +
      "for a delivery",
  },
  {
    name: "http-x50",
    role: "http",
    load: "http",
    metrics: ["cpuUs", "perSecond", ...tail, ...busy],
    flags: { connections: 50, bytes: 13 },
    warmUp: 20_000,
    text:
      "GET / on 50 connections that are kept alive; this module serves it " +
      "with node:http over conn.duplex(), the others with Deno.serve, Bun.serve " +
      "and node:http",
  },
  {
    name: "idle-8000",
    role: "echo",
    load: "idle",
    isTogether: true,
    metrics: ["bytesEach", "residentMib", "idlePercent"],
    flags: { connections: 8000, bytes: 64 },
    text: "8,000 connections that had one echo each and then are idle: the " +
      "growth of the resident memory (VmRSS) for each, and the CPU used",
  },
  {
    name: "start-up",
    role: "echo",
    load: "startup",
    metrics: ["firstEchoMs", "listeningMs", "importMs", "peakMib"],
    flags: { connections: 1, bytes: 64 },
    text:
      "from the start of the process to the first echo; the import is that " +
      "of this module alone",
  },
];

/** A size as text. */
export function describeSize(bytes) {
  if (bytes % MIB === 0) return `${bytes / MIB} MiB`;
  return bytes % KIB === 0 ? `${bytes / KIB} KiB` : `${bytes} bytes`;
}

/** The metric whose spread and ratios are shown. */
export function mainMetric({ main, metrics }) {
  return main ?? metrics[0];
}
