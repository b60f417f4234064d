// Copyright the iocp authors. MIT license.
/* Datagrams in memory, and the addresses of their senders, without a socket. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeStruct, encodeUdp } from "../src/datagram/address.ts";
import { Batch } from "../src/datagram/batch.ts";
import type { DatagramAddr } from "../src/datagram/address.ts";
import { Generations } from "../src/datagram/generations.ts";
import { Packed } from "../src/datagram/packed.ts";
import { Peers } from "../src/datagram/peers.ts";
import { withPacked } from "../src/datagram/packed_send.ts";
import { parseIp } from "../src/native/address.ts";
import { encodePath } from "../src/native/path.ts";
import { bytesOf, pattern, textOf } from "./shared/pattern.ts";

const udp = (hostname: string, port: number) =>
  encodeUdp(parseIp(hostname)!, port, false);
const unix = (path: string) => encodePath({ transport: "unix", path })!;

/* Memory with these datagrams, as the library writes it. */
function packed(
  datagrams: readonly { data: Uint8Array; to: Uint8Array | null }[],
): Packed {
  return withPacked(datagrams, 0, (bytes, length, count) => {
    assert.equal(count, datagrams.length);
    const own = new Packed(bytes.slice(0, length));
    let at = 0;
    for (const { data } of datagrams) {
      own.words[(at >> 2) + 7] = data.length;
      at = own.nextAt(at);
    }
    return own;
  });
}

test("Datagrams are packed and unpacked with their addresses", () => {
  const addresses = [
    udp("192.0.2.1", 65_535),
    udp("2001:db8::1", 1),
    unix("/run/a"),
    unix("\0abstract"),
    unix(""),
    null,
    unix("12345678"),
  ];
  const sent = addresses.map((to, i) => ({ data: pattern(3 * i, i), to }));
  const memory = packed(sent);
  const batch = new Batch<DatagramAddr>(new Peers(), memory, 0, sent.length);
  assert.equal(batch.length, sent.length);
  assert.equal(batch.bytes, memory.bytes.length);
  const received = batch.shiftAll();
  assert.deepEqual([batch.length, batch.bytes], [0, 0]);
  for (const [i, { data, addr, size, isTruncated }] of received.entries()) {
    assert.deepEqual([...data], [...sent[i]!.data]);
    assert.deepEqual([size, isTruncated], [data.length, false]);
    const { to } = sent[i]!;
    if (to !== null) assert.deepEqual({ ...addr }, decodeStruct(to));
  }
});

test("A batch that is compacted keeps the datagrams that were not read", () => {
  const to = udp("192.0.2.1", 53);
  const texts = ["one", "two", "three", "four"];
  const memory = packed(texts.map((text) => ({ data: bytesOf(text), to })));
  const batch = new Batch<DatagramAddr>(new Peers(), memory, 0, 4);
  assert.equal(textOf(batch.shift().data), "one");
  const { bytes } = batch;
  batch.compact();
  assert.equal(batch.bytes, bytes);
  memory.bytes.fill(0xff);
  const p = new Uint8Array(2);
  const two = batch.shiftInto(p);
  assert.deepEqual([textOf(two.data), two.size, two.isTruncated], [
    "tw",
    3,
    true,
  ]);
  assert.equal(two.data.buffer, p.buffer);
  const rest = batch.shiftAll().map(({ data }) => textOf(data));
  assert.deepEqual(rest, ["three", "four"]);
});

test("A truncated datagram whose size is not known has none", () => {
  const memory = packed([{ data: bytesOf("cut"), to: null }]);
  memory.words[7] = -1;
  const batch = new Batch<DatagramAddr>(new Peers(), memory, 0, 1);
  const { isTruncated, size } = batch.shift();
  assert.deepEqual([isTruncated, size], [true, undefined]);
});

test("A call packs as many datagrams as have room, and at least one", () => {
  const to = udp("192.0.2.1", 53);
  const large = { data: pattern(60_000), to };
  const small = { data: pattern(10), to };
  const countOf = (list: typeof large[], first = 0) =>
    withPacked(list, first, (_bytes, _length, count) => count);
  assert.equal(countOf([large, large, large, small]), 2);
  assert.equal(countOf([large, large, large, small], 2), 2);
  assert.equal(countOf(new Array(100).fill(small)), 64);
  assert.equal(countOf(new Array(100).fill(small), 90), 10);
  assert.equal(countOf([{ data: pattern(1_000_000), to }]), 1);
});

test("Peers keep one object for each address, and at most so many", () => {
  const peers = new Peers();
  const find = (host: string, port: number) =>
    peers.find(packed([{ data: bytesOf(""), to: udp(host, port) }]), 0);
  const first = find("192.0.2.1", 1);
  assert.equal(find("192.0.2.1", 1), first);
  assert.notEqual(find("192.0.2.1", 2), first);
  assert.notEqual(find("192.0.2.2", 1), first);
  assert.notEqual(find("::1", 1), find("::1", 2));
  for (let port = 1; port <= 500; port++) find("192.0.2.3", port);
  assert.equal(find("192.0.2.1", 1), first);
  for (let port = 1; port <= 20_000; port++) {
    const addr = find("192.0.2.4", port);
    assert.equal(addr.transport === "udp" && addr.port, port);
  }
  const again = find("192.0.2.1", 1);
  assert.deepEqual(again, first);
  assert.notEqual(again, first);
});

test("Generations forget what was not used for long", () => {
  const cache = new Generations<number, string>(10);
  for (let i = 0; i < 100; i++) {
    cache.set(i, `${i}`);
    assert.equal(cache.get(0), "0");
  }
  assert.equal(cache.get(99), "99");
  assert.equal(cache.get(95), "95");
  const known = Array.from({ length: 100 }, (_, i) => i)
    .filter((i) => cache.get(i) !== undefined);
  assert.ok(known.length <= 20, `${known.length}`);
  assert.equal(cache.get(50), undefined);
});
