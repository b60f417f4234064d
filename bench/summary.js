// Copyright the iocp authors. MIT license.

/** The middle one of some numbers, or the mean of the two middle ones. */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length % 2 === 1) return sorted[middle];
  return (sorted[middle - 1] + sorted[middle]) / 2;
}

/** What the rounds of one server come to; CPU in microseconds a message. */
export function summarize(rounds) {
  const cpu = rounds.map(({ cpuUs }) => cpuUs);
  return {
    median: median(cpu),
    min: Math.min(...cpu),
    max: Math.max(...cpu),
    perSecond: median(
      rounds.map(({ messages, seconds }) => messages / seconds),
    ),
    p50Us: median(rounds.map(({ latencyUs }) => latencyUs.p50)),
    disturbed: median(rounds.map(({ disturbed }) => disturbed)),
    p99Us: median(rounds.map(({ latencyUs }) => latencyUs.p99)),
  };
}
