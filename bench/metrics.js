// Copyright the iocp authors. MIT license.

// What is read from the figures of a round; each with the title of its column
// and the decimals that it is shown with.

const MIB = 1024 * 1024;

/** Every metric by its name; `of` is given a round and its workload. */
export const metrics = {
  cpuUs: {
    title: "CPU us",
    digits: 2,
    of: ({ serverCpuSeconds, messages }) => serverCpuSeconds * 1e6 / messages,
  },
  perSecond: {
    title: "a second",
    digits: 0,
    of: ({ messages, seconds }) => messages / seconds,
  },
  mibPerSecond: {
    title: "MiB/s",
    digits: 0,
    of: ({ messages, seconds }, { bytes }) => messages * bytes / MIB / seconds,
  },
  busyPercent: {
    title: "busy %",
    digits: 0,
    of: ({ serverCpuSeconds, seconds }) => 100 * serverCpuSeconds / seconds,
  },
  loadPercent: {
    title: "load busy %",
    digits: 0,
    of: ({ loadCpuSeconds, seconds }) => 100 * loadCpuSeconds / seconds,
  },
  p50Us: {
    title: "p50 us",
    digits: 0,
    of: ({ latencyUs }) => latencyUs?.p50,
  },
  p99Us: {
    title: "p99 us",
    digits: 0,
    of: ({ latencyUs }) => latencyUs?.p99,
  },
  p999Us: {
    title: "p99.9 us",
    digits: 0,
    of: ({ latencyUs }) => latencyUs?.p999,
  },
  lateUs: {
    title: "load late p99 us",
    digits: 0,
    of: ({ lateUs }) => lateUs?.p99,
  },
  peakMib: {
    title: "peak MiB",
    digits: 1,
    of: ({ memoryKiB }) => memoryKiB?.peak / 1024,
  },
  callsEach: {
    title: "calls",
    digits: 2,
    of: ({ perMessage, byName }) => perMessage - dequeues(byName),
  },
  dequeuesEach: {
    title: "GetQueuedCompletionStatusEx",
    digits: 3,
    of: ({ byName }) => dequeues(byName),
  },
  residentMib: {
    title: "MiB with them",
    digits: 1,
    of: ({ memoryKiB }) => memoryKiB?.resident / 1024,
  },
  bytesEach: {
    title: "bytes each",
    digits: 0,
    of: (round) => grown(round, "resident"),
  },
  anonymousEach: {
    title: "anonymous each",
    digits: 0,
    of: (round) => grown(round, "anonymous"),
  },
  idlePercent: {
    title: "CPU %",
    digits: 3,
    of: ({ serverCpuSeconds, seconds }) => 100 * serverCpuSeconds / seconds,
  },
  firstEchoMs: {
    title: "first echo ms",
    digits: 1,
    of: ({ firstEchoMs }) => firstEchoMs,
  },
  listeningMs: {
    title: "listening ms",
    digits: 1,
    of: ({ listeningMs }) => listeningMs,
  },
  importMs: {
    title: "import ms",
    digits: 1,
    of: ({ importMs }) => importMs,
  },
  startCpuMs: {
    title: "CPU ms",
    digits: 1,
    of: ({ serverCpuMs }) => serverCpuMs,
  },
};

function grown({ memoryKiB, memoryBeforeKiB, connections }, what) {
  return (memoryKiB[what] - memoryBeforeKiB[what]) * 1024 / connections;
}

/** A value as it is shown; a dash for none. */
export function formatMetric(name, value) {
  return Number.isFinite(value) ? value.toFixed(metrics[name].digits) : "-";
}

function dequeues(byName) {
  return byName?.GetQueuedCompletionStatusEx ?? 0;
}
