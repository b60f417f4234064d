// Copyright the iocp authors. MIT license.

// What the load does. A further workload of echoed messages is a line here.

/** Every workload; `inFlight` messages at once on each connection. */
export const workloads = [
  { name: "echo-64-x1", connections: 1, bytes: 64, inFlight: 1 },
  { name: "echo-64-x50", connections: 50, bytes: 64, inFlight: 1 },
  { name: "echo-64-x500", connections: 500, bytes: 64, inFlight: 1 },
  { name: "pipelined-64-x50", connections: 50, bytes: 64, inFlight: 16 },
  { name: "echo-16k-x50", connections: 50, bytes: 16 * 1024, inFlight: 1 },
  { name: "echo-64k-x16", connections: 16, bytes: 64 * 1024, inFlight: 1 },
];

/** The workload that the goals are about. */
export const mainWorkload = "echo-64-x50";

/** A workload in words. */
export function describe({ connections, bytes, inFlight }) {
  const size = bytes < 1024 ? `${bytes} bytes` : `${bytes / 1024} KiB`;
  const many = connections === 1
    ? "1 connection"
    : `${connections} connections`;
  return `echo of ${size}, ${many}, ${inFlight} in flight on each`;
}
