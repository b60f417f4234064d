// Copyright the iocp authors. MIT license.
/* All kinds of visits. */

import type { Context, Kind } from "./context.ts";
import { ListenerReplaced } from "./hub.ts";
import { CONTROL } from "./visits/control.ts";
import { DATAGRAM } from "./visits/datagram.ts";
import { FILE } from "./visits/file.ts";
import { LOCAL } from "./visits/local.ts";
import { NET } from "./visits/net.ts";
import { PASSING } from "./visits/passing.ts";
import { SHARE } from "./visits/share.ts";
import { TCP } from "./visits/tcp.ts";
import { TLS_VISITS } from "./visits/tls.ts";
import { UNIX_DATAGRAM } from "./visits/unix_datagram.ts";

const ALL: Readonly<Record<string, Kind>> = {
  ...TCP,
  ...LOCAL,
  ...CONTROL,
  ...DATAGRAM,
  ...UNIX_DATAGRAM,
  ...PASSING,
  ...FILE,
  ...SHARE,
  ...NET,
  ...TLS_VISITS,
};

/** The names of the visits that this system can have, and what the others lack. */
export const KINDS: readonly string[] = Object.keys(ALL)
  .filter((kind) => !ALL[kind]!.lacks);
export const LACKS: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(ALL).flatMap(([kind, { lacks }]) =>
    lacks ? [[kind, lacks]] : []
  ),
);

/**
 * The kinds of a list of names with commas between them, without those that this
 * system cannot have.
 *
 * @throws {RangeError} for a name that is none, and when no kind is left.
 */
export function kindsOf(names: string): string[] {
  const kinds = names.split(",");
  const unknown = kinds.filter((kind) => !Object.hasOwn(ALL, kind));
  if (unknown.length > 0) {
    throw new RangeError(
      `--visits must be names of ${Object.keys(ALL).join(", ")}: got ${
        JSON.stringify(unknown.join())
      }`,
    );
  }
  const possible = kinds.filter((kind) => KINDS.includes(kind));
  if (possible.length > 0) return possible;
  const reasons = kinds.map((kind) => `${kind}: ${LACKS[kind]}`);
  throw new RangeError(`--visits: nothing to visit: ${reasons.join("; ")}`);
}

/** Picks one of the kinds, by their frequency. */
export function pickKind(kinds: readonly string[], at: number): string {
  const total = kinds.reduce((sum, kind) => sum + ALL[kind]!.share, 0);
  let left = at * total;
  return kinds.find((kind) => (left -= ALL[kind]!.share) < 0) ?? kinds[0]!;
}

/** Runs a visit. One whose listener was replaced meanwhile is counted apart. */
export async function runVisit(kind: string, context: Context): Promise<void> {
  try {
    await ALL[kind]!.visit(context);
    context.counters.visited(kind);
  } catch (error) {
    if (!(error instanceof ListenerReplaced)) throw error;
    context.counters.visited("listenerReplaced");
  }
}
