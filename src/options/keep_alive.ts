// Copyright the iocp authors. MIT license.
/* The keepAlive option: probes of an idle peer. */

import { OPTIONS } from "./table.ts";
import { requireInteger, wrongType } from "./validate.ts";

/** When and how often the system probes an idle peer. */
export interface KeepAliveOptions {
  /**
   * Seconds without data before the first probe, from 1 to 32,767
   * (`TCP_KEEPIDLE`).
   *
   * @default the system's, mostly 7,200
   */
  idle?: number | undefined;
  /**
   * Seconds between probes, from 1 to 32,767 (`TCP_KEEPINTVL`).
   *
   * @default the system's, mostly 75 on Linux and 1 on Windows
   */
  interval?: number | undefined;
  /**
   * Probes without an answer before the connection fails with `ETIMEDOUT`, from
   * 1 to 127 (`TCP_KEEPCNT`).
   *
   * @default the system's, mostly 9 on Linux and 10 on Windows
   */
  count?: number | undefined;
}

/** When and how often the system probes an idle peer, as it is in force. A
 * value that the system cannot report is undefined. */
export interface KeepAliveOptionsInForce {
  /** Seconds without data before the first probe. */
  idle: number | undefined;
  /** Seconds between probes. */
  interval: number | undefined;
  /** Probes without an answer before the connection fails. */
  count: number | undefined;
}

/** False, or the numbers to set; the others are left to the system. */
export type KeepAliveSettings = false | Readonly<KeepAliveOptions>;

const { native: KEEP_ALIVE, members: MEMBERS } = OPTIONS.keepAlive;
const NAMES = ["idle", "interval", "count"] as const;

/** The longest time without data, and between probes, in seconds. */
export const SECONDS_MAX: number = MEMBERS.idle.max;

/** Checks what a user passed as `keepAlive`. */
export function keepAliveSettings(value: unknown): KeepAliveSettings {
  if (value === undefined) return false;
  if (typeof value === "boolean") return value && {};
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    wrongType("keepAlive", "a boolean or an object", value);
  }
  const settings: KeepAliveOptions = {};
  for (const name of NAMES) {
    const number = (value as KeepAliveOptions)[name];
    if (number === undefined) continue;
    const { min, max } = MEMBERS[name];
    settings[name] = requireInteger(`keepAlive.${name}`, number, min, max);
  }
  return settings;
}

/** The numbers of the options to set, with their values. */
export function keepAliveNumbers(
  settings: KeepAliveSettings,
): [native: number, value: number][] {
  if (settings === false) return [[KEEP_ALIVE, 0]];
  const numbers: [number, number][] = [[KEEP_ALIVE, 1]];
  for (const name of NAMES) {
    const value = settings[name];
    if (value !== undefined) numbers.push([MEMBERS[name].native, value]);
  }
  return numbers;
}

/** What the system has. */
export function readKeepAlive(
  get: (native: number) => number | undefined,
): false | KeepAliveOptionsInForce | undefined {
  const isOn = get(KEEP_ALIVE);
  if (isOn === undefined) return undefined;
  if (isOn === 0) return false;
  return {
    idle: get(MEMBERS.idle.native),
    interval: get(MEMBERS.interval.native),
    count: get(MEMBERS.count.native),
  };
}
