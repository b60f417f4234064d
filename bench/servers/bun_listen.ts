// Copyright the iocp authors. MIT license.
/* Bun's own sockets: callbacks, and what the system does not take is kept
 * until it has room. */

interface BunSocket {
  data: Uint8Array[];
  write(bytes: Uint8Array): number;
  setNoDelay(noDelay: boolean): void;
}
declare const Bun: {
  listen(options: {
    hostname: string;
    port: number;
    socket: {
      open(socket: BunSocket): void;
      data(socket: BunSocket, chunk: Uint8Array): void;
      drain(socket: BunSocket): void;
    };
  }): { port: number };
};

function send(socket: BunSocket, chunk: Uint8Array): boolean {
  const sent = socket.write(chunk);
  if (sent === chunk.length) return true;
  socket.data.unshift(chunk.slice(Math.max(sent, 0)));
  return false;
}

const server = Bun.listen({
  hostname: "127.0.0.1",
  port: 0,
  socket: {
    open(socket) {
      socket.data = [];
      socket.setNoDelay(true);
    },
    data(socket, chunk) {
      if (socket.data.length === 0) send(socket, chunk);
      else socket.data.push(chunk.slice());
    },
    drain(socket) {
      for (;;) {
        const chunk = socket.data.shift();
        if (chunk === undefined || !send(socket, chunk)) return;
      }
    },
  },
});
console.log(`listening on 127.0.0.1:${server.port}`);
