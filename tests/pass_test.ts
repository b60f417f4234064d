// Copyright the iocp authors. MIT license.
/* Sockets that are passed to another process and back. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { describe, test } from "node:test";
import {
  CompletionPort,
  type DetachedSocket,
  dropSocket,
  inboxAddress,
  listen,
  type NetAddr,
  passSocket,
} from "../mod.ts";
import { programPath, start } from "./shared/child.ts";
import { within } from "./shared/deadline.ts";
import { LineReader, writeLine } from "./shared/lines.ts";
import { isWindows, newPath } from "./shared/local.ts";
import { closeSocket, makeSocket } from "./shared/os_socket.ts";
import { failure, outcome } from "./shared/outcome.ts";
import { pair } from "./shared/pair.ts";
import { bytesOf } from "./shared/pattern.ts";

const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64");
const fromBase64 = (text: string) =>
  new Uint8Array(Buffer.from(text, "base64"));

test("A connection is passed to a child process and back", async () => {
  using ends = await pair();
  using other = new CompletionPort();
  const { client, server } = ends;
  using control = other.listen({ path: newPath() });
  using child = start(programPath("pass"), [control.addr.path]);
  using channel = await within("the child", control.accept());
  const reader = new LineReader(channel);
  const { address } = await within("the address", reader.line());
  await client.write(bytesOf("abc"));
  const socket = await within("detaching", server.detach());
  const ticket = passSocket(socket, fromBase64(address!));
  await writeLine(channel, {
    ticket: base64(ticket),
    bytes: base64(socket.bytes ?? new Uint8Array(0)),
    address: base64(inboxAddress()),
  });
  await client.write(bytesOf("def"));
  const p = new Uint8Array(100);
  let text = "";
  while (text.length < 16) {
    const count = await within("the answer", client.read(p));
    text += new TextDecoder().decode(p.subarray(0, count!));
  }
  assert.equal(text, "child got abcdef");
  const back = await within("the ticket", reader.line());
  const adopted = other.adopt({
    ticket: fromBase64(back["ticket"]!),
    bytes: fromBase64(back["bytes"]!),
  });
  await writeLine(channel, {});
  dropSocket(socket);
  const { code, stderr } = await within("the end of the child", child.ended);
  assert.equal(code, 0, stderr);
  /* The connection is open although the child has ended. */
  await client.write(bytesOf("again"));
  assert.equal(await within("a read", adopted.read(p)), 5);
  await adopted.write(bytesOf("and back"));
  assert.equal(await within("a read", client.read(p)), 8);
  adopted.close();
  assert.equal(await within("the end", client.read(p)), null);
});

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
