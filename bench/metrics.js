// Copyright the iocp authors. MIT license.

// What is computed from the figures of a round: the title of its column, the
// decimals that it is shown with, and the value of a round.

const MIB = 1024 * 1024;

const metric = (title, digits, of) => ({ title, digits, of });
const latency = (title, quantile) =>
  metric(title, 0, ({ latencyUs }) => latencyUs?.[quantile]);

/** Every metric by its name. */
export const metrics = {
  cpuUs: metric(
    "CPU us",
    2,
    ({ serverCpuSeconds, messages }) => serverCpuSeconds * 1e6 / messages,
  ),
  perSecond: metric(
    "a second",
    0,
    ({ messages, seconds }) => messages / seconds,
  ),
  mibPerSecond: metric(
    "MiB/s",
    0,
    ({ messages, seconds }, { bytes }) => messages * bytes / MIB / seconds,
  ),
  busyPercent: metric(
    "busy %",
    0,
    ({ serverCpuSeconds, seconds }) => 100 * serverCpuSeconds / seconds,
  ),
  loadPercent: metric(
    "load busy %",
    0,
    ({ loadCpuSeconds, seconds }) => 100 * loadCpuSeconds / seconds,
  ),
  p50Us: latency("p50 us", "p50"),
  p99Us: latency("p99 us", "p99"),
  p999Us: latency("p99.9 us", "p999"),
  lateUs: metric("load late p99 us", 0, ({ lateUs }) => lateUs?.p99),
  peakMib: metric("peak MiB", 1, ({ memoryKiB }) => memoryKiB?.peak / 1024),
  residentMib: metric(
    "MiB with them",
    1,
    ({ memoryKiB }) => memoryKiB?.resident / 1024,
  ),
  bytesEach: metric(
    "bytes each",
    0,
    ({ memoryKiB, memoryBeforeKiB, connections }) =>
      (memoryKiB.resident - memoryBeforeKiB.resident) * 1024 / connections,
  ),
  idlePercent: metric(
    "CPU %",
    3,
    ({ serverCpuSeconds, seconds }) => 100 * serverCpuSeconds / seconds,
  ),
  firstEchoMs: metric("first echo ms", 1, ({ firstEchoMs }) => firstEchoMs),
  listeningMs: metric("listening ms", 1, ({ listeningMs }) => listeningMs),
  importMs: metric("import ms", 1, ({ importMs }) => importMs),
};

/** The values of a metric in the rounds of a server. */
export function valuesOf(rounds, name, workload) {
  return rounds.map((round) => metrics[name].of(round, workload.flags) ?? NaN);
}

/** A value as it is shown; a dash where there is none. */
export function formatMetric(name, value) {
  return Number.isFinite(value) ? value.toFixed(metrics[name].digits) : "-";
}
