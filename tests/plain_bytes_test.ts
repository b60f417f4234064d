// Copyright the iocp authors. MIT license.
/* Which memory decrypted bytes are passed on in. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Slab } from "../src/loop/slab.ts";
import { PlainBytes } from "../src/tls/plain_bytes.ts";
import { pattern } from "./shared/pattern.ts";

test("A long part with memory of its own is passed on as it is", () => {
  const plain = new PlainBytes(new Slab());
  const parts = [pattern(4096, 1), pattern(10_000, 2)];
  for (const part of parts) plain.push(part);
  for (const part of parts) {
    const chunk = plain.take(16_384);
    assert.equal(chunk.buffer, part.buffer);
    assert.deepEqual(chunk, part);
  }
  assert.equal(plain.isEmpty, true);
  assert.equal(plain.total, 14_096);
});

test("A part of shared memory is copied, and nothing beside it shown", () => {
  const plain = new PlainBytes(new Slab());
  const shared = pattern(20_000);
  plain.push(shared.subarray(100, 9000));
  const chunk = plain.take(16_384);
  assert.notEqual(chunk.buffer, shared.buffer);
  assert.deepEqual(chunk, shared.slice(100, 9000));
});

test("A part beyond the credit is passed on in pieces", () => {
  const plain = new PlainBytes(new Slab());
  const part = pattern(10_000);
  plain.push(part);
  assert.deepEqual(plain.take(4000), part.slice(0, 4000));
  assert.deepEqual(plain.take(16_384), part.slice(4000));
  assert.equal(plain.length, 0);
});

test("Short parts that wait together become one chunk", () => {
  const plain = new PlainBytes(new Slab());
  plain.push(pattern(100, 1));
  plain.push(pattern(200, 2));
  assert.equal(plain.take(16_384).length, 300);
  /* Alone, it needs no copy. */
  const last = pattern(100, 3);
  plain.push(last);
  assert.equal(plain.take(16_384).buffer, last.buffer);
});
