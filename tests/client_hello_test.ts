// Copyright the iocp authors. MIT license.

import assert from "node:assert/strict";
import { test } from "node:test";
import { helloName } from "../src/tls/client_hello.ts";
import { bytesOf, concat } from "./shared/pattern.ts";

/* The bytes with their length before them, in so many bytes. */
function vector(lengthBytes: number, ...parts: Uint8Array[]): Uint8Array {
  const bytes = concat(parts);
  const length = new Uint8Array(lengthBytes);
  for (let i = 0; i < lengthBytes; i++) {
    length[lengthBytes - 1 - i] = bytes.length >> (8 * i);
  }
  return concat([length, bytes]);
}

function hello(...extensions: Uint8Array[]): Uint8Array {
  return concat([
    new Uint8Array([1]),
    vector(
      3,
      new Uint8Array([3, 3]),
      new Uint8Array(32),
      vector(1, new Uint8Array(32)),
      vector(2, new Uint8Array([0x13, 1])),
      vector(1, new Uint8Array(1)),
      vector(2, ...extensions),
    ),
  ]);
}

function serverName(name: string): Uint8Array {
  const entry = concat([new Uint8Array(1), vector(2, bytesOf(name))]);
  return concat([new Uint8Array(2), vector(2, vector(2, entry))]);
}

function records(message: Uint8Array, size: number): Uint8Array {
  const all: Uint8Array[] = [];
  for (let at = 0; at < message.length; at += size) {
    const part = message.subarray(at, at + size);
    all.push(concat([new Uint8Array([22, 3, 1]), vector(2, part)]));
  }
  return concat(all);
}

const OTHER = concat([new Uint8Array([0, 10]), vector(2, new Uint8Array(4))]);

test("The name of a ClientHello is found in lower case, in any records", () => {
  const message = hello(OTHER, serverName("ONE.test"), OTHER);
  for (const size of [1, 7, 1000]) {
    const bytes = records(message, size);
    assert.deepEqual(helloName(bytes), { name: "one.test" });
    for (let length = 0; length < bytes.length; length++) {
      assert.equal(helloName(bytes.subarray(0, length)), "more");
    }
  }
});

test("A ClientHello without a name has none", () => {
  const none = { name: undefined };
  assert.deepEqual(helloName(records(hello(OTHER), 1000)), none);
  assert.deepEqual(helloName(records(hello(), 1000)), none);
});

test("What is no whole ClientHello is left to the TLSSocket", () => {
  const none = { name: undefined };
  const message = hello(serverName("one.test"));
  assert.deepEqual(helloName(bytesOf("GET / HTTP/1.1\r\n")), none);
  /* Another message. */
  const other = message.slice();
  other[0] = 2;
  assert.deepEqual(helloName(records(other, 1000)), none);
  /* A length inside of it that is too great. */
  for (let at = 4; at < message.length; at++) {
    const wrong = message.slice();
    wrong[at] = 255;
    assert.notEqual(helloName(records(wrong, 1000)), "more");
  }
  /* One that never ends. */
  const long = concat([
    new Uint8Array([1, 255, 255, 255]),
    new Uint8Array(30_000),
  ]);
  assert.deepEqual(helloName(records(long, 16_000)), none);
});
