// Copyright the iocp authors. MIT license.
/* Keep-alive probes: what users ask for, and how it reaches the system. */

import {
  KEEP_ALIVE,
  KEEP_ALIVE_COUNT,
  KEEP_ALIVE_IDLE,
  KEEP_ALIVE_INTERVAL,
} from "../native/completion.ts";
import { optionalInteger, wrongType } from "./validate.ts";

/** When and how often the system probes a peer that says nothing. */
export interface KeepAliveOptions {
  /**
   * Seconds of silence before the first probe, from 1 to 32,767
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

/** False, or what is to be set; what is undefined is left to the system. */
export type KeepAliveSettings = false | Readonly<KeepAliveOptions>;

/** The longest silence or pause that a system takes, in seconds. */
export const SECONDS_MAX = 32767;
const COUNT_MAX = 127;

const OPTIONS = [
  ["idle", KEEP_ALIVE_IDLE, SECONDS_MAX],
  ["interval", KEEP_ALIVE_INTERVAL, SECONDS_MAX],
  ["count", KEEP_ALIVE_COUNT, COUNT_MAX],
] as const;

/** Checks what a user passed as `keepAlive`. */
export function keepAliveSettings(
  value: boolean | KeepAliveOptions | undefined,
  fallback: boolean,
): KeepAliveSettings {
  if (value === undefined) return fallback && {};
  if (typeof value === "boolean") return value && {};
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    wrongType("keepAlive", "a boolean or an object", value);
  }
  const settings: KeepAliveOptions = {};
  for (const [name, , max] of OPTIONS) {
    const number = value[name];
    if (number === undefined) continue;
    settings[name] = optionalInteger(`keepAlive.${name}`, number, 1, max, 1);
  }
  return settings;
}

/** Every option to set, with its value. */
export function keepAliveNumbers(
  settings: KeepAliveSettings,
): [option: number, value: number][] {
  if (settings === false) return [[KEEP_ALIVE, 0]];
  const numbers: [number, number][] = [[KEEP_ALIVE, 1]];
  for (const [name, option] of OPTIONS) {
    const value = settings[name];
    if (value !== undefined) numbers.push([option, value]);
  }
  return numbers;
}

/** What the system has, asked by `get`. */
export function readKeepAlive(
  get: (option: number) => number,
): false | Required<KeepAliveOptions> {
  if (get(KEEP_ALIVE) === 0) return false;
  return {
    idle: get(KEEP_ALIVE_IDLE),
    interval: get(KEEP_ALIVE_INTERVAL),
    count: get(KEEP_ALIVE_COUNT),
  };
}
