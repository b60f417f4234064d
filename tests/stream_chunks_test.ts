// Copyright the iocp authors. MIT license.
/* Texts that are written to a duplex and to a socket of iocp/net. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { describe, test } from "node:test";
import { connect, createServer } from "../net.ts";
import { copyChunks, lengthOfChunks } from "../src/views/stream_chunks.ts";
import { within } from "./shared/deadline.ts";
import { pair } from "./shared/pair.ts";

type Chunk = [chunk: string | Uint8Array, encoding?: BufferEncoding];

const euro = "1 €, ☃, \u{1f600}, é";
const chunks: Chunk[] = [
  ["plain ASCII"],
  [""],
  [euro],
  [euro, "utf8"],
  [euro, "latin1"],
  ["ASCII", "latin1"],
  ["é\u00ff", "binary"],
  ["é", "ascii"],
  [euro, "utf16le"],
  ["c3a9ff", "hex"],
  ["w6n/", "base64"],
  ["a lone \ud800 surrogate"],
  [Buffer.from([0, 255, 128])],
  ["x".repeat(60_000)],
  ["€".repeat(30_000)],
  ["y".repeat(200_000), "latin1"],
];

function bytesOf([chunk, encoding]: Chunk): Buffer {
  return typeof chunk === "string"
    ? Buffer.from(chunk, encoding)
    : Buffer.from(chunk);
}

const expected = Buffer.concat(chunks.map(bytesOf));

function write(stream: Duplex, [chunk, encoding]: Chunk): void {
  if (encoding === undefined) stream.write(chunk);
  else stream.write(chunk, encoding);
}

/* The ways to write all of them. */
const ways: Record<string, (stream: Duplex) => Promise<void>> = {
  async "one after the other"(stream) {
    for (const each of chunks) {
      await new Promise((done) => {
        const [chunk, encoding = "utf8"] = each;
        stream.write(chunk, encoding, done);
      });
    }
  },
  "at once"(stream) {
    for (const each of chunks) write(stream, each);
    return Promise.resolve();
  },
  async "corked, in pairs"(stream) {
    for (let i = 0; i < chunks.length; i += 2) {
      stream.cork();
      for (const each of chunks.slice(i, i + 2)) write(stream, each);
      stream.uncork();
      await new Promise((done) => setImmediate(done));
    }
  },
};

async function received(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts);
}

describe("Texts arrive in their encoding:", () => {
  for (const [name, run] of Object.entries(ways)) {
    test(`duplex(), ${name}`, async () => {
      using ends = await pair();
      const stream = ends.client.duplex() as unknown as Duplex & {
        bytesWritten: number;
      };
      const arriving = within("all bytes", received(ends.server));
      await run(stream);
      assert.equal(stream.bytesWritten, expected.length);
      stream.end();
      assert.deepEqual(await arriving, expected);
      assert.equal(stream.bytesWritten, expected.length);
    });

    test(`iocp/net, ${name}, before it is connected`, async () => {
      const arriving = Promise.withResolvers<Buffer>();
      const server = createServer((socket) => {
        received(socket).then(arriving.resolve, arriving.reject);
      });
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
      const { port } = server.address() as AddressInfo;
      const client = connect(port, "127.0.0.1");
      const written = run(client as unknown as Duplex);
      if (name === "at once") {
        assert.equal(client.bytesWritten, expected.length);
      }
      await written;
      client.end();
      assert.deepEqual(await within("all bytes", arriving.promise), expected);
      assert.equal(client.bytesWritten, expected.length);
      server.close();
    });
  }

  test("a text that waits for a slow peer counts in bytes", async () => {
    using ends = await pair();
    const stream = ends.client.duplex() as unknown as Duplex & {
      bytesWritten: number;
    };
    const text = "€".repeat(5_000_000);
    stream.write(text);
    stream.write(text);
    stream.end("é", "latin1");
    assert.equal(stream.bytesWritten, 30_000_001);
    const { length } = await within("all bytes", received(ends.server));
    assert.equal(length, 30_000_001);
  });
});

test("copyChunks() copies only what has room in any encoding", () => {
  const target = new Uint8Array(9);
  assert.equal(copyChunks(target, [{ chunk: "abc", encoding: "utf8" }]), 3);
  assert.equal(
    copyChunks(target, [{ chunk: "abcd", encoding: "utf8" }]),
    undefined,
  );
  const bytes = new Uint8Array(6);
  const two = [{ chunk: bytes }, { chunk: "é", encoding: "latin1" }];
  assert.equal(copyChunks(target, two), 7);
  assert.equal(target[6], 0xe9);
  assert.equal(lengthOfChunks(two), 7);
  assert.equal(copyChunks(target, [...two, { chunk: bytes }]), undefined);
});
