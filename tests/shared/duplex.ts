// Copyright the iocp authors. MIT license.
/* The events of a duplex as promises, and pairs of duplexes. */

import { readFileSync } from "node:fs";
import type { Duplex } from "node:stream";
import type { SocketDuplex } from "../../mod.ts";
import { DEADLINE_MS, within } from "./deadline.ts";
import { type Pair, pair, type PairOptions } from "./pair.ts";
import { Digest } from "./pattern.ts";
import { repositoryPath } from "./files.ts";

/** Resolves with the argument of the next event of this name. */
export function event(stream: Duplex, name: string): Promise<unknown> {
  const next = new Promise((resolve) => stream.once(name, resolve));
  return within(`"${name}"`, next);
}

/** Resolves with the argument of "close". "error" events are ignored. */
export function closed(stream: Duplex): Promise<unknown> {
  stream.on("error", () => {});
  return event(stream, "close");
}

/** Receives to the end, which must come within `ms`, and returns the digest. */
export function receiveByDuplex(
  stream: Duplex,
  result: Digest = new Digest(),
  ms: number = DEADLINE_MS,
): Promise<string> {
  const received = new Promise<string>((resolve, reject) => {
    stream.on("data", (chunk: Uint8Array) => result.add(chunk));
    stream.on("end", () => resolve(result.text()));
    stream.on("error", reject);
    stream.on("close", () => reject(new Error("closed before its end")));
  });
  return within("the end", received, ms);
}

/** A pair whose ends become duplexes when the properties are first read. */
export interface DuplexPair extends Disposable {
  readonly ends: Pair;
  readonly client: SocketDuplex;
  readonly server: SocketDuplex;
}

/** Connects a pair of duplexes. */
export async function duplexPair(
  options: PairOptions = {},
): Promise<DuplexPair> {
  const ends = await pair(options);
  return {
    ends,
    get client() {
      return ends.client.duplex();
    },
    get server() {
      return ends.server.duplex();
    },
    [Symbol.dispose]: () => ends[Symbol.dispose](),
  };
}

function readPem(name: string): string {
  return readFileSync(
    repositoryPath(`tests/shared/certificate/${name}.pem`),
    "utf8",
  );
}

/** A key and its self-signed certificate for localhost, valid until 2120. The
 * key is public: for tests only. */
export const identity: { key: string; cert: string } = {
  key: readPem("key"),
  cert: readPem("cert"),
};
