// Copyright the iocp authors. MIT license.
/* The options that a user passes, checked. */

import {
  type KeepAliveOptions,
  type KeepAliveOptionsInForce,
  type KeepAliveSettings,
  keepAliveSettings,
} from "./keep_alive.ts";
import {
  type ReceiveOptions,
  type ReceiveOptionsInForce,
  type ReceiveSettings,
  receiveSettings,
} from "./receive_mode.ts";
import { type Key, KEYS, LIST, type Options, type Scope } from "./table.ts";
import { NotSupported } from "../errors.ts";
import { optionalBoolean, optionalInteger, wrongType } from "./validate.ts";

type Of<O, KeepAlive, Receive> = O extends { kind: "boolean" } ? boolean
  : O extends { kind: "keepAlive" } ? KeepAlive
  : O extends { kind: "receive" } ? Receive
  : number | (O extends { default: undefined } ? undefined : never);

/** The options as users pass them. */
export type Given<S extends Scope> = {
  [K in Key<S>]?:
    | Of<Options[K], boolean | KeepAliveOptions, ReceiveOptions>
    | undefined;
};

/* A local socket does not have the options of TCP. */
type Missing<O> = O extends { tcpOnly: string } ? undefined : never;

/** The options after the checks, with the defaults filled in. */
export type Settings<S extends Scope> = {
  readonly [K in Key<S>]:
    | Of<Options[K], KeepAliveSettings, ReceiveSettings>
    | Missing<Options[K]>;
};

/** The options in force; undefined if the socket does not have the option, or the
 * system cannot report the value. */
export type InForce<S extends Scope> = {
  [K in Key<S>]:
    | Of<Options[K], false | KeepAliveOptionsInForce, ReceiveOptionsInForce>
    | Missing<Options[K]>
    | (Options[K] extends { owner: "system" } | { isOfMaker: true } ? undefined
      : never);
};

/** Checks one option. `name` is the one that the user gave it. */
export function checkOption(
  key: keyof Options,
  value: unknown,
  name: string = key,
): unknown {
  const option = LIST[key]!;
  const { min, max, default: fallback } = option;
  switch (option.kind) {
    case "boolean":
      return optionalBoolean(name, value, fallback as boolean);
    case "keepAlive":
      return keepAliveSettings(value);
    case "receive":
      return receiveSettings(value);
    default:
      return optionalInteger(name, value, min!, max!, fallback as number);
  }
}

/* An option that may have either of two names, which must agree. */
function checkAlias(
  key: keyof Options,
  alias: string,
  value: unknown,
  other: unknown,
): unknown {
  const result = checkOption(key, value);
  if (other === undefined) return result;
  const otherResult = checkOption(key, other, alias);
  if (value !== undefined && otherResult !== result) {
    wrongType(alias, `the same as "${key}", which is ${result}`, other);
  }
  return otherResult;
}

/** Checks the options of a scope. */
export function checkOptions<S extends Scope>(
  scope: S,
  given: Given<S>,
): Settings<S> {
  const options = given as Readonly<Record<string, unknown>>;
  const settings: Record<string, unknown> = {};
  for (const key of KEYS[scope]) {
    const { alias } = LIST[key]!;
    settings[key] = alias === undefined
      ? checkOption(key, options[key])
      : checkAlias(key, alias, options[key], options[alias]);
  }
  return settings as Settings<S>;
}

/** Throws for options of TCP that are given to a local socket. */
export function refuseTcpOptions<S extends Scope>(
  scope: S,
  given: Given<S>,
): void {
  const options = given as Readonly<Record<string, unknown>>;
  for (const key of KEYS[scope]) {
    const { alias, tcpOnly } = LIST[key]!;
    if (tcpOnly === undefined) continue;
    const isGiven = options[key] !== undefined ||
      alias !== undefined && options[alias] !== undefined;
    if (isGiven) throw new NotSupported(`Cannot set ${key}: ${tcpOnly}`);
  }
}

/** The same as {@linkcode checkOptions} for a local socket: the options of TCP
 * are refused, and are undefined. */
export function checkPathOptions<S extends Scope>(
  scope: S,
  given: Given<S>,
): Settings<S> {
  refuseTcpOptions(scope, given);
  const settings: Record<string, unknown> = { ...checkOptions(scope, given) };
  for (const key of KEYS[scope]) {
    if (LIST[key]!.tcpOnly !== undefined) settings[key] = undefined;
  }
  return settings as Settings<S>;
}

/** Checks the options that are given, and no others. */
export function checkChanges<S extends Scope>(
  scope: S,
  given: Given<S>,
): Partial<Settings<S>> {
  const options = given as Readonly<Record<string, unknown>>;
  const changes: Record<string, unknown> = {};
  for (const key of KEYS[scope]) {
    const value = options[key];
    if (value !== undefined) changes[key] = checkOption(key, value);
  }
  return changes as Partial<Settings<S>>;
}
