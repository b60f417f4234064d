// Copyright the iocp authors. MIT license.
/* Bun's own sockets: callbacks, and what the system does not take is kept
 * until it has room. */

import { argv } from "node:process";
import { encodeCount, makeBlocks } from "./pattern.js";

interface BunSocket {
  data: State;
  write(bytes: Uint8Array): number;
  end(): void;
}
interface State {
  kept: Uint8Array[];
  /** Of bytes received or sent. */
  count: number;
}
interface Handlers {
  open?(socket: BunSocket): void;
  data?(socket: BunSocket, chunk: Uint8Array): void;
  drain?(socket: BunSocket): void;
  end?(socket: BunSocket): void;
  close?(socket: BunSocket): void;
  error?(): void;
}
declare const Bun: {
  listen(options: {
    hostname: string;
    port: number;
    allowHalfOpen?: boolean;
    socket: Handlers;
  }): { port: number };
  serve(options: {
    hostname: string;
    port: number;
    fetch(): Response;
  }): { port: number };
};

function send(socket: BunSocket, chunk: Uint8Array): boolean {
  const sent = socket.write(chunk);
  if (sent === chunk.length) return true;
  socket.data.kept.unshift(chunk.slice(Math.max(sent, 0)));
  return false;
}

function sendOrKeep(socket: BunSocket, chunk: Uint8Array) {
  if (socket.data.kept.length === 0) send(socket, chunk);
  else socket.data.kept.push(chunk.slice());
}

function sendKept(socket: BunSocket) {
  for (;;) {
    const chunk = socket.data.kept.shift();
    if (chunk === undefined || !send(socket, chunk)) return;
  }
}

const echo: Handlers = { data: sendOrKeep, drain: sendKept };

const sink: Handlers = {
  data(socket, chunk) {
    socket.data.count += chunk.length;
  },
  end(socket) {
    sendOrKeep(socket, encodeCount(socket.data.count));
    socket.end();
  },
};

const blockAt = makeBlocks();
/* What was not taken is sent again from the pattern, so nothing is kept. */
function sendBlocks(socket: BunSocket) {
  for (;;) {
    const sent = socket.write(blockAt(socket.data.count));
    if (sent <= 0) return;
    socket.data.count += sent;
  }
}
const source: Handlers = { open: sendBlocks, drain: sendBlocks };

const peers = new Set<BunSocket>();
const broadcast: Handlers = {
  open(socket) {
    peers.add(socket);
  },
  data(_, chunk) {
    for (const peer of peers) sendOrKeep(peer, chunk);
  },
  drain: sendKept,
  close(socket) {
    peers.delete(socket);
  },
};

function serve(role: string): { port: number } {
  const address = { hostname: "127.0.0.1", port: 0 };
  if (role === "http") {
    const fetch = () => new Response("Hello, World!");
    return Bun.serve({ ...address, fetch });
  }
  const roles: Record<string, Handlers> = { echo, sink, source, broadcast };
  const handlers = roles[role];
  if (handlers === undefined) throw new Error(`no such role: ${role}`);
  return Bun.listen({
    ...address,
    allowHalfOpen: role === "sink",
    socket: {
      data() {},
      ...handlers,
      open(socket) {
        socket.data = { kept: [], count: 0 };
        handlers.open?.(socket);
      },
      error() {},
    },
  });
}

const { port } = serve(argv.at(-1)!);
console.log(`listening on 127.0.0.1:${port}`);
