// Copyright the iocp authors. MIT license.
/* Prints as JSON how the module changes pipeTo() and pipeThrough() of
 * ReadableStream: which of their properties differ, and whether pipes between
 * other streams read their arguments differently. */

import { type Conn, connect, listen } from "../../mod.ts";

const { prototype } = ReadableStream;
const NAMES = ["pipeTo", "pipeThrough"] as const;

function look(name: (typeof NAMES)[number]) {
  const descriptor = Object.getOwnPropertyDescriptor(prototype, name)!;
  const { value, ...attributes } = descriptor;
  const { length } = value;
  const members = Object.getOwnPropertyNames(value).sort();
  return { text: { ...attributes, name: value.name, length, members }, value };
}

/* Counts how often each member of the object is read. */
function counted<T extends object>(members: T, log: string[]): T {
  const result = {};
  for (const [name, value] of Object.entries(members)) {
    Object.defineProperty(result, name, {
      get: () => {
        log.push(name);
        if (value instanceof Error) throw value;
        return value;
      },
    });
  }
  return result as T;
}

async function outcome(call: () => unknown): Promise<string> {
  let result: unknown;
  try {
    result = call();
  } catch (error) {
    return `throws ${(error as Error).message}`;
  }
  try {
    await result;
  } catch (error) {
    return `rejects ${(error as Error).message}`;
  }
  return "ends";
}

function ended(): ReadableStream {
  return new ReadableStream({ start: (controller) => controller.close() });
}

/* The behaviour of pipes between streams that are not the module's. */
async function others(): Promise<unknown> {
  const log: string[] = [];
  const { signal } = new AbortController();
  const options = counted({ preventAbort: false, signal }, log);
  const to = await outcome(() => ended().pipeTo(new WritableStream(), options));
  const through = await outcome(() =>
    ended().pipeThrough(counted({ ...parts() }, log))
  );
  const failing = { signal: new Error("no signal") } as never;
  const thrown = await outcome(() =>
    ended().pipeTo(new WritableStream(), counted(failing, log))
  );
  const wrong = await outcome(() =>
    ended().pipeTo(undefined as never).catch(() => "rejected")
  );
  return { log, to, through, thrown, wrong };
}

function parts() {
  const { readable, writable } = new TransformStream();
  return { readable, writable };
}

const before = NAMES.map(look);
const othersBefore = await others();

using listener = listen({ hostname: "127.0.0.1", port: 0 });
const atListen = NAMES.map(look);
const accepted: Promise<Conn> = listener.accept();
using _client = await connect(listener.addr);
using _server = await accepted;

const after = NAMES.map(look);
console.log(JSON.stringify({
  isSameAtListen: before.every(({ value }, i) => value === atListen[i]!.value),
  isSameAfter: before.every(({ value }, i) => value === after[i]!.value),
  before: before.map(({ text }) => text),
  after: after.map(({ text }) => text),
  othersBefore,
  othersAfter: await others(),
}));
