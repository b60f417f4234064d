// Copyright the iocp authors. MIT license.
/* Sockets that are passed to another process and back. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { describe, test } from "node:test";
import {
  CompletionPort,
  type Conn,
  type DetachedSocket,
  dropSocket,
  inboxAddress,
  listen,
  type NetAddr,
  passSocket,
  type PathAddr,
} from "../mod.ts";
import { type Child, programPath, start } from "./shared/child.ts";
import { within } from "./shared/deadline.ts";
import { type Line, LineReader, writeLine } from "./shared/lines.ts";
import { isWindows, localPair, newPath } from "./shared/local.ts";
import { closeSocket, makeSocket } from "./shared/os_socket.ts";
import { failure, outcome } from "./shared/outcome.ts";
import { bytesOf } from "./shared/pattern.ts";
import { readText } from "./shared/transfer.ts";
import { transports } from "./shared/transports.ts";

const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64");
const fromBase64 = (text: string) =>
  new Uint8Array(Buffer.from(text, "base64"));

/* A child process that takes a socket and passes it back, and a channel to it. */
class Taker implements Disposable {
  readonly #child: Child;
  readonly #port: CompletionPort;
  #channel!: Conn<PathAddr>;
  #reader!: LineReader;
  /* That of its inbox. */
  address!: Uint8Array;

  private constructor(port: CompletionPort, path: string) {
    this.#port = port;
    this.#child = start(programPath("pass"), [path]);
  }

  static async start(): Promise<Taker> {
    const port = new CompletionPort();
    const control = port.listen({ path: newPath() });
    const taker = new Taker(port, control.addr.path);
    taker.#channel = await within("the child", control.accept());
    taker.#reader = new LineReader(taker.#channel);
    const { address } = await taker.line();
    taker.address = fromBase64(address!);
    return taker;
  }

  async line(): Promise<Line> {
    return await within("a message", this.#reader.line());
  }

  /* Sends a message, with the address to which the socket goes back. */
  async write(line: Line): Promise<void> {
    const address = base64(inboxAddress());
    await writeLine(this.#channel, { ...line, address });
  }

  async end(): Promise<void> {
    const { code, stderr } = await within("its end", this.#child.ended);
    assert.equal(code, 0, stderr);
  }

  [Symbol.dispose](): void {
    this.#port.close();
    this.#child[Symbol.dispose]();
  }
}

for (const { name, open } of transports) {
  const skip = isWindows && name !== "TCP" && "a named pipe cannot be passed";
  test(`A connection is passed to a child process and back, over ${name}`, {
    skip,
  }, async () => {
    using ends = await open();
    using other = new CompletionPort();
    using child = await Taker.start();
    const { client, server } = ends;
    await client.write(bytesOf("abc"));
    const socket = await within("detaching", server.detach());
    await child.write({
      ticket: base64(passSocket(socket, child.address)),
      bytes: base64(socket.bytes ?? new Uint8Array(0)),
    });
    await client.write(bytesOf("def"));
    const p = new Uint8Array(100);
    let text = "";
    while (text.length < 16) {
      const count = await within("the answer", client.read(p));
      text += new TextDecoder().decode(p.subarray(0, count!));
    }
    assert.equal(text, "child got abcdef");
    const back = await child.line();
    const adopted = other.adopt({
      ticket: fromBase64(back["ticket"]!),
      bytes: fromBase64(back["bytes"]!),
    });
    await child.write({});
    dropSocket(socket);
    await child.end();
    /* The connection is open although the child has ended. */
    await client.write(bytesOf("again"));
    assert.equal(await within("a read", adopted.read(p)), 5);
    await adopted.write(bytesOf("and back"));
    assert.equal(await within("a read", client.read(p)), 8);
    adopted.close();
    assert.equal(await within("the end", client.read(p)), null);
  });

  test(`A listener is passed to a child process and back, over ${name}`, {
    skip,
  }, async () => {
    using ends = await open();
    using other = new CompletionPort();
    using child = await Taker.start();
    const { listener } = ends;
    const addr = listener.addr as NetAddr;
    const ticket = base64(listener.pass(child.address));
    await child.write({ kind: "listener", ticket });
    await child.line();
    await within("the stop", listener.stop());
    /* Only the child has it, and accepts. */
    using first = await other.connect(addr);
    assert.equal(await readText(first), "child");
    const back = await child.line();
    const next = other.listen({ ticket: fromBase64(back["ticket"]!) });
    assert.deepEqual(next.addr, addr);
    await child.write({});
    await child.end();
    for (let i = 0; i < 3; i++) {
      using client = await other.connect(addr);
      using server = await within("a connection", next.accept());
      await server.write(bytesOf("parent"));
      assert.equal(await readText(client), "parent");
    }
    next.close();
    assert.match(await outcome(() => other.connect(addr)), /ECONNREFUSED/);
  });
}

test("A listener that stops delivers what it has accepted", async () => {
  using port = new CompletionPort();
  const old = port.listen({ hostname: "127.0.0.1", port: 0 });
  using next = port.listen({ ticket: old.pass(inboxAddress()) });
  assert.deepEqual(next.addr, old.addr);
  let count = 0;
  const serve = async (listener: typeof next) => {
    for await (const conn of listener) {
      count++;
      conn.close();
    }
  };
  const ended = serve(old);
  serve(next);
  const connectAll = () =>
    Promise.all(
      Array.from({ length: 20 }, () => port.connect(next.addr as NetAddr)),
    );
  const clients = await connectAll();
  const stopped = old.stop();
  clients.push(...await connectAll());
  await within("the stop", stopped);
  await within("the loop", ended);
  assert.equal(await outcome(() => old.accept()), "EBADF");
  clients.push(...await connectAll());
  for (const client of clients) {
    assert.equal(await within("an end", client.read(new Uint8Array(1))), null);
    client.close();
  }
  assert.equal(count, 60);
});

describe("What cannot be passed is refused:", () => {
  test("to bytes that are no address", () => {
    using listener = listen({ hostname: "127.0.0.1", port: 0 });
    const error = failure(() => listener.pass(new Uint8Array(10)));
    assert.equal(error.code, "EINVAL");
    assert.throws(() => listener.pass("x" as never), TypeError);
  });

  test("a named pipe", { skip: !isWindows && "Linux has none" }, async () => {
    using listener = listen({ path: newPath() });
    const refused = { name: "NotSupported" };
    assert.throws(() => listener.pass(inboxAddress()), refused);
    await assert.rejects(listener.stop(), refused);
    using ends = await localPair();
    const socket = await within("detaching", ends.server.detach());
    const pass = () => passSocket(socket, inboxAddress());
    assert.equal(failure(pass).code, "ENOTSOCK");
    /* It goes on here. */
    using adopted = ends.port.adopt(socket);
    await adopted.write(bytesOf("on"));
    assert.equal(await readText(ends.client), "on");
  });

  test("a closed listener, or one with two sockets", () => {
    using two = listen({ hostname: "localhost", port: 0 });
    const listener = listen({ hostname: "127.0.0.1", port: 0 });
    listener.close();
    const error = failure(() => listener.pass(inboxAddress()));
    assert.equal(error.code, "EBADF");
    assert.equal(two.addr.transport, "tcp");
  });

  test("a handle that is closed", () => {
    const handle = makeSocket();
    closeSocket(handle);
    const socket: DetachedSocket = { handle };
    const pass = () => passSocket(socket, inboxAddress());
    assert.equal(failure(pass).code, "ENOTSOCK");
    assert.equal(failure(() => dropSocket(socket)).code, "ENOTSOCK");
    assert.throws(() => dropSocket({} as never), TypeError);
  });

  test("a ticket that is wrong", () => {
    using port = new CompletionPort();
    const take = (length: number) => () =>
      port.listen({ ticket: new Uint8Array(length) });
    assert.equal(failure(take(3)).code, "EINVAL");
    assert.match(failure(take(isWindows ? 628 : 16)).code, /ENOENT/);
    assert.throws(() => port.adopt({ ticket: 5 } as never), TypeError);
    assert.throws(
      () => port.listen({ ticket: new Uint8Array(16), port: 5 } as never),
      TypeError,
    );
  });
});
