// Copyright the iocp authors. MIT license.
/* Compares the table of options with the library, the types, the documentation and
 * the behaviour of sockets. An option that is added to the table is tested without
 * a change here. */

import assert from "node:assert/strict";
import process from "node:process";
import { describe, test } from "node:test";
import {
  CompletionPort,
  connect,
  type ConnectOptions,
  type ConnOptions,
  type ConnOptionsInForce,
  type DatagramOptions,
  type DatagramOptionsInForce,
  listen,
  type ListenOptions,
  type ListenOptionsInForce,
  NotSupported,
} from "../mod.ts";
import { GROUP } from "../src/native/completion.ts";
import type { Given, InForce } from "../src/options/settings.ts";
import { type Option, OPTIONS } from "../src/options/table.ts";
import { eventually } from "./shared/deadline.ts";
import { nativeOptions, readText } from "./shared/header.ts";
import { pair } from "./shared/pair.ts";

const isWindows = process.platform === "win32";
const list: [key: string, option: Option][] = Object.entries(OPTIONS);

/* ---- the types */

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends
  (<T>() => T extends B ? 1 : 2) ? true : false;
type Flat<T> = { [K in keyof T]: T[K] };

/* Options of the call itself, and not of the sockets that it makes. */
type OwnOfListen =
  | "port"
  | "hostname"
  | "path"
  | "transport"
  | "tcpBacklog"
  | "fd"
  | "share"
  | "handle"
  | "ticket"
  | "blockList"
  | "tls";
type OwnOfConnect =
  | "port"
  | "hostname"
  | "path"
  | "transport"
  | "signal"
  | "localAddress"
  | "tls"
  | "autoSelectFamilyAttemptTimeout";

/* The documented interfaces have exactly the options of the table. */
export const SAME: readonly [
  Same<Flat<Omit<ConnOptions, "onEvent">>, Flat<Given<"conn">>>,
  Same<
    Flat<Omit<ListenOptions, OwnOfListen | keyof ConnOptions>>,
    Flat<Given<"listen">>
  >,
  Same<
    Flat<Omit<ConnectOptions, OwnOfConnect | keyof ConnOptions>>,
    Flat<Given<"connect">>
  >,
  Same<Flat<ConnOptionsInForce>, Flat<InForce<"conn">>>,
  Same<Flat<ListenOptionsInForce>, Flat<InForce<"listen">>>,
  Same<Flat<DatagramOptions>, Flat<Given<"datagram">>>,
  Same<Flat<DatagramOptionsInForce>, Flat<InForce<"datagram">>>,
] = [true, true, true, true, true, true, true];

/* ---- the library */

interface Numbered {
  name: string;
  native: number;
  owner: string | undefined;
  min: number;
  max: number;
}

/* "keepAlive.idle" is KEEP_ALIVE_IDLE. */
function nativeName(name: string): string {
  if (name === "receive.bufferSize") return "RECEIVE_BUFFER";
  return name.replace(/[A-Z]/g, (letter) => `_${letter}`).replace(".", "_")
    .toUpperCase();
}

function numbered(): Numbered[] {
  return list.flatMap(([key, option]) => {
    const { native, owner, members = {}, min = 0, max = 1 } = option;
    const own = native === undefined ? [] : [{ name: key, native, min, max }];
    const inner = Object.entries(members).flatMap(([name, member]) =>
      member.native === undefined
        ? []
        : [{ ...member, name: `${key}.${name}`, native: member.native }]
    );
    return [...own, ...inner].map((one) => ({ ...one, owner }));
  });
}

test("The table has the options of iocp_option.h", () => {
  const ours = numbered().map(({ name, native, owner, min, max }) => ({
    name: nativeName(name),
    number: native,
    owner: owner?.toUpperCase(),
    min: name === "receive.bufferSize" ? 0 : min,
    max,
  }));
  const theirs = nativeOptions().filter(({ number }) => number !== GROUP)
    .map(({ name, number, owner, min, max }) => ({
      name,
      number,
      owner,
      min,
      max,
    }));
  const byNumber = (a: { number: number }, b: { number: number }) =>
    a.number - b.number;
  assert.ok(theirs.length > 10);
  assert.deepEqual(ours.sort(byNumber), theirs.sort(byNumber));
});

/* ---- the documentation */

const SOURCES = {
  conn: "src/options/conn.ts",
  listen: "src/options/listen.ts",
  connect: "src/options/connect.ts",
  datagram: "src/options/datagram.ts",
};

/* The doc comment of an option, as one line. */
function docOf(key: string, { scope }: Option): string {
  const pattern = new RegExp(
    `/\\*\\*((?:(?!\\*/)[^])*)\\*/\\n  ${key}\\?:`,
  );
  const found = pattern.exec(readText(SOURCES[scope]));
  assert.ok(found, `no doc comment of ${key}`);
  return found[1]!.replace(/\s*\n\s*\* ?/g, " ").replaceAll(",", "")
    .replaceAll("_", "");
}

/* The columns of the row of an option in docs/options.md. */
function rowOf(key: string): string[] {
  const row = readText("docs/options.md").split("\n").find((line) =>
    line.startsWith(`| \`${key}\` `)
  );
  assert.ok(row, `docs/options.md has no row for ${key}`);
  return row.split("|").map((cell) => cell.trim().replaceAll(",", ""));
}

describe("The documentation agrees with the table about", () => {
  for (const [key, option] of list) {
    test(key, () => {
      const doc = docOf(key, option);
      const [, , fallback, range] = rowOf(key);
      if (option.default !== undefined) {
        assert.match(doc, new RegExp(`@default \\{${option.default}\\}`));
        assert.match(fallback!, new RegExp(`\\b${option.default}\\b`));
      }
      if (option.min === undefined) return;
      const { min, max } = option;
      assert.ok(doc.includes(`from ${min} to ${max}`), doc);
      assert.equal(range, `${min} to ${max}`);
    });
    if (option.unsupported === undefined) continue;
    test(`the systems that have no ${key}`, () => {
      assert.match(docOf(key, option), /NotSupported/);
      const text = readText("docs/options.md");
      const section = text.split("## Where a system lacks an option")[1];
      assert.ok(section?.includes(`\`${key}\``), `no ${key} in docs`);
    });
  }
});

/* ---- the sockets */

/* Valid values of an option. The last one is not the default. */
function samplesOf({ kind, min, max, ...option }: Option): unknown[] {
  switch (kind) {
    case "boolean":
      return [option.default, !option.default];
    case "keepAlive":
      return [true, { idle: 61 }, { idle: 32767, interval: 1, count: 127 }];
    case "receive":
      return [{ mode: "flow", bufferSize: 5000 }, { mode: "zero-byte" }];
    default:
      return [max, min, Math.min(max!, min! + 1234)];
  }
}

/* Whether the value that is read back is the one that was set. */
function isInForce(value: unknown, set: unknown, { kind }: Option): boolean {
  if (kind === "keepAlive" && set === true) return typeof value === "object";
  if (typeof set === "object" && set !== null) {
    if (typeof value !== "object" || value === null) return false;
    return Object.entries(set).every(([name, member]) =>
      (value as Record<string, unknown>)[name] === member
    );
  }
  if (kind !== "milliseconds" || typeof set !== "number") return value === set;
  /* Some systems round to whole seconds. */
  const rounded = Math.min(Math.ceil(set / 1000) * 1000, 2 ** 31 - 1);
  return value === set || isWindows && value === rounded;
}

/* An option that the system lacks accepts its default, but cannot be read. */
function checkInForce(read: unknown, value: unknown, option: Option): void {
  const isMissing = isWindows && option.unsupported !== undefined &&
    read === undefined && value === option.default;
  assert.ok(isMissing || isInForce(read, value, option), `${value}: ${read}`);
}

/* NotSupported is allowed only where the table has a reason, which it must have. */
function checkUnsupported(error: unknown, key: string, option: Option): void {
  assert.ok(error instanceof NotSupported, `${key}: ${error}`);
  assert.ok(isWindows && option.unsupported !== undefined, `${error}`);
  assert.equal(error.message, `Cannot set ${key}: ${option.unsupported}`);
}

const ofConn = list.filter(([, { scope }]) => scope === "conn");

for (const [key, option] of ofConn) {
  const inForce = (of: { options: unknown }): unknown =>
    (of.options as Record<string, unknown>)[key];

  test(`conn.setOptions() changes ${key}, and conn.options has it`, async () => {
    using ends = await pair();
    const { client } = ends;
    for (const value of samplesOf(option)) {
      try {
        client.setOptions({ [key]: value });
      } catch (error) {
        checkUnsupported(error, key, option);
        assert.equal(inForce(client), undefined);
        assert.equal(client.lastError, undefined);
        continue;
      }
      checkInForce(inForce(client), value, option);
    }
  });

  test(`listen() and connect() set ${key}`, async () => {
    for (const value of samplesOf(option)) {
      const options = { [key]: value };
      try {
        using ends = await pair(options);
        for (const conn of [ends.client, ends.server]) {
          checkInForce(inForce(conn), value, option);
        }
      } catch (error) {
        checkUnsupported(error, key, option);
        await checkRefused(options);
      }
    }
  });

  test(`adopt() sets ${key}`, async () => {
    for (const value of samplesOf(option)) {
      using ends = await pair();
      const socket = await ends.client.detach();
      try {
        using conn = ends.port.adopt(socket, { [key]: value });
        checkInForce(inForce(conn), value, option);
      } catch (error) {
        checkUnsupported(error, key, option);
        /* The caller still owns the handle. */
        ends.port.adopt(socket).close();
      }
    }
  });
}

for (const [key, option] of list) {
  if (option.scope !== "datagram") continue;
  test(`bind() and setOptions() set ${key} of a datagram socket`, () => {
    using port = new CompletionPort();
    const inForce = ({ options }: { options: object }): unknown =>
      (options as Record<string, unknown>)[key];
    for (const value of datagramSamplesOf(key, option)) {
      try {
        const bound = port.bind({ port: 0, [key]: value });
        checkInForce(inForce(bound), value, option);
        const changed = port.bind({ port: 0 });
        changed.setOptions({ [key]: value });
        checkInForce(inForce(changed), value, option);
      } catch (error) {
        checkUnsupported(error, key, option);
      }
    }
  });
}

/* Those of a buffer are values that no system changes. The index of an interface
 * must be that of one: the loopback interface has 1. */
function datagramSamplesOf(key: string, option: Option): unknown[] {
  if (key.startsWith("system")) return [10_000, 50_000];
  if (key === "multicastInterface") return [0, 1];
  return samplesOf(option);
}

const isNotSupported = (error: unknown) => error instanceof NotSupported;

/* An option that is not supported leaves no socket open. */
async function checkRefused(options: ConnOptions): Promise<void> {
  using port = new CompletionPort();
  using listener = listen({ hostname: "127.0.0.1", port: 0 });
  await assert.rejects(
    port.connect({ ...listener.addr, ...options }),
    isNotSupported,
  );
  assert.throws(
    () => port.connectSync({ ...listener.addr, ...options }),
    isNotSupported,
  );
  assert.throws(() => port.listen({ port: 0, ...options }), isNotSupported);
  await eventually("all are closed", () => port.stats().sockets === 0);
}

test("An option that cannot be read does not affect the others", async () => {
  using listener = listen({ hostname: "127.0.0.1", port: 0 });
  using conn = await connect(listener.addr);
  const { options } = conn;
  assert.deepEqual(Object.keys(options), ofConn.map(([key]) => key));
  for (const [key, value] of Object.entries(options)) {
    const { default: initial, kind, unsupported } =
      (OPTIONS as Record<string, Option>)[key]!;
    if (value === undefined) {
      const isMissing = isWindows && unsupported !== undefined;
      assert.ok(isMissing || initial === undefined, key);
    } else if (kind === "integer" || kind === "milliseconds") {
      assert.equal(typeof value, "number", key);
    }
  }
});

test("The options in force of one connection can be given to another", async () => {
  using listener = listen({ hostname: "127.0.0.1", port: 0 });
  using conn = await connect({ ...listener.addr, closeTimeout: 77 });
  const { receive: _, ...options } = conn.options;
  using other = await connect({
    ...listener.addr,
    ...options as ConnOptions,
  });
  assert.deepEqual(other.options, conn.options);
});
