// Copyright the iocp authors. MIT license.
/* Opens, uses and closes connections at random for a while, as client and as
 * server, and then checks that no socket, handle or memory was leaked.
 *
 *   soak.ts --seconds N --seed N [--visits NAME,NAME]
 *
 * It prints its counters after each burst of visits and a summary, each a line of
 * JSON, and exits with 1 after a failure. */

import process from "node:process";
import { parseArgs } from "node:util";
import { CompletionPort, type PathAddr } from "../../mod.ts";
import { eventually, within } from "../shared/deadline.ts";
import { openHandles } from "../shared/handles.ts";
import { liveBytes } from "../shared/live_bytes.ts";
import { isWindows, newPath, unresponsivePath } from "../shared/local.ts";
import { closedAddress, unresponsiveAddress } from "../shared/network.ts";
import { Random } from "../shared/random.ts";
import { Counters } from "./counters.ts";
import { Hub } from "./hub.ts";
import { judge, type Sample } from "./memory.ts";
import type { Context } from "./context.ts";
import { KINDS, kindsOf, LACKS, pickKind, runVisit } from "./visits.ts";

/** Concurrent visits. */
const LANES = 24;
/** The longest pause between two visits of a lane, so that their rate varies. */
const REST_MS = 40;
/** After so long, all lanes end their visits, and the memory is measured. */
const BURST_SECONDS = 5;
/** Longer than any visit takes, on a machine that is busy as well. A visit that
 * exceeds it has a promise that never settles. */
const VISIT_MS = 400_000;
/** The runtime opens and closes handles of its own, for example for Workers. */
const HANDLES_SLACK = 12;
/** The soak stops after so many failures. */
const FAILURES_MAX = 10;

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "60" },
    seed: { type: "string", default: "1" },
    visits: { type: "string", default: KINDS.join() },
  },
});
const kinds = kindsOf(values.visits);
const started = performance.now();
const counters = new Counters();
const failures: string[] = [];
const samples: Sample[] = [];
const random = new Random(Number(values.seed));

function elapsed(): number {
  return (performance.now() - started) / 1000;
}

function print(line: Record<string, unknown>): void {
  console.log(JSON.stringify(line));
}

function fail(what: string, error: unknown): void {
  const { message, stack } = error as Error;
  failures.push(`${what}: ${message}`);
  console.log(`FAILED: ${what}: ${stack ?? message}`);
}

async function visit(context: Context, kind: string): Promise<void> {
  try {
    await within("every promise settled", runVisit(kind, context), VISIT_MS);
  } catch (error) {
    fail(`${kind}, seed ${context.random.seed}`, error);
  }
}

function isOver(seconds: number): boolean {
  return elapsed() >= seconds || failures.length >= FAILURES_MAX;
}

async function lane(
  context: Omit<Context, "random">,
  seconds: number,
  own: Random,
) {
  while (!isOver(seconds)) {
    const random = own.fork();
    await visit({ ...context, random }, pickKind(kinds, random.next()));
    const restMs = own.integer(0, REST_MS);
    await new Promise((resolve) => setTimeout(resolve, restMs));
  }
}

/* Runs the lanes in bursts, between which the memory is measured. */
async function runLanes(
  context: Omit<Context, "random">,
  seconds: number,
): Promise<void> {
  const lanes = Array.from({ length: LANES }, () => random.fork());
  while (!isOver(seconds)) {
    const end = Math.min(seconds, elapsed() + BURST_SECONDS);
    await Promise.all(lanes.map((own) => lane(context, end, own)));
    samples.push({ ...await liveBytes(), made: counters.made });
    printCounters();
  }
}

/* The listeners of each kind of path. */
function openLocalHubs(port: CompletionPort): Hub<PathAddr>[] {
  const kinds = isWindows ? [newPath] : [newPath, () => `\0${newPath()}`];
  return kinds.map((path) =>
    new Hub((options) => port.listen({ path: path(), ...options }), counters)
  );
}

/* Opens ports, runs the lanes on them, and checks that no socket is left open. */
async function round(seconds: number, first: readonly string[]): Promise<void> {
  const ports = Array.from({ length: 4 }, () => new CompletionPort());
  const [servers, clients, others, blocked] = ports as [
    CompletionPort,
    CompletionPort,
    CompletionPort,
    CompletionPort,
  ];
  const hub = new Hub(
    (options) => servers.listen({ hostname: "127.0.0.1", port: 0, ...options }),
    counters,
  );
  const localHubs = openLocalHubs(servers);
  const context = {
    hub,
    localHubs,
    port: clients,
    otherPort: others,
    unresponsive: await unresponsiveAddress(blocked),
    unresponsivePath: await unresponsivePath(blocked),
    closed: closedAddress,
    counters,
  };
  for (const kind of first) {
    await visit({ ...context, random: random.fork() }, kind);
  }
  await runLanes(context, seconds);
  for (const each of [hub, ...localHubs]) each.close();
  /* A visit that has failed leaves sockets open. */
  if (failures.length === 0) await requireEmpty({ servers, clients, others });
  for (const port of ports) port.close();
}

async function requireEmpty(
  ports: Record<string, CompletionPort>,
): Promise<void> {
  for (const [name, port] of Object.entries(ports)) {
    const left = () => {
      const { sockets, bytesUnsent, bytesPosted, operations } = port.stats();
      return { sockets, bytesUnsent, bytesPosted, operations };
    };
    const isEmpty = () => Object.values(left()).every((count) => count === 0);
    await eventually("all sockets are closed", isEmpty).catch(() =>
      fail(`the port of the ${name}`, new Error(JSON.stringify(left())))
    );
  }
}

function printCounters(): void {
  const { visits: _, ...totals } = counters;
  print({
    elapsed: elapsed(),
    ...totals,
    ...samples.at(-1),
    handles: openHandles(),
  });
}

async function requireHandles(before: number): Promise<void> {
  const most = before + HANDLES_SLACK;
  await eventually("handles", () => openHandles() <= most).catch(() =>
    fail("handles", new Error(`${openHandles()}, were ${before}`))
  );
}

process.on("unhandledRejection", (reason) => fail("unhandled", reason));
process.on("uncaughtException", (error) => fail("uncaught", error));

/* One visit of each kind first: what the runtime loads once and retains is not
 * measured. */
await round(0, kinds);
const handles = openHandles();
await round(Number(values.seconds), []);
await requireHandles(handles);

const memory = {
  used: judge(samples, "used"),
  resident: judge(samples, "resident"),
};
for (const [measure, { isFlat, late, early }] of Object.entries(memory)) {
  if (isFlat) continue;
  fail(`memory, ${measure}`, new Error(`${late} bytes, were ${early}`));
}
printCounters();
print({
  summary: {
    seed: Number(values.seed),
    visits: counters.visits,
    lacks: LACKS,
    memory,
    handles: { before: handles, after: openHandles() },
    failures,
  },
});
process.exitCode = failures.length === 0 ? 0 : 1;
