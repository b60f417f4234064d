// Copyright the iocp authors. MIT license.
/* Sends datagrams back to their senders, until one is "quit", with the socket of
 * the runtime that its argument names. */

import process from "node:process";

type Addr = { hostname: string; port: number; transport: "udp" };
interface Deno {
  listenDatagram(options: Addr): AsyncIterable<[Uint8Array, Addr]> & {
    readonly addr: Addr;
    send(p: Uint8Array, addr: Addr): Promise<number>;
    close(): void;
  };
}
interface BunSocket {
  readonly port: number;
  send(data: Uint8Array, port: number, hostname: string): boolean;
  close(): void;
}
interface Bun {
  udpSocket(options: {
    hostname: string;
    socket: {
      data(
        socket: BunSocket,
        data: Uint8Array,
        port: number,
        hostname: string,
      ): void;
    };
  }): Promise<BunSocket>;
}

const runtimes = globalThis as unknown as { Deno: Deno; Bun: Bun };
const hostname = "127.0.0.1";

function isLast(data: Uint8Array): boolean {
  return new TextDecoder().decode(data) === "quit";
}

if (process.argv[2] === "deno") {
  const { Deno } = runtimes;
  const socket = Deno.listenDatagram({ hostname, port: 0, transport: "udp" });
  console.log(`bound to ${socket.addr.port}`);
  for await (const [data, addr] of socket) {
    await socket.send(data, addr);
    if (isLast(data)) break;
  }
  socket.close();
} else {
  const socket = await runtimes.Bun.udpSocket({
    hostname,
    socket: {
      data(socket, data, port, hostname) {
        socket.send(data, port, hostname);
        if (isLast(data)) socket.close();
      },
    },
  });
  console.log(`bound to ${socket.port}`);
}
