// Copyright the iocp authors. MIT license.
/* Options on the way to the library and back: the numbers that they set, and the
 * values in force. */

import { NotSupported, numberOf } from "../errors.ts";
import { keepAliveNumbers, readKeepAlive } from "./keep_alive.ts";
import { receiveNumbers, type ReceiveSettings } from "./receive_mode.ts";
import { checkOption, type InForce, type Settings } from "./settings.ts";
import { type Key, KEYS, keysOf, LIST, type Scope } from "./table.ts";

/** The calls that set options of a socket. */
export interface OptionPort {
  setOption(socket: number, native: number, value: number): number;
}

/** The value of an option of the library, or undefined when it has none. */
export type GetNative = (native: number) => number | undefined;

/** The numbers that a setting has in the library, with their values. */
export function numbersOf(
  key: string,
  setting: unknown,
): [native: number, value: number][] {
  const { kind, native } = LIST[key]!;
  if (setting === undefined) return [];
  if (kind === "keepAlive") return keepAliveNumbers(setting as never);
  if (kind === "receive") return receiveNumbers(setting as never);
  return native === undefined ? [] : [[native, Number(setting)]];
}

/** The error for an option that the system does not have. */
export function notSupported(key: string, cause?: Error): NotSupported {
  const { unsupported = "this system has no such option" } = LIST[key]!;
  return new NotSupported(
    `Cannot set ${key}: ${unsupported}`,
    cause && { cause },
  );
}

/** The result of setting an option that the system does not have. */
export const ENOTSUP: number = numberOf("ENOTSUP");

/** Where a socket comes from: it was just made, it had another owner, or a
 * listener has accepted it. A "watched" one was accepted too, and the library
 * may close it on its own (first-byte timeout). A "shared" one was accepted by the
 * listener of another thread, whose options it has. A "secured" one is above another
 * one, which has the options already. */
export type Origin =
  | "new"
  | "adopted"
  | "accepted"
  | "watched"
  | "shared"
  | "secured";

const LIBRARY_KEYS = keysOf("conn", ({ owner }) => owner !== undefined);
const NOT_INHERITED_KEYS = LIBRARY_KEYS.filter((key) =>
  LIST[key]!.isInherited !== true
);

/* The options to compare with what a socket has. */
const COMPARED: Readonly<Record<Origin, readonly Key<"conn">[]>> = {
  new: LIBRARY_KEYS,
  adopted: LIBRARY_KEYS,
  accepted: NOT_INHERITED_KEYS,
  watched: NOT_INHERITED_KEYS,
  shared: LIBRARY_KEYS.filter((key) =>
    LIST[key]!.isInherited !== true || LIST[key]!.owner === "system"
  ),
  secured: [],
};

/* Those of the listening socket; iocp_listen() has noDelay and backlog as
 * arguments. */
const LISTENER_KEYS = [
  ...LIBRARY_KEYS,
  ...keysOf("listen", ({ owner }) => owner !== undefined),
].filter((key) => key !== "noDelay" && key !== "backlog");

/* What a new socket has. */
const INITIAL: Readonly<Record<string, unknown>> = Object.fromEntries(
  [...LIBRARY_KEYS, ...LISTENER_KEYS].map((key) => [
    key,
    LIST[key]!.initial ?? checkOption(key, undefined),
  ]),
);

type Numbers = [key: string, native: number, value: number][];

/** The numbers to set on a listening socket: options that its connections inherit,
 * and options of the system, so that an unsupported one fails in listen(). */
export function listenerNumbers(
  settings: Settings<"listen">,
  conn: Settings<"conn">,
): Numbers {
  return changedNumbers({ ...settings, ...conn });
}

/** Those among them for a part of a share, which has only options of the
 * library. */
export function partNumbers(
  settings: Settings<"listen">,
  conn: Settings<"conn">,
): Numbers {
  return listenerNumbers(settings, conn).filter(([key]) =>
    LIST[key]!.owner === "library"
  );
}

/** The options of the system that a connection is to have. */
export function systemNumbers(conn: Settings<"conn">): Numbers {
  return changedNumbers({ ...conn }).filter(([key]) =>
    LIST[key]!.owner === "system"
  );
}

function changedNumbers(all: Readonly<Record<string, unknown>>): Numbers {
  return LISTENER_KEYS.filter((key) => key in all && all[key] !== INITIAL[key])
    .flatMap((key) =>
      numbersOf(key, all[key]).map(([native, value]) =>
        [key, native, value] as [string, number, number]
      )
    );
}

/**
 * Sets those options of a connection that its socket does not have yet.
 *
 * Other failures are ignored, since a failed connection reports its error at
 * the next call.
 *
 * @throws {NotSupported} for an option that the system lacks, if the user has
 * set it.
 */
export function applyOptions(
  port: OptionPort,
  id: number,
  settings: Settings<"conn">,
  origin: Origin,
): void {
  for (const key of COMPARED[origin]) {
    const setting = settings[key];
    const isInitial = setting === INITIAL[key];
    /* The options that the former owner has set on the socket are not known. */
    const isOfOther = origin === "adopted" || origin === "shared";
    const isUnknown = isOfOther && LIST[key]!.owner === "system";
    if (isInitial && !isUnknown) continue;
    for (const [native, value] of numbersOf(key, setting)) {
      const result = port.setOption(id, native, value);
      if (result === ENOTSUP && !isInitial) throw notSupported(key);
    }
  }
}

/** The options in force: those of the library, queried one by one, and the
 * settings for the others. A local socket (`isLocal`) does not have those of
 * TCP. */
export function readOptions<S extends Scope>(
  scope: S,
  settings: Settings<S>,
  isLocal: boolean,
  get: GetNative,
): InForce<S> {
  const all: Readonly<Record<string, unknown>> = settings;
  const values: Record<string, unknown> = {};
  for (const key of KEYS[scope]) {
    const isMissing = isLocal && LIST[key]!.tcpOnly !== undefined;
    values[key] = isMissing ? undefined : readOption(key, all[key], get);
  }
  return values as InForce<S>;
}

function readOption(key: string, setting: unknown, get: GetNative): unknown {
  const { kind, native, owner, min = 0 } = LIST[key]!;
  if (kind === "keepAlive") return readKeepAlive(get);
  if (kind === "receive") return { ...setting as ReceiveSettings };
  if (native === undefined) return setting;
  const value = get(native);
  /* The library has closed the socket by itself. */
  if (value === undefined && owner === "library") return setting;
  /* The system's way to say that nothing was set. */
  if (value !== undefined && value < min) return undefined;
  return kind === "boolean" && value !== undefined ? value !== 0 : value;
}
