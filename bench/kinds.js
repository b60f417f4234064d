// Copyright the iocp authors. MIT license.

// The kinds of workloads: which role of a server is asked for, which load
// (load/main.c) asks, and what is shown of it. `main` is the metric whose spread
// and ratios are shown; `unit` is what counts as a message.
//
// What `isPaced` has pauses, in which the load watches the clock and a server may
// poll. With the priority of --realtime both would hold their cores all the time,
// and Linux gives 50 ms of each second to others then (sched_rt_runtime_us, the
// deadline server), which would be the slowest answers.
//
// What `isTogether` mostly waits, so all servers are measured at the same time.

import { describeSize } from "./workloads.js";

const latencies = ["p50Us", "p99Us", "p999Us"];
/* Of the server and of the load: who is the limit. */
const busy = ["busyPercent", "loadPercent"];
const connectionsOf = ({ connections }) =>
  connections === 1 ? "1 connection" : `${connections} connections`;

/** Every kind by its name. */
export const kinds = {
  echo: {
    role: "echo",
    load: "echo",
    main: "cpuUs",
    unit: "a message",
    others: ["perSecond", ...latencies, ...busy, "peakMib"],
    text: (workload) =>
      `echo of ${describeSize(workload.bytes)}, ` +
      `${connectionsOf(workload)}, ${workload.inFlight} in flight on each`,
  },
  upload: {
    role: "sink",
    load: "upload",
    main: "cpuUs",
    unit: "64 KiB",
    others: ["mibPerSecond", ...busy, "peakMib"],
    text: (workload) =>
      `${connectionsOf(workload)} send as fast as the server takes it, which ` +
      `answers in the end with the number of bytes`,
  },
  download: {
    role: "source",
    load: "download",
    main: "cpuUs",
    unit: "64 KiB",
    others: ["mibPerSecond", ...busy, "peakMib"],
    text: (workload) =>
      `the server sends on ${connectionsOf(workload)} as fast as it can`,
  },
  rate: {
    role: "echo",
    load: "rate",
    isPaced: true,
    main: "p99Us",
    unit: "a message",
    others: ["p50Us", "p999Us", "lateUs", "cpuUs", "busyPercent"],
    text: (workload) =>
      `echo of ${describeSize(workload.bytes)} at ` +
      `${workload.rate ?? "a fixed number of"} messages a second on ` +
      `${connectionsOf(workload)}, half of what the slowest server reaches; ` +
      `latency counts from the moment at which a message is due`,
  },
  wake: {
    role: "echo",
    load: "rate",
    isPaced: true,
    main: "p50Us",
    unit: "a message",
    others: ["p99Us", "p999Us", "lateUs", "cpuUs"],
    text: (workload) =>
      `echo of ${describeSize(workload.bytes)} on ${
        connectionsOf(workload)
      }, ` +
      `each 10 to 20 ms after the one before, so that the server has to wake up`,
  },
  churn: {
    role: "echo",
    load: "churn",
    main: "perSecond",
    unit: "a connection",
    others: ["cpuUs", ...latencies, ...busy, "peakMib"],
    text: (workload) =>
      `connect, echo of ${describeSize(workload.bytes)}, end, close, ` +
      `${connectionsOf(workload)} at a time; latency is from the connect to ` +
      `the echo`,
  },
  broadcast: {
    role: "broadcast",
    load: "broadcast",
    main: "cpuUs",
    unit: "a delivery",
    others: ["perSecond", ...latencies, ...busy, "peakMib"],
    text: (workload) =>
      `a message of ${describeSize(workload.bytes)} goes to all of ` +
      `${
        connectionsOf(workload)
      }, then the next; latency is that of the last ` +
      `one that gets it`,
  },
  http: {
    role: "http",
    load: "http",
    main: "cpuUs",
    unit: "a request",
    others: ["perSecond", ...latencies, ...busy, "peakMib"],
    text: (workload) =>
      `GET / with an answer of ${describeSize(workload.bytes)} on ` +
      `${connectionsOf(workload)} that are kept, one request at a time on ` +
      `each; this module by its duplex under node:http, the others by ` +
      `Deno.serve, Bun.serve and node:http`,
  },
  idle: {
    role: "echo",
    load: "idle",
    isTogether: true,
    main: "bytesEach",
    unit: "a connection",
    others: ["anonymousEach", "residentMib", "idlePercent"],
    text: (workload) =>
      `${connectionsOf(workload)} that had one message echoed and then say ` +
      `nothing: by how much the resident memory (VmRSS) has grown for each, ` +
      `and the CPU time meanwhile`,
  },
  windows: {
    role: "windows",
    load: "echo",
    isExact: true,
    main: "callsEach",
    unit: "a message",
    others: ["dequeuesEach"],
    text: (workload) =>
      `echo of ${describeSize(workload.bytes)}, ${connectionsOf(workload)}, ` +
      `on the Windows engine under Wine: calls of Winsock and of the ` +
      `completion port for each message, but for the share that it has of ` +
      `taking a batch out of the port, and that share`,
  },
  startup: {
    role: "echo",
    load: "startup",
    main: "firstEchoMs",
    unit: "a start",
    others: ["listeningMs", "importMs", "startCpuMs", "peakMib"],
    text: () =>
      `from the start of the process to the first echo to a first connection; ` +
      `the import is that of this module alone`,
  },
};

/** Whether a server has what a workload asks for. */
export function takesPart(server, workload) {
  const { role } = kinds[workload.kind];
  if (server.roles[role] === undefined) return false;
  return workload.bytes >= (server.bytesMin ?? 0);
}

/** A workload in words. */
export function describeWorkload(workload) {
  return kinds[workload.kind].text(workload);
}

/** What CPU time is for, where it is for anything. */
export function describeUnit({ kind }) {
  const { main, others, unit } = kinds[kind];
  const hasCpu = [main, ...others].includes("cpuUs");
  return hasCpu ? `; CPU us are for ${unit}` : "";
}
