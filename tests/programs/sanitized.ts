// Copyright the iocp authors. MIT license.
/* Tests for `deno test --sanitize-ops --sanitize-resources`, which fails a test
 * that leaks an operation, a timer or a resource. Each of them closes all that it
 * opens. tests/preload_test.ts runs them. */

import { once } from "node:events";
import { createServer as createHttpServer, get } from "node:http";
import { httpAgent } from "../../http.ts";
import {
  CompletionPort,
  connect,
  connectSync,
  listen,
  serveHttp,
} from "../../mod.ts";
import { connect as connectSocket, createServer } from "../../net.ts";
import { identity } from "../shared/duplex.ts";

interface StockConn {
  read(p: Uint8Array): Promise<number | null>;
  close(): void;
}
interface StockListener extends StockConn {
  readonly addr: { hostname: string; port: number };
  accept(): Promise<StockConn>;
}
/* The parts of Deno that are used here, declared so that the types of Deno are
 * not needed. */
const { Deno } = globalThis as unknown as {
  Deno: {
    test(name: string, body: () => unknown): void;
    connect(options: object): Promise<StockConn>;
    listen(options: object): StockListener;
    env: { get(name: string): string | undefined };
  };
};

const ROUNDS = Number(Deno.env.get("IOCP_TEST_ROUNDS") ?? 100);
const local = { hostname: "127.0.0.1", port: 0 };
const bytes = new Uint8Array(64);

/* Waits long enough for the loop to park. */
function letPark(ms = 5): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function exchange(
  port: { connect: typeof connect; listen: typeof listen },
) {
  const listener = port.listen(local);
  const [client, server] = await Promise.all([
    port.connect(listener.addr),
    listener.accept(),
  ]);
  await client.write(bytes);
  await server.read(new Uint8Array(100));
  return { listener, client, server };
}

const cases: [name: string, body: () => unknown][] = [
  ["a listener", () => listen(local).close()],
  ["both ends", async () => {
    const { listener, client, server } = await exchange({ connect, listen });
    await letPark();
    server.close();
    client.close();
    listener.close();
  }],
  ["one end, then the other", async () => {
    const { listener, client, server } = await exchange({ connect, listen });
    client.close();
    await server.read(new Uint8Array(8));
    await letPark();
    server.close();
    listener.close();
  }],
  ["at the end of the block", async () => {
    await using listener = listen(local);
    await using client = await connect(listener.addr);
    await using server = await listener.accept();
    await client.write(bytes);
    await server.read(new Uint8Array(9));
  }],
  ["with pending calls", async () => {
    const { listener, client, server } = await exchange({ connect, listen });
    const waiting = [listener.accept(), client.read(new Uint8Array(1))];
    await letPark();
    for (const one of [listener, client, server]) one.close();
    await Promise.allSettled(waiting);
  }],
  ["by a loop", async () => {
    const { listener, client, server } = await exchange({ connect, listen });
    client.close();
    for await (const _ of server);
    listener.close();
  }],
  ["a port", async () => {
    using port = new CompletionPort();
    const ends = await exchange({
      connect: port.connect.bind(port) as typeof connect,
      listen: port.listen.bind(port) as typeof listen,
    });
    ends.client.read(new Uint8Array(1)).catch(() => {});
    await letPark();
  }],
  ["a port after its sockets", async () => {
    using port = new CompletionPort();
    const listener = port.listen(local);
    await letPark();
    listener.close();
  }],
  ["by a reset", async () => {
    const { listener, client, server } = await exchange({ connect, listen });
    client.reset();
    await server.read(new Uint8Array(8)).catch(() => {});
    server.close();
    listener.close();
  }],
  ["before a peer of Deno's own", async () => {
    const listener = Deno.listen(local);
    const { hostname, port } = listener.addr;
    const [conn, peer] = await Promise.all([
      connect({ hostname, port }),
      listener.accept(),
    ]);
    await conn.write(bytes);
    conn.close();
    await letPark();
    peer.close();
    listener.close();
  }],
  ["after a peer of Deno's own", async () => {
    const listener = listen(local);
    const [peer, conn] = await Promise.all([
      Deno.connect(listener.addr),
      listener.accept(),
    ]);
    await conn.write(bytes);
    peer.close();
    await letPark();
    conn.close();
    listener.close();
  }],
  ["after blocking calls", () => {
    using listener = listen(local);
    using client = connectSync(listener.addr);
    using server = listener.acceptSync();
    client.writeSync(bytes);
    server.readSync(new Uint8Array(100));
  }],
  ["after calls with limits", async () => {
    const { listener, client, server } = await exchange({ connect, listen });
    const p = new Uint8Array(100);
    const timeout = 3_600_000;
    const controller = new AbortController();
    const { signal } = controller;
    await client.write(bytes, { signal, timeout });
    await server.read(p, { signal, timeout });
    client.setTimeout(timeout);
    const calls = Promise.allSettled([
      server.read(p, { timeout: 1 }),
      server.read(p, { signal, timeout }),
      server.write(new Uint8Array(40_000_000), { signal, timeout }),
      server.closeWrite({ signal }),
      listener.accept({ timeout: 1 }),
      listener.accept({ signal }),
    ]);
    await letPark();
    controller.abort();
    await calls;
    const loop = server.chunks({ timeout: 1 });
    await loop.next().catch(() => {});
    for (const one of [listener, client, server]) one.close();
  }],
  ["after failed connects", async () => {
    const listener = listen(local);
    const { port } = listener.addr;
    const controller = new AbortController();
    const calls = [
      connect({ port: 1, timeout: 60_000 }),
      connect({ port, hostname: "127.0.0.1", signal: controller.signal }),
      connect({ port: 1, hostname: "localhost" }),
    ];
    controller.abort();
    await Promise.allSettled(calls);
    listener.close();
  }],
  ["with TLS", async () => {
    const listener = listen({ ...local, tls: identity });
    const tls = { ca: identity.cert, serverName: "localhost" };
    const [client, server] = await Promise.all([
      connect({ ...listener.addr, tls }),
      listener.accept(),
    ]);
    await client.write(bytes);
    client.close();
    for await (const _ of server);
    server.close();
    listener.close();
  }],
  ["a share", async () => {
    const listener = listen(local);
    const part = listen({ share: listener.share() });
    const [client, server] = await Promise.all([
      connect(listener.addr),
      part.accept(),
    ]);
    for (const one of [client, server, part, listener]) one.close();
  }],
  ["sockets of iocp/net", async () => {
    const server = createServer((socket) => socket.pipe(socket));
    await once(server.listen(0, "127.0.0.1"), "listening");
    const { port } = server.address() as { port: number };
    const client = connectSocket(port, "127.0.0.1").setTimeout(3_600_000);
    client.end(bytes);
    await once(client.resume(), "close");
    await once(server.close(), "close");
  }],
  ["sockets of iocp/net, by destroy()", async () => {
    const server = createServer();
    await once(server.listen(0, "127.0.0.1"), "listening");
    const { port } = server.address() as { port: number };
    const client = connectSocket(port, "127.0.0.1");
    const [accepted] = await once(server, "connection") as [typeof client];
    client.destroy();
    accepted.on("error", () => {}).resume();
    await once(accepted, "close");
    await once(server.close(), "close");
  }],
  ["a server and an agent of node:http", async () => {
    const server = createHttpServer((_, response) => response.end("hello"));
    const service = serveHttp(server, listen(local));
    const agent = httpAgent({ keepAlive: true });
    const { port } = service.addr as { port: number };
    const [response] = await once(get({ port, agent }), "response");
    await once(response.resume(), "end");
    agent.destroy();
    await service.close();
  }],
];

for (let round = 0; round < ROUNDS; round++) {
  const [name, body] = cases[round % cases.length]!;
  Deno.test(`closes ${name} (${round})`, body);
}
