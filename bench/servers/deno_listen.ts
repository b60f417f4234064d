// Copyright the iocp authors. MIT license.
/* Deno's own sockets, the fastest plain way: one buffer a connection. */

interface DenoConn {
  read(p: Uint8Array): Promise<number | null>;
  write(p: Uint8Array): Promise<number>;
  setNoDelay(): void;
}
interface DenoListener extends AsyncIterable<DenoConn> {
  addr: { port: number };
}
declare const Deno: {
  listen(options: { hostname: string; port: number }): DenoListener;
};

async function echo(conn: DenoConn) {
  conn.setNoDelay();
  const buffer = new Uint8Array(65536);
  for (;;) {
    const length = await conn.read(buffer);
    if (length === null) break;
    for (let sent = 0; sent < length;) {
      sent += await conn.write(buffer.subarray(sent, length));
    }
  }
}

const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
console.log(`listening on 127.0.0.1:${listener.addr.port}`);
for await (const conn of listener) echo(conn);
