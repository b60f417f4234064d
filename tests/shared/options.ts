// Copyright the iocp authors. MIT license.
/* The expected values of the options in force. */

import { type Option, OPTIONS, type Scope } from "../../src/options/table.ts";

const RECEIVE = { mode: "auto", bufferSize: 1024, depth: 1, limit: 262144 };

/** All options of a scope: those given, and the defaults of the others. */
export function withDefaults(
  scope: Scope,
  given: object = {},
): Record<string, unknown> {
  const list: [string, Option][] = Object.entries(OPTIONS);
  const defaults = list.filter(([, option]) => option.scope === scope)
    .map((
      [key, option],
    ) => [key, key === "receive" ? RECEIVE : option.default]);
  return { ...Object.fromEntries(defaults), ...given };
}

/** The options in force, to compare with `expected`. Where the system chooses the
 * value of an option or lacks it, the expected value replaces it. */
export function comparable(
  options: object,
  expected: Record<string, unknown>,
): Record<string, unknown> {
  const list: Record<string, Option> = OPTIONS;
  return Object.fromEntries(
    Object.entries(options).map(([key, value]) => {
      const { default: fallback, unsupported } = list[key] ?? {};
      const isOfSystem = expected[key] === fallback &&
        (fallback === undefined ||
          unsupported !== undefined && value === undefined);
      return [key, isOfSystem ? expected[key] : value];
    }),
  );
}
