// Copyright the iocp authors. MIT license.
/* When a duplex keeps the process alive: as with a net.Socket, only while a read or
 * a write is pending. Each case is one of tests/programs/duplex.ts. */

import assert from "node:assert/strict";
import {
  type AddressInfo,
  createServer,
  type Server,
  type Socket,
} from "node:net";
import { describe, test } from "node:test";
import { createServer as createTlsServer } from "node:tls";
import { programPath, run, start } from "./shared/child.ts";
import { delay, within } from "./shared/deadline.ts";
import { identity } from "./shared/duplex.ts";
import { repositoryPath } from "./shared/files.ts";

/** A server in this process, for the program in the child process. */
class Peer implements Disposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor(server: Server) {
    this.#server = server;
  }

  static async open(server: Server): Promise<Peer> {
    const peer = new Peer(server);
    server.on("connection", (socket) => {
      peer.#sockets.add(socket);
      socket.on("error", () => {});
    });
    const listening = new Promise<void>((resolve) => {
      server.listen(0, "127.0.0.1", resolve);
    });
    await within("listening", listening);
    return peer;
  }

  get port(): string {
    return `${(this.#server.address() as AddressInfo).port}`;
  }

  [Symbol.dispose](): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }
}

const sendFoo = () => createServer((socket) => socket.end("foo"));
const sendNothing = () => createServer((socket) => socket.pause());

describe("The process exits", () => {
  const cases: [name: string, why: string, makeServer: () => Server][] = [
    ["unread", "with unread bytes after both sides have ended", sendFoo],
    ["paused", "with a paused duplex", sendNothing],
    ["unref", "with an unref'd duplex that reads", sendNothing],
    ["unrefBefore", "with a duplex of an unref'd connection", sendNothing],
  ];
  for (const [name, why, makeServer] of cases) {
    test(why, async () => {
      using peer = await Peer.open(makeServer());
      const ended = await run("duplex", [name, peer.port]);
      assert.equal(ended.stdout.trim(), "done", ended.stderr);
      assert.equal(ended.code, 0);
    });
  }

  test("with an unref'd TLS socket over a duplex", async () => {
    using peer = await Peer.open(
      createTlsServer(identity, (socket) => {
        socket.on("error", () => {});
        socket.write("hello");
      }),
    );
    const ca = repositoryPath("tests/shared/certificate/cert.pem");
    const ended = await run("duplex", ["tlsUnref", peer.port, ca]);
    assert.equal(ended.stdout.trim(), "done", ended.stderr);
    assert.equal(ended.code, 0);
  });
});

/* Longer than a process without pending work takes to exit. */
const ALIVE_MS = 1_500;

describe("The process keeps running", () => {
  const cases: [name: string, why: string][] = [
    ["reads", "while a duplex reads"],
    ["resumed", "when a duplex reads again after a pause"],
    ["refAgain", "when a duplex is ref'd again"],
    ["pausedWrite", "while a paused duplex writes"],
  ];
  for (const [name, why] of cases) {
    test(why, async () => {
      using peer = await Peer.open(sendNothing());
      using child = start(programPath("duplex"), [name, peer.port]);
      await within("its start", child.output(/open/));
      const ended = await Promise.race([child.ended, delay(ALIVE_MS)]);
      assert.equal(ended, undefined, "the process has exited");
    });
  }
});

test("An error thrown by a listener of a duplex is an uncaught exception", async () => {
  using peer = await Peer.open(
    createServer((socket) => socket.on("data", () => socket.write("x"))),
  );
  const ended = await run("duplex", ["throws", peer.port]);
  assert.equal(ended.stdout, "thrown by a listener\nthen x\n", ended.stderr);
  assert.equal(ended.code, 0);
});
