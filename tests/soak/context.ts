// Copyright the iocp authors. MIT license.
/* What visits use, and how they check calls that fail. A visit opens sockets, uses
 * them in one way, checks the results and closes them. It throws if a result is
 * wrong. */

import type { CompletionPort, PathAddr } from "../../mod.ts";
import type { Random } from "../shared/random.ts";
import type { Counters } from "./counters.ts";
import type { Hub } from "./hub.ts";

/** What a visit uses. */
export interface Context {
  /** The listener of TCP. */
  readonly hub: Hub;
  /** The listeners of local sockets: a named pipe, or a socket file and an abstract
   * name. */
  readonly localHubs: readonly Hub<PathAddr>[];
  /** The port that clients connect from. */
  readonly port: CompletionPort;
  /** A port that detached connections move to. */
  readonly otherPort: CompletionPort;
  /** An address that does not answer. */
  readonly unresponsive: { hostname: string; port: number };
  /** A path that does not answer. */
  readonly unresponsivePath: { path: string };
  /** An address that refuses connections. */
  readonly closed: { hostname: string; port: number };
  readonly counters: Counters;
  readonly random: Random;
}

export type Visit = (context: Context) => Promise<void>;

/** A kind of visit. */
export interface Kind {
  readonly visit: Visit;
  /** Its relative frequency. */
  readonly share: number;
  /** Why this system cannot be visited in that way, or false. */
  readonly lacks?: string | false;
}

/** The most bytes that a visit sends in one direction. */
export const TRANSFER_MAX = 1_000_000;
/** Errors of calls on a connection that this side or the peer has closed. A local
 * socket, which has no RST, fails with EPIPE. */
const CLOSED_CODES = ["EINTR", "EBADF", "ECONNRESET", "EPIPE"];

/** Throws if the code is none of these. */
export function requireOneOf(
  what: string,
  code: string,
  codes: readonly string[],
): void {
  if (codes.includes(code)) return;
  throw new Error(`${what}: ${code} instead of ${codes.join(" or ")}`);
}

/** Throws if the values, or the digests of bytes, differ. */
export function requireSame(
  what: string,
  value: unknown,
  expected: unknown,
): void {
  if (value === expected) return;
  throw new Error(`${what}: ${value} instead of ${expected}`);
}

/** Requires that `work` rejects with one of these codes. */
export async function fails(
  { counters }: Context,
  what: string,
  work: Promise<unknown>,
  codes: readonly string[],
): Promise<void> {
  let value: unknown;
  try {
    value = await work;
  } catch (error) {
    requireOneOf(what, counters.failed(error), codes);
    return;
  }
  throw new Error(`${what}: ${value} instead of an error`);
}

/** Requires that `work` resolves, or rejects as on a connection that was closed. */
export async function settles(
  { counters }: Context,
  what: string,
  work: Promise<unknown>,
): Promise<void> {
  try {
    await work;
  } catch (error) {
    requireOneOf(what, counters.failed(error), CLOSED_CODES);
  }
}

/** Another stream of test data. */
export function newSeed({ random }: Context): number {
  return random.integer(1, 1e9);
}
