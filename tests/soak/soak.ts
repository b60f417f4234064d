// Copyright the iocp authors. MIT license.
/* Random connections, transfers and ends of them for a while, in both roles,
 * and then the question whether everything is as it was before.
 *
 *   soak.ts --seconds N --seed N [--visits NAME,NAME]
 *
 * It writes a line of JSON a second, which scripts/soak.js shows, and ends with
 * 1 when anything was wrong. */

import process from "node:process";
import { parseArgs } from "node:util";
import { CompletionPort } from "../../mod.ts";
import { eventually, within } from "../shared/deadline.ts";
import { openHandles } from "../shared/handles.ts";
import { closedAddress, silentAddress } from "../shared/network.ts";
import { Random } from "../shared/random.ts";
import { Counters } from "./counters.ts";
import { Hub } from "./hub.ts";
import { bufferedBytes, judge, type Sample } from "./memory.ts";
import { pay, type Place, VISITS } from "./visits.ts";

/** Visits at a time. */
const LANES = 24;
/** Between two visits of a lane, so that connections come at no steady pace. */
const REST_MS = 40;
/** No visit takes as long; one that does waits for a promise in vain. */
const VISIT_MS = 180_000;
/** Handles of the runtime's own that come and go, for example of its Workers.
 */
const HANDLES_SLACK = 12;
/** With more failures the rest says nothing new. */
const FAILURES_MAX = 10;

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "60" },
    seed: { type: "string", default: "1" },
    visits: { type: "string", default: Object.keys(VISITS).join() },
  },
});
const kinds = values.visits.split(",");
const started = performance.now();
const counters = new Counters();
const failures: string[] = [];
const samples: Sample[] = [];
const random = new Random(Number(values.seed));

function elapsed(): number {
  return (performance.now() - started) / 1000;
}

function say(line: Record<string, unknown>): void {
  console.log(JSON.stringify(line));
}

function fail(what: string, error: unknown): void {
  const { message, stack } = error as Error;
  failures.push(`${what}: ${message}`);
  say({ failure: `${what}: ${stack ?? message}` });
}

function pickKind(random: Random): string {
  const total = kinds.reduce((sum, kind) => sum + VISITS[kind]!.share, 0);
  let at = random.next() * total;
  return kinds.find((kind) => (at -= VISITS[kind]!.share) < 0) ?? kinds[0]!;
}

async function visit(place: Place, kind: string): Promise<void> {
  counters.open++;
  try {
    await within("every promise settled", pay(kind, place), VISIT_MS);
  } catch (error) {
    fail(`${kind}, seed ${place.random.seed}`, error);
  } finally {
    counters.open--;
  }
}

async function lane(place: Omit<Place, "random">, seconds: number) {
  const own = random.fork();
  while (elapsed() < seconds && failures.length < FAILURES_MAX) {
    const random = own.fork();
    await visit({ ...place, random }, pickKind(random));
    const restMs = own.integer(0, REST_MS);
    await new Promise((resolve) => setTimeout(resolve, restMs));
  }
}

/* Ports, lanes that use them, and the proof that nothing is left on them. */
async function round(seconds: number, first: readonly string[]): Promise<void> {
  const ports = Array.from({ length: 4 }, () => new CompletionPort());
  const [servers, clients, others, away] = ports as [
    CompletionPort,
    CompletionPort,
    CompletionPort,
    CompletionPort,
  ];
  const hub = new Hub(servers, counters);
  const place = {
    hub,
    port: clients,
    otherPort: others,
    silent: await silentAddress(away),
    closed: closedAddress,
    counters,
  };
  for (const kind of first) {
    await visit({ ...place, random: random.fork() }, kind);
  }
  await Promise.all(
    Array.from({ length: LANES }, () => lane(place, seconds)),
  );
  hub.close();
  /* A visit that went wrong has left things open. */
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
    await eventually("nothing is left", isEmpty).catch(() =>
      fail(`the port of the ${name}`, new Error(JSON.stringify(left())))
    );
  }
}

function tell(): void {
  const kept = bufferedBytes();
  const { made, open, bytes, resets, workers, errors } = counters;
  if (isWarm) samples.push({ bytes: kept, made });
  say({
    elapsed: elapsed(),
    made,
    open,
    bytes,
    resets,
    workers,
    errors,
    kept,
    rss: process.memoryUsage().rss,
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

/* One visit of each kind first, so that what a runtime loads and keeps from
 * then on is there before anything is measured. */
let isWarm = false;
await round(0, kinds);
const handles = openHandles();
isWarm = true;
const timer = setInterval(tell, 1000);
await round(Number(values.seconds), []);
clearInterval(timer);
await requireHandles(handles);

const memory = judge(samples);
if (!memory.isFlat && !memory.isTooShort) {
  fail("memory", new Error(`${memory.late} bytes, were ${memory.early}`));
}
tell();
say({
  summary: {
    seed: Number(values.seed),
    visits: counters.visits,
    memory,
    handles: { before: handles, after: openHandles() },
    failures,
  },
});
process.exitCode = failures.length === 0 ? 0 : 1;
