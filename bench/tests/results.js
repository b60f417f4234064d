// Copyright the iocp authors. MIT license.

// Results that nobody has measured, for the tests of what is made of them.

/** Results of echoes under one workload: microseconds of CPU by server. */
export function resultsOf(name, cpuUs) {
  const servers = Object.keys(cpuUs);
  return {
    date: "2020-01-02T03:04:05.678Z",
    commit: { hash: "0".repeat(40), isChanged: false },
    command: "npm run bench --",
    machine: {
      cpu: "a processor",
      cores: 2,
      memoryGib: 4,
      system: "Linux 1.2.3",
      deno: "2.0.0",
      bun: "1.0.0",
      node: "20.0.0",
    },
    settings: {
      rounds: 2,
      seconds: 1,
      settle: 25,
      realtime: false,
      quick: false,
    },
    leftOut: ["something: for some reason"],
    servers: servers.map((name) => ({
      name,
      title: name,
      runtime: "some",
      ...owners[name],
    })),
    workloads: [{
      name,
      kind: "echo",
      connections: 50,
      bytes: 64,
      inFlight: 1,
      servers: servers.map((name) => ({
        name,
        rounds: cpuUs[name].map(roundOf),
      })),
    }],
  };
}

const owners = {
  "iocp-deno": { own: "deno-listen", node: "node-net-deno" },
  "iocp-bun": { own: "bun-listen", node: "node-net-bun" },
};

function roundOf(cpuUs) {
  return {
    messages: 1000,
    seconds: 1,
    serverCpuSeconds: cpuUs / 1000,
    latencyUs: { count: 1000, p50: 10, p90: 20, p99: 30, p999: 40, max: 50 },
    memoryKiB: { resident: 2048, anonymous: 1024, peak: 4096 },
    disturbed: 0,
  };
}
