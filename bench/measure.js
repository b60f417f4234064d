// Copyright the iocp authors. MIT license.

import process from "node:process";
import { callsOf } from "./calls/of_workload.js";
import { kinds, takesPart } from "./kinds.js";
import { descriptorsMax } from "./machine.js";
import { secondsOfRound } from "./pace.js";
import { Progress } from "./progress.js";
import { measureReach, measureRound } from "./round.js";
import { sum } from "./summary.js";

/** What a server does for longer messages depends on how full the system's
 * buffers are, and so on the load. */
const CALLS_BELOW = 1024;
/** About how long it takes to count them. */
const CALLS_SECONDS = 6;
const tooLate = "there was no time left for it";
/** Descriptors that a server has beside its connections. */
const SPARE = 200;

/**
 * Measures the servers under the workloads, each in turn, and returns the
 * figures of all rounds, and what was left out with the reason. `bench` is what
 * round.js needs, with the number of `rounds`, the `deadline` in seconds since
 * the process began, and whether `calls` are counted. `onDone` hears of each
 * workload that is done.
 */
export async function measure(bench, servers, workloads, onDone) {
  const plan = workloads.map((workload) => planOf(bench, servers, workload));
  const progress = new Progress(sum(plan.map(({ seconds }) => seconds)));
  const files = await descriptorsMax();
  const results = { workloads: [], leftOut: [] };
  for (const { workload, takers, seconds } of plan) {
    const isLate = progress.secondsFor(seconds) + process.uptime() >
      bench.deadline;
    const reason = refusal(workload, takers, files) ??
      (isLate ? tooLate : undefined);
    const done = reason === undefined
      ? await measureWorkload(bench, takers, workload, progress)
      : undefined;
    progress.clear();
    if (done !== undefined) {
      results.workloads.push(done);
      onDone(done);
    } else {
      results.leftOut.push(`${workload.name}: ${reason ?? tooLate}`);
      if (reason !== undefined) progress.advance(seconds);
    }
  }
  const reasons = results.workloads.flatMap(({ servers }) =>
    servers.flatMap(({ calls }) => calls?.reason ?? [])
  );
  for (const reason of new Set(reasons)) {
    results.leftOut.push(`system calls: ${reason}`);
  }
  return results;
}

function planOf(bench, servers, workload) {
  const takers = servers.filter((server) => takesPart(server, workload));
  const seconds = roundsOf(bench, workload) *
      secondsOfTaker(bench, workload, takers) +
    (isCounted(bench, workload) ? CALLS_SECONDS : 0);
  return { workload, takers, seconds: takers.length * seconds };
}

/* What one round of one server adds to the time. */
function secondsOfTaker(bench, workload, takers) {
  const seconds = secondsOfRound(bench, workload);
  return kinds[workload.kind].isTogether ? seconds / takers.length : seconds;
}

/* What is counted is the same each time. */
function roundsOf({ rounds }, { kind }) {
  return kinds[kind].isExact ? 1 : rounds;
}

function isCounted({ calls }, { kind, bytes }) {
  return calls && kind === "echo" && bytes < CALLS_BELOW;
}

function refusal({ connections }, takers, files) {
  if (takers.length === 0) return "none of the servers has what it asks for";
  if (connections + SPARE > files) {
    return `${connections} connections need more descriptors than the ` +
      `${files} that a process may have here (ulimit -Hn)`;
  }
  return undefined;
}

/* Undefined when the time is up. */
async function measureWorkload(bench, servers, workload, progress) {
  const entries = servers.map(({ name }) => ({ name, rounds: [] }));
  const entryOf = ({ name }) => entries.find((entry) => entry.name === name);
  // Who has failed once is not asked again.
  const attempt = async (server, what, work) => {
    const entry = entryOf(server);
    if (entry.failure !== undefined) return undefined;
    progress.begin(`${workload.name}, ${what}, ${server.name}`);
    try {
      return await work(entry);
    } catch (error) {
      entry.failure = error.message.trim();
      entry.rounds = [];
      return undefined;
    }
  };

  const seconds = secondsOfTaker(bench, workload, servers);
  const settings = workload.kind === "rate"
    ? await calibrate(bench, servers, workload, attempt)
    : {};
  const rounds = roundsOf(bench, workload);
  for (let round = 0; round < rounds; round++) {
    const what = `round ${round + 1} of ${rounds}`;
    const asked = { ...workload, ...settings, round };
    const measureOne = async (server) => {
      await attempt(server, what, async (entry) => {
        entry.rounds.push(await measureRound(bench, server, asked));
      });
      progress.advance(seconds);
    };
    for (const group of groupsOf(rotate(servers, round), workload)) {
      if (process.uptime() > bench.deadline) return undefined;
      await Promise.all(group.map(measureOne));
    }
  }
  if (isCounted(bench, workload)) {
    for (const server of servers) {
      await attempt(server, "calls", async (entry) => {
        entry.calls = await callsOf(bench, server, workload);
      });
      progress.advance(CALLS_SECONDS);
    }
  }
  return { ...workload, ...settings, servers: entries };
}

/* The rate of messages is the same for all: half of what the slowest reaches. */
async function calibrate(bench, servers, workload, attempt) {
  const reaches = {};
  for (const server of servers) {
    const reach = await attempt(
      server,
      "calibration",
      () => measureReach(bench, server, workload),
    );
    if (reach !== undefined) reaches[server.name] = Math.round(reach);
  }
  const slowest = Math.min(...Object.values(reaches));
  return { reaches, rate: Math.max(Math.round(slowest / 2), 1) };
}

/* Which servers are measured at the same time. */
function groupsOf(servers, { kind }) {
  return kinds[kind].isTogether ? [servers] : servers.map((one) => [one]);
}

/* Nobody is always the first one, or always after the same one. */
function rotate(list, by) {
  const at = by % list.length;
  const rotated = [...list.slice(at), ...list.slice(0, at)];
  return by % 2 === 0 ? rotated : rotated.reverse();
}
