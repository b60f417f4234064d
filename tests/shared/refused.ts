// Copyright the iocp authors. MIT license.
/* Tables of calls that the system refuses: each fails with its code, none hangs, and
 * none leaves a socket, a handle or a file. */

import assert from "node:assert/strict";
import { chmodSync, mkdirSync, readdirSync, symlinkSync } from "node:fs";
import { test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { CompletionPort } from "../../mod.ts";
import { eventually } from "./deadline.ts";
import { TemporaryFolder } from "./files.ts";
import { openHandles } from "./handles.ts";
import { isWindows } from "./local.ts";
import { outcome } from "./outcome.ts";

const ROUNDS = 100;

/** What a call is made on. */
export interface Place {
  readonly port: CompletionPort;
  /** The path of that name in the folder of the test. */
  readonly at: (name: string) => string;
}

/* The paths of every kind that a call may be given, and the sockets behind them. */
class Places implements Place, Disposable {
  readonly port = new CompletionPort();
  readonly #folder = new TemporaryFolder();
  /** Sockets and operations of them before the first call. */
  readonly open: readonly number[];
  readonly names: string[];

  constructor() {
    const { port } = this;
    this.#folder.write("file", "");
    mkdirSync(this.at("folder"));
    if (!isWindows) {
      symlinkSync("loop", this.at("loop"));
      symlinkSync("none", this.at("dangling"));
      mkdirSync(this.at("closed"));
      port.listen({ path: this.at("closed/stream"), access: "everyone" });
      chmodSync(this.at("closed"), 0);
      chmodSync(this.#folder.path, 0o755);
      port.listen({ path: this.at("private"), mode: 0o600 });
      port.listen({ path: this.at("stream") });
      port.bind({ path: this.at("datagram") });
    }
    this.open = this.count();
    this.names = readdirSync(this.#folder.path);
  }

  at = (name: string): string => this.#folder.join(name);

  count(): number[] {
    const { sockets, operations } = this.port.stats();
    return [sockets, operations];
  }

  /** Checks that no call has left a file. */
  check(): void {
    assert.deepEqual(readdirSync(this.#folder.path), this.names);
  }

  [Symbol.dispose](): void {
    this.port.close();
    if (!isWindows) chmodSync(this.at("closed"), 0o700);
    this.#folder[Symbol.dispose]();
  }
}

export type Call = (place: Place) => unknown;
/** A call, and the code or the class of its error; a reason why this system cannot
 * make it. */
export type Row = [
  what: string,
  expected: string,
  call: Call,
  skip?: string | false,
];

/** Tests that each of the calls is refused. */
export function refused(rows: readonly Row[]): void {
  for (const [what, expected, call, skip = false] of rows) {
    test(`${what}: ${expected}`, { skip }, () => refuse(expected, call));
  }
}

async function refuse(expected: string, call: Call): Promise<void> {
  using places = new Places();
  const round = async () =>
    assert.equal(await outcome(() => call(places)), expected);
  const settled = () => isDeepStrictEqual(places.count(), places.open);
  /* The first calls may load something. */
  for (let i = 0; i < 3; i++) await round();
  await eventually("no socket is left", settled);
  const handles = openHandles();
  for (let i = 0; i < ROUNDS; i++) await round();
  await eventually("no socket is left", settled);
  await eventually("no handle is left", () => openHandles() <= handles + 4);
  places.check();
}
