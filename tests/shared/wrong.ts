// Copyright the iocp authors. MIT license.
/* Tables of wrong arguments: each value with the class of the error that it gives,
 * whose message names the argument. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { within } from "./deadline.ts";

/** The values, by the name of the error that each gives. */
export type Wrong = Record<string, unknown[]>;

/** Values of other types than the one that a call wants. */
export const NOT_STRINGS: unknown[] = [1, null, true, {}, ["127.0.0.1"]];
export const NOT_BYTES: unknown[] = [
  undefined,
  null,
  "text",
  1,
  {},
  [1],
  new ArrayBuffer(4),
];
export const NOT_OBJECTS: unknown[] = [null, 1, "127.0.0.1", true];

/** Of an integer in a range. */
export function integer(min: number, max: number): Wrong {
  return {
    TypeError: ["1", null, true, {}, 1n],
    RangeError: [NaN, Infinity, 1.5, min - 1, max + 1],
  };
}

async function check(
  call: (value: unknown) => unknown,
  argument: string,
  name: string,
  value: unknown,
): Promise<void> {
  const what = `${argument}: ${typeof value} ${String(value)}`;
  let error: Error | undefined;
  try {
    await within("the call", Promise.resolve(call(value)));
  } catch (thrown) {
    error = thrown as Error;
  }
  assert.ok(error !== undefined, `${what}: nothing was thrown`);
  assert.equal(error.name, name, `${what}: ${error.message}`);
  assert.ok(error.message.includes(`"${argument}"`), error.message);
}

/**
 * Tests that a call refuses each of the values. `callOf` makes the call with one of
 * them; `named`: how the message names the argument; `skip`: why this system has no
 * such call.
 */
export function refuses(
  title: string,
  table: Record<string, Wrong>,
  callOf: (argument: string, value: unknown) => unknown,
  named: (argument: string) => string = (argument) => argument,
  skip: string | false = false,
): void {
  describe(`${title} refuses wrong values of`, () => {
    for (const [argument, wrong] of Object.entries(table)) {
      test(named(argument), { skip }, async () => {
        for (const [name, values] of Object.entries(wrong)) {
          for (const value of values) {
            const call = (value: unknown) => callOf(argument, value);
            await check(call, named(argument), name, value);
          }
        }
      });
    }
  });
}
