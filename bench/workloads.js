// Copyright the iocp authors. MIT license.

// What the load does. A further workload of a kind that exists is a line here;
// the kinds are in kinds.js. `warmUp` is the number of messages after which a
// runtime has compiled what is hot.

const KIB = 1024;
const MIB = 1024 * KIB;

function echo(name, connections, bytes, inFlight, warmUp) {
  return { name, kind: "echo", connections, bytes, inFlight, warmUp };
}

/** The workload that stands for all where there is time for one. */
export const mainWorkload = "echo-64-x50";

/** Every workload, in the order in which they are run. */
export const workloads = [
  echo("echo-64-x50", 50, 64, 1, 60_000),
  echo("echo-64-x1", 1, 64, 1, 30_000),
  echo("echo-64-x500", 500, 64, 1, 60_000),
  echo("echo-64-x5000", 5000, 64, 1, 60_000),
  echo("pipelined-64-x50", 50, 64, 16, 60_000),
  echo("echo-16k-x50", 50, 16 * KIB, 1, 20_000),
  echo("echo-64k-x16", 16, 64 * KIB, 1, 5000),
  echo("echo-1m-x4", 4, MIB, 1, 500),
  {
    name: "upload-x16",
    kind: "upload",
    connections: 16,
    bytes: 64 * KIB,
    warmUp: 10_000,
  },
  {
    name: "download-x16",
    kind: "download",
    connections: 16,
    bytes: 64 * KIB,
    warmUp: 10_000,
  },
  {
    name: "rate-64-x50",
    kind: "rate",
    connections: 50,
    bytes: 64,
    /* With half of the core to itself a runtime goes on compiling for seconds,
     * and each time one of its threads has the core somebody waits. */
    warmUp: 200_000,
  },
  { name: "wake-64-x1", kind: "wake", connections: 1, bytes: 64, warmUp: 0 },
  {
    name: "churn-x50",
    kind: "churn",
    connections: 50,
    bytes: 64,
    warmUp: 10_000,
  },
  {
    name: "broadcast-x1000",
    kind: "broadcast",
    connections: 1000,
    bytes: 64,
    warmUp: 100_000,
  },
  {
    name: "http-x50",
    kind: "http",
    connections: 50,
    bytes: 13,
    warmUp: 20_000,
  },
  { name: "idle-1000", kind: "idle", connections: 1000, bytes: 64, warmUp: 0 },
  { name: "idle-8000", kind: "idle", connections: 8000, bytes: 64, warmUp: 0 },
  {
    name: "windows-64-x50",
    kind: "windows",
    connections: 50,
    bytes: 64,
    inFlight: 1,
  },
  { name: "start-up", kind: "startup", connections: 1, bytes: 64, warmUp: 0 },
];

/** A size in words. */
export function describeSize(bytes) {
  if (bytes % MIB === 0) return `${bytes / MIB} MiB`;
  return bytes % KIB === 0 ? `${bytes / KIB} KiB` : `${bytes} bytes`;
}
