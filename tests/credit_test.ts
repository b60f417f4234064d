// Copyright the iocp authors. MIT license.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type ReceiveOptions,
  receiveSettings,
} from "../src/options/receive_mode.ts";
import { missingCredit, usesCredit } from "../src/socket/credit.ts";

test("missingCredit() tops up to the limit in steps of half of it", () => {
  const settings = { ...receiveSettings({}), limit: 1000 };
  const rows: [ahead: number, expected: number][] = [
    [0, 1000],
    [499, 501],
    [500, 500],
    [501, 0],
    [1000, 0],
    /* After a smaller limit was set. */
    [5000, 0],
  ];
  for (const [ahead, expected] of rows) {
    assert.equal(missingCredit(settings, ahead), expected, `${ahead} ahead`);
  }
});

test("missingCredit() is 0 for reads that use no credit", () => {
  const settings = { ...receiveSettings({}), limit: 0 };
  for (const ahead of [0, 1]) assert.equal(missingCredit(settings, ahead), 0);
});

test("usesCredit() is true for chunks, and for buffers that are posted", () => {
  const rows: [ReceiveOptions, withChunk: boolean, withBuffer: boolean][] = [
    [{}, true, false],
    [{ mode: "auto" }, true, false],
    [{ mode: "flow" }, true, true],
    [{ mode: "burst" }, true, true],
    [{ mode: "zero-byte" }, false, false],
  ];
  for (const [options, withChunk, withBuffer] of rows) {
    const settings = receiveSettings(options);
    assert.equal(usesCredit(settings, false), withChunk, settings.mode);
    assert.equal(usesCredit(settings, true), withBuffer, settings.mode);
  }
});
