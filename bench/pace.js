// Copyright the iocp authors. MIT license.

/** How long things take, by the options of the command line. */
export function paceOf({ quick, seconds, settle }) {
  const pace = quick
    ? {
      warmUpMs: 100,
      warmUpShare: 0.1,
      probeSeconds: 0.1,
      idleMs: 500,
    }
    : {
      warmUpMs: 500,
      warmUpShare: 1,
      probeSeconds: 0.5,
      idleMs: 2000,
    };
  return {
    ...pace,
    seconds,
    settleMs: Math.round(1000 * settle),
    timeout: 90_000 + 2000 * (seconds + settle),
  };
}

/** About how many seconds a round takes. */
export function secondsOfRound(pace, { kind, connections }) {
  const start = 0.3 + connections / 8000;
  if (kind === "startup") return start;
  if (kind === "windows") return 15;
  if (kind === "idle") return start + (2 * pace.settleMs + pace.idleMs) / 1000;
  return start + 1.5 * pace.warmUpMs / 1000 + pace.seconds;
}
