// Copyright the iocp authors. MIT license.
/* ByteReader, lines() and frames() over async iterables: however the bytes are
 * divided into chunks, they return what a plain model returns for all of them. */

import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { describe, test } from "node:test";
import { ByteReader, frames, lines } from "../mod.ts";
import { ByteBuffer } from "../src/framing/byte_buffer.ts";
import { delay, isSettled, within } from "./shared/deadline.ts";
import {
  Model,
  type Op,
  pickBytes,
  pickOp,
  pieces,
  run,
} from "./shared/framing_model.ts";
import { errorFrom } from "./shared/outcome.ts";
import { bytesOf, pattern, textOf } from "./shared/pattern.ts";
import { type Random, seeded, seeds } from "./shared/random.ts";

/* Chunks whose memory is overwritten when the next one is requested. */
async function* reusing(chunks: Iterable<Uint8Array>) {
  for (const chunk of chunks) {
    const copy = new Uint8Array(chunk.length + 2).subarray(1, -1);
    copy.set(chunk);
    yield copy;
    copy.fill(255);
  }
}

async function* slow(chunks: Iterable<Uint8Array>, random: Random) {
  for (const chunk of chunks) {
    if (random.chance(0.02)) await delay(0);
    yield chunk;
  }
}

const sources = {
  "an async generator": slow,
  "chunks that are used again": reusing,
  "a stream of Node, of Buffers": (chunks: Iterable<Uint8Array>) =>
    Readable.from(slowBuffers(chunks)),
};

function* slowBuffers(chunks: Iterable<Uint8Array>) {
  /* An empty chunk would end the stream. */
  for (const chunk of chunks) if (chunk.length > 0) yield Buffer.from(chunk);
}

describe("The results do not depend on the chunks", () => {
  for (const [name, makeSource] of Object.entries(sources)) {
    for (const seed of seeds(1, 12)) {
      test(`${name}, seed ${seed}`, () =>
        seeded(seed, "framing_reader", async (random) => {
          for (let round = 0; round < 20; round++) {
            const bytes = pickBytes(random);
            const source = makeSource(pieces(bytes, random), random.fork());
            const reader = new ByteReader(source);
            const model = new Model(bytes);
            for (let left = random.size(40); left > 0; left--) {
              const ops = Array.from(
                { length: random.chance(0.2) ? 4 : 1 },
                () => pickOp(random),
              );
              await check(reader, model, ops);
            }
            /* What no call has used. */
            const rest: Uint8Array[] = [];
            for await (const chunk of reader) rest.push(chunk);
            assert.equal(textOf(...rest), textOf(model.left));
          }
        }));
    }
  }
});

/* Several calls at once are settled in order. A loop among them would continue after
 * the others. */
async function check(reader: ByteReader, model: Model, ops: Op[]) {
  if (ops.length > 1) {
    ops = ops.filter(({ kind }) => kind !== "lines" && kind !== "frames");
  }
  const results = await within(
    JSON.stringify(ops),
    Promise.all(ops.map((op) => run(reader, op))),
  );
  for (const [index, op] of ops.entries()) {
    assert.equal(results[index], model.run(op), JSON.stringify(op));
  }
  assert.equal(reader.bytesRead, model.at);
}

async function* chunksOf(...texts: string[]) {
  for (const text of texts) yield bytesOf(text);
}

async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const one of source) all.push(one);
  return all;
}

test("lines() are those of a stream, at any boundary of its chunks", async () => {
  const text = "one\r\ntwo\n\n\r\nfür 漢字 😀\r\nlast";
  const expected = ["one", "two", "", "", "für 漢字 😀", "last"];
  const bytes = bytesOf(text);
  for (let first = 0; first <= bytes.length; first++) {
    for (let second = first; second <= bytes.length; second++) {
      const chunks = [
        bytes.slice(0, first),
        bytes.slice(first, second),
        bytes.slice(second),
      ];
      const source = reusing(chunks);
      assert.deepEqual(await collect(lines(source)), expected);
    }
  }
});

test("lines() takes a ReadableStream, and leaving the loop cancels it", async () => {
  let reason: unknown = "none";
  const stream = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(bytesOf("a\nb\n")),
    cancel: () => void (reason = "canceled"),
  });
  for await (const line of lines(stream)) {
    assert.equal(line, "a");
    break;
  }
  assert.equal(reason, "canceled");
});

test("A loop over a reader leaves the rest in it, also inside of a chunk", async () => {
  const reader = new ByteReader(chunksOf("one\ntwo\r\nthree\nand the rest\n"));
  for await (const line of reader.lines()) if (line === "two") break;
  assert.equal(reader.bytesRead, 9);
  assert.equal(reader.buffered, 19);
  assert.equal(textOf(await reader.readExactly(8)), "three\nan");
  assert.deepEqual(await collect(reader.lines()), ["d the rest"]);
});

test("A loop that was left gives out nothing more", async () => {
  const reader = new ByteReader(chunksOf("a\nb\nc\nd\n"));
  const loop = reader.lines();
  for (const line of ["a", "b"]) assert.equal((await loop.next()).value, line);
  await loop.return!();
  assert.deepEqual(await loop.next(), { value: undefined, done: true });
  assert.equal(await reader.readLine(), "c");
});

describe("The limits", () => {
  const cases: [string, (reader: ByteReader) => Promise<unknown>, string][] = [
    ["readLine()", (reader) => reader.readLine(), "65536"],
    ["readUntil()", (reader) => reader.readUntil(0), "65536"],
    ["lines()", (reader) => reader.lines().next(), "65536"],
    ["readExactly()", (reader) => reader.readExactly(1_048_577), "1048576"],
    ["peek()", (reader) => reader.peek(1_048_577), "1048576"],
    ["frames()", (reader) => reader.frames().next(), "1048576"],
  ];
  for (const [name, call, limit] of cases) {
    test(`${name} has one without options, which keeps the bytes`, async () => {
      let sent = 0;
      async function* endless() {
        for (;; sent += 1000) yield new Uint8Array(1000).fill(50);
      }
      const reader = new ByteReader(endless());
      const error = await errorFrom(call(reader));
      assert.equal(error.code, "EMSGSIZE");
      assert.match(error.message, new RegExp(`longer than ${limit} bytes`));
      assert.ok(sent < 70_000, `${sent}`);
      assert.deepEqual(await reader.peek(3), new Uint8Array(3).fill(50));
    });
    test(`${name} takes one from the reader`, async () => {
      const reader = new ByteReader(chunksOf("22222222"), { maxLength: 5 });
      const error = await errorFrom(call(reader));
      assert.match(error.message, /longer than 5 bytes/);
    });
  }
  test("A length that is exactly the limit is allowed", async () => {
    const text = "x".repeat(5);
    const maxLength = 5;
    for (const end of ["\n", "\r\n", ""]) {
      /* At any boundary between the text, "\r" and "\n". */
      for (let first = 1; first <= text.length + end.length; first++) {
        const chunks = [
          (text + end).slice(0, first),
          (text + end).slice(first),
        ];
        const reader = new ByteReader(chunksOf(...chunks));
        assert.equal(await reader.readLine({ maxLength }), text);
        assert.equal(await reader.readLine({ maxLength }), null);
      }
    }
    const reader = new ByteReader(chunksOf(`${text}--`));
    assert.equal(
      textOf((await reader.readUntil("--", { maxLength }))!),
      `${text}--`,
    );
    const source = chunksOf("\u0005", text);
    const options = { lengthBytes: 1, maxLength };
    assert.equal((await collect(frames(source, options))).length, 1);
  });
});

test("What waits in a reader occupies little more than its bytes", () => {
  const buffer = new ByteBuffer();
  const room = () => buffer.view(1).buffer.byteLength;
  const memories = new Set<ArrayBufferLike>();
  /* A peer that sends byte by byte. */
  const slab = new Uint8Array(256 * 1024);
  for (let count = 1; count <= 50_000; count++) {
    buffer.push(slab.subarray(count, count + 1));
    buffer.own();
    assert.ok(room() <= 2 * count, `${room()} for ${count}`);
    memories.add(buffer.view(1).buffer);
  }
  /* Each of them is a copy of all the bytes so far. */
  assert.ok(memories.size < 30, `${memories.size}`);
  /* A large chunk, of which a part of a message is left. */
  buffer.push(slab);
  buffer.skip(buffer.length - 10);
  buffer.own();
  assert.ok(room() < 10_000, `${room()}`);
  /* A part of a slab that is not used at once. */
  buffer.skip(10);
  buffer.push(slab.subarray(0, 100));
  assert.equal(room(), slab.length);
  buffer.own();
  assert.equal(room(), 100);
});

test("A length alone makes a reader occupy no memory", () => {
  const buffer = new ByteBuffer();
  buffer.push(new Uint8Array(100_000));
  buffer.collect(2 ** 50, 4);
  assert.equal(buffer.length, 100_000);
});

test("A message that is collected and not taken stays in its place", () => {
  const bytes = pattern(20_000);
  const cases = [
    [10_000, 4, 10_000],
    [10_000, 4, 20_000],
    [10_000, 0, 20_000],
    [12_000, 8, 12_000],
  ] as const;
  for (const [count, start, end] of cases) {
    const buffer = new ByteBuffer();
    const push = (from: number, to: number) => {
      const chunk = bytes.slice(from, to);
      buffer.push(chunk);
      buffer.own();
      chunk.fill(0);
    };
    buffer.push(bytes.slice(0, 3_000));
    buffer.collect(count, start);
    push(3_000, 5_000);
    push(5_000, end);
    assert.equal(buffer.length, end);
    /* Something else is wanted now, which may be as long. */
    const length = count - start;
    assert.deepEqual(buffer.take(length), bytes.slice(0, length));
    assert.deepEqual(buffer.removeAll(), bytes.slice(length, end));
  }
});

test("A frame whose length is too small is EBADMSG", async () => {
  /* The length counts its own 4 bytes. */
  const options = { lengthAdjustment: -4 };
  const source = chunksOf("\0\0\0\u0005x", "\0\0\0\u0003more");
  const loop = frames(source, options);
  assert.deepEqual((await loop.next()).value, bytesOf("x"));
  const error = await errorFrom(loop.next());
  assert.equal(error.code, "EBADMSG");
  assert.match(
    error.message,
    /the length of the frame is 3, which is too small/,
  );
  assert.deepEqual(await loop.next(), { value: undefined, done: true });
});

describe("The end", () => {
  const inside: [string, (reader: ByteReader) => Promise<unknown>][] = [
    ["readExactly()", (reader) => reader.readExactly(4)],
    ["readUntil()", (reader) => reader.readUntil("-")],
    ["a line", (reader) => reader.readLine({ requireNewline: true })],
    ["lines()", (reader) => reader.lines({ requireNewline: true }).next()],
    ["a frame", (reader) => reader.frames({ lengthBytes: 1 }).next()],
    ["the header of a frame", (reader) => reader.frames().next()],
  ];
  for (const [name, call] of inside) {
    test(`inside of ${name} is EUNEXPECTEDEND, and keeps the bytes`, async () => {
      const reader = new ByteReader(chunksOf("a", "bc"));
      const error = await errorFrom(call(reader));
      assert.equal(error.code, "EUNEXPECTEDEND");
      assert.equal(error.name, "UnexpectedEof");
      assert.match(error.message, /the end came after 3 bytes of /);
      assert.equal(textOf((await reader.peek(9))!), "abc");
    });
  }
  test("between two of them is null, or ends the loop", async () => {
    const reader = new ByteReader(chunksOf());
    assert.equal(await reader.peek(1), null);
    assert.equal(await reader.readUntil("-"), null);
    assert.equal(await reader.readLine(), null);
    assert.equal(await reader.read(new Uint8Array(1)), null);
    assert.deepEqual(await collect(reader.lines()), []);
    assert.deepEqual(await collect(reader.frames()), []);
    assert.equal((await reader.readExactly(0)).length, 0);
  });
});

describe("Text that is not UTF-8", () => {
  const bytes = [0xc3, 0x28];
  const source = () =>
    new ByteReader(
      (async function* () {
        yield bytesOf("good\n");
        yield new Uint8Array([...bytes, 10, 97, 10]);
      })(),
    );
  test("is EILSEQ, after the lines before it", async () => {
    const loop = source().lines();
    assert.equal((await loop.next()).value, "good");
    const error = await errorFrom(loop.next());
    assert.equal(error.code, "EILSEQ");
    assert.equal(error.name, "InvalidData");
    assert.deepEqual(await loop.next(), { value: undefined, done: true });
  });
  test("stays in the reader as bytes", async () => {
    const reader = source();
    await reader.readLine();
    assert.equal((await errorFrom(reader.readLine())).code, "EILSEQ");
    assert.deepEqual([...(await reader.readUntil(10))!], [...bytes, 10]);
    assert.equal(await reader.readLine(), "a");
  });
  test("is replaced with fatal: false", async () => {
    assert.deepEqual(
      await collect(source().lines({ fatal: false })),
      ["good", "\ufffd(", "a"],
    );
  });
});

describe("A timeout or a signal", () => {
  const open = () => {
    let push!: (text: string) => void;
    const chunks: string[] = [];
    async function* source() {
      for (;;) {
        while (chunks.length > 0) yield bytesOf(chunks.shift()!);
        await new Promise<void>((resolve) =>
          push = (text) => {
            chunks.push(text);
            resolve();
          }
        );
      }
    }
    return {
      reader: new ByteReader(source()),
      push: (text: string) => push(text),
    };
  };
  test("leaves what has come, and what comes, to the next call", async () => {
    const { reader, push } = open();
    const late = reader.readLine({ timeout: 20 });
    push("hel");
    assert.equal((await errorFrom(late)).code, "ETIMEDOUT");
    const controller = new AbortController();
    const aborted = reader.readExactly(9, { signal: controller.signal });
    push("lo\nag");
    assert.equal(await isSettled(aborted), false);
    controller.abort(new RangeError("enough"));
    await assert.rejects(aborted, RangeError);
    assert.equal(await reader.readLine(), "hello");
    assert.equal(reader.buffered, 2);
  });
  test("lets the calls behind it go on", async () => {
    const { reader, push } = open();
    const late = errorFrom(reader.readExactly(5, { timeout: 20 }));
    const next = reader.readExactly(3);
    push("abc");
    assert.equal((await late).code, "ETIMEDOUT");
    assert.equal(textOf(await within("it", next)), "abc");
  });
  test("of a loop is for each turn, and it can go on", async () => {
    const { reader, push } = open();
    const loop = reader.lines({ timeout: 20 });
    for (let turn = 0; turn < 3; turn++) {
      assert.equal((await errorFrom(loop.next())).code, "ETIMEDOUT");
    }
    push("a\nb\n");
    assert.equal((await loop.next()).value, "a");
    assert.equal((await loop.next()).value, "b");
  });
  test("that has aborted before takes nothing, not even what is there", async () => {
    const { reader, push } = open();
    const first = reader.readLine();
    push("a\nb\nc\n");
    assert.equal(await first, "a");
    const signal = AbortSignal.abort(new RangeError("enough"));
    await assert.rejects(reader.readLine({ signal }), RangeError);
    await assert.rejects(reader.lines({ signal }).next(), RangeError);
    assert.equal(await reader.readLine(), "b");
  });
});

test("A signal that aborts between two turns of a loop takes no line", async () => {
  const reader = new ByteReader(chunksOf("a\nb\nc\nd\n"));
  const controller = new AbortController();
  const loop = reader.lines({ signal: controller.signal });
  for (const line of ["a", "b"]) assert.equal((await loop.next()).value, line);
  controller.abort(new RangeError("enough"));
  await assert.rejects(loop.next(), RangeError);
  assert.equal(await reader.readLine(), "c");
});

test("A source that fails fails every call, after the bytes before", async () => {
  async function* failing() {
    yield bytesOf("a\nb");
    throw new RangeError("it");
  }
  const reader = new ByteReader(failing());
  assert.equal(await reader.readLine(), "a");
  await assert.rejects(reader.readLine(), RangeError);
  await assert.rejects(reader.readLine(), RangeError);
  assert.equal(textOf(await reader.readExactly(1)), "b");
});

test("release() leaves the source, and fails calls", async () => {
  let isLeft = false;
  async function* source() {
    try {
      for (;;) yield bytesOf("a\nb\n");
    } finally {
      isLeft = true;
    }
  }
  const reader = new ByteReader(source());
  assert.equal(await reader.readLine(), "a");
  await reader.release();
  assert.ok(isLeft);
  assert.equal((await errorFrom(reader.readLine())).code, "EBADF");
  const stuck = new ByteReader(
    { [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }) },
  );
  const pending = errorFrom(stuck.readLine());
  await stuck.release();
  assert.equal((await pending).code, "EINTR");
});

test("Results have memory of their own", async () => {
  const chunk = pattern(100);
  async function* source() {
    yield chunk;
  }
  const reader = new ByteReader(source());
  const peeked = (await reader.peek(4))!;
  const bytes = await reader.readExactly(4);
  const until = (await reader.readUntil(chunk[20]!))!;
  for (const one of [peeked, bytes, until]) {
    assert.equal(one.byteOffset, 0);
    assert.equal(one.buffer.byteLength, one.length);
    one.fill(0);
  }
  assert.deepEqual(chunk, pattern(100));
});

test("Wrong arguments reject, and name the argument", async () => {
  const reader = new ByteReader(chunksOf("abc"));
  const wrong: [() => Promise<unknown>, string, RegExp][] = [
    [() => reader.readExactly(-1), "RangeError", /"count"/],
    [() => reader.readExactly(1.5), "RangeError", /"count"/],
    [() => reader.readExactly("4" as never), "TypeError", /"count"/],
    [() => reader.peek(NaN), "RangeError", /"count"/],
    [() => reader.skip(-1), "RangeError", /"count"/],
    [() => reader.read([] as never), "TypeError", /"p"/],
    [() => reader.readUntil(""), "RangeError", /"delimiter"/],
    [() => reader.readUntil(256), "RangeError", /"delimiter"/],
    [() => reader.readUntil(null as never), "TypeError", /"delimiter"/],
    [() => reader.readLine(null as never), "TypeError", /"options"/],
    [() => reader.readLine({ maxLength: 0 }), "RangeError", /"maxLength"/],
    [() => reader.readLine({ timeout: -1 }), "RangeError", /"timeout"/],
    [() => reader.readLine({ signal: {} as never }), "TypeError", /"signal"/],
    [() => reader.readLine({ fatal: 1 as never }), "TypeError", /"fatal"/],
  ];
  for (const [call, name, message] of wrong) {
    await assert.rejects(call(), { name, message }, String(call));
  }
  const thrown: [() => unknown, string, RegExp][] = [
    [() => new ByteReader({} as never), "TypeError", /"source"/],
    [() => lines(null as never), "TypeError", /"source"/],
    [() => reader.frames({ endian: "BE" as never }), "TypeError", /"endian"/],
    [() => reader.frames({ lengthBytes: 9 }), "RangeError", /"lengthBytes"/],
    [() => reader.frames({ headerBytes: 3 }), "RangeError", /"headerBytes"/],
    [() => reader.frames({ lengthOffset: -1 }), "RangeError", /"lengthOffset"/],
    [
      () => reader.frames({ lengthAdjustment: 5000 }),
      "RangeError",
      /"lengthAdjustment"/,
    ],
  ];
  for (const [call, name, message] of thrown) {
    assert.throws(call, { name, message }, String(call));
  }
  assert.equal(textOf(await reader.readExactly(3)), "abc");
  const numbers = new ByteReader((async function* () {
    yield 1 as unknown as Uint8Array;
  })());
  await assert.rejects(numbers.readLine(), {
    name: "TypeError",
    message: /"source"/,
  });
});
