// Copyright the iocp authors. MIT license.
/* The limit on waiting that other tests stand on. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { delay, eventually } from "./shared/deadline.ts";

test("eventually() polls until the check returns true", async () => {
  let calls = 0;
  await eventually("three calls", () => ++calls === 3);
  assert.equal(calls, 3);
  await eventually("four calls", () => Promise.resolve(++calls === 4));
});

test("eventually() rejects when the check stays false, and stops", async () => {
  let calls = 0;
  const check = () => ++calls < 0;
  await assert.rejects(eventually("never", check, 20), /never: not within 20/);
  const after = calls;
  await delay(30);
  assert.ok(calls <= after + 1, `${calls} and ${after}`);
});

test("eventually() rejects while a check never settles", async () => {
  const check = () => new Promise<boolean>(() => {});
  await assert.rejects(
    eventually("pending", check, 20),
    /pending: not within 20/,
  );
});

test("eventually() rejects with the error of a check", async () => {
  const check = () => Promise.reject(new Error("of the check"));
  await assert.rejects(eventually("failing", check), /of the check/);
});
