// Copyright the iocp authors. MIT license.

import { setTimeout } from "node:timers/promises";
import { runOrThrow } from "../../scripts/setup.js";
import { median } from "../summary.js";

const TIMEOUT_MS = 300_000;
/* In which a server comes to the end of its connections. */
const SETTLE_MS = 1000;
const ROUNDS = 3;

/**
 * Has a server get about so many messages by `load`, a program and its first
 * arguments, on new connections, which end afterwards; returns how many they
 * were. What is needed to begin and to end is not among them, and is the same
 * each time.
 */
export async function sendMessages(load, port, workload, messages) {
  const [program, ...before] = load;
  const { stdout } = await runOrThrow(program, [
    ...before,
    "--port",
    String(port),
    "--connections",
    String(workload.connections),
    "--bytes",
    String(workload.bytes),
    "--in-flight",
    String(workload.inFlight ?? 1),
    "--warm-up-ms",
    "0",
    "--messages",
    String(messages),
  ], { timeout: TIMEOUT_MS });
  await setTimeout(SETTLE_MS);
  return JSON.parse(stdout).messages;
}

/**
 * The calls a message, by name, of what `count(send)` counts while
 * `send()` runs. Two counts are compared, of a few messages and of `messages`,
 * so that nothing remains of what does not depend on their number. What depends
 * on the time, such as how often a server looks in vain, differs each time: the
 * median of a few is taken.
 */
export async function countEach(load, port, workload, messages, count) {
  const counted = async (wanted) => {
    let sent;
    const byName = await count(async () => {
      sent = await sendMessages(load, port, workload, wanted);
    });
    return { byName, sent };
  };
  const rounds = [];
  while (rounds.length < ROUNDS) {
    const few = await counted(Math.ceil(messages / 20));
    const many = await counted(messages);
    rounds.push(
      new Map(
        [...many.byName].map(([name, calls]) => [
          name,
          (calls - (few.byName.get(name) ?? 0)) / (many.sent - few.sent),
        ]),
      ),
    );
  }
  const names = new Set(rounds.flatMap((round) => [...round.keys()]));
  const middle = (name) => median(rounds.map((round) => round.get(name) ?? 0));
  return Object.fromEntries(
    [...names].map((name) => [name, middle(name)])
      .sort(([, a], [, b]) => b - a),
  );
}
