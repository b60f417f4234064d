// Copyright the iocp authors. MIT license.

// What is measured: each workload is a role of a server, a kind of load
// (load/main.c) with its options, and the metrics that are shown, the main one
// first. After `warmUp` messages a runtime has compiled what is hot.

const KIB = 1024;

const percent = (seconds, of) => 100 * seconds / of.seconds;
const metric = (title, digits, of) => ({ title, digits, of });

/** Every metric: its title, its decimals, and its value in a round. */
export const metrics = {
  cpuUs: metric("CPU us", 2, (r) => r.serverCpuSeconds * 1e6 / r.messages),
  perSecond: metric("a second", 0, (r) => r.messages / r.seconds),
  p50Us: metric("p50 us", 0, (r) => r.p50Us),
  p99Us: metric("p99 us", 0, (r) => r.p99Us),
  lateUs: metric("load late p99 us", 0, (r) => r.lateP99Us),
  busyPercent: metric("busy %", 1, (r) => percent(r.serverCpuSeconds, r)),
  loadPercent: metric("load busy %", 0, (r) => percent(r.loadCpuSeconds, r)),
  lostPercent: metric("lost %", 0, (r) => 100 * (1 - r.messages / r.sent)),
  bytesEach: metric("bytes each", 0, (r) => r.bytesEach),
};

const common = ["perSecond", "p99Us", "busyPercent", "loadPercent"];

function workload(name, connections, bytes, settings) {
  return {
    ...{ name, role: "echo", load: "echo", options: { connections, bytes } },
    metrics: ["cpuUs", "p50Us", ...common],
    ...settings,
  };
}

function datagrams(name, bytes, role, text, rate = 0) {
  const load = role === "send" ? "loadPercent" : "lostPercent";
  return workload(`datagram-${name}-${bytes}`, 1, bytes, {
    ...{ role, load: `datagram_${role}`, warmUp: 1_000_000, text },
    options: { connections: 1, bytes, rate },
    metrics: ["cpuUs", "perSecond", "busyPercent", load],
  });
}

const flood = "Datagrams of 64 bytes, more than the server can receive: the " +
  "kernel drops the others. Figures are for one that is received.";

/** Every workload, in the order in which they are run. */
export const workloads = [
  workload("echo-64-x50", 50, 64, {
    warmUp: 60_000,
    text:
      "50 connections, each with one message of 64 bytes in flight, which " +
      "the server sends back.",
  }),
  ...[["16k", 50, 16], ["64k", 16, 64], ["1m", 4, 1024]].map(([name, n, kib]) =>
    workload(`echo-${name}-x${n}`, n, kib * KIB, {
      warmUp: 320_000 / kib,
      text: `${n} connections, each with one message of ${kib} KiB in flight.`,
    })
  ),
  workload("echo-64-x1", 1, 64, {
    metrics: ["p50Us", "cpuUs", ...common],
    warmUp: 30_000,
    text: "One connection with one message of 64 bytes in flight.",
  }),
  workload("rate-64-x50", 50, 64, {
    load: "rate",
    options: { connections: 50, bytes: 64, rate: 40_000 },
    metrics: ["p99Us", "p50Us", "lateUs", "cpuUs", "busyPercent"],
    // With half of a core to itself a runtime goes on compiling for seconds.
    warmUp: 200_000,
    text: "Echo of 64 bytes on 50 connections, 40,000 messages a second in " +
      "all; latency counts from the time at which a message is due.",
  }),
  workload("churn-x50", 50, 64, {
    load: "churn",
    warmUp: 10_000,
    text: "Connect, one echo of 64 bytes, end, close, on 50 connections at a " +
      "time; figures are for a connection.",
  }),
  workload("broadcast-x1000", 1000, 64, {
    ...{ role: "broadcast", load: "broadcast", warmUp: 100_000 },
    text:
      "Each message of 64 bytes goes to all of 1,000 connections; figures " +
      "are for a delivery, the latency is that of the last one.",
  }),
  workload("idle-8000", 8000, 64, {
    ...{ role: "idle", load: "idle", isTogether: true },
    metrics: ["bytesEach", "busyPercent"],
    text:
      "8,000 connections that had one echo each and then are idle, beside " +
      "2,000 that came before: the growth of the resident memory (VmRSS) for " +
      "each, and the CPU used.",
  }),
  workload("http-x50", 50, 13, {
    ...{ role: "http", load: "http", warmUp: 20_000 },
    text: "GET / on 50 connections that are kept alive.",
  }),
  datagrams("receive", 64, "receive", flood),
  datagrams("receive", 1200, "receive", "The same of 1,200 bytes."),
  datagrams("rate", 64, "receive", "50,000 a second of 64 bytes.", 50_000),
  datagrams("send", 64, "send", "32 datagrams of 64 bytes in answer to each."),
  datagrams("send", 1200, "send", "The same of 1,200 bytes."),
];
