// Copyright the iocp authors. MIT license.
// Deno's own sockets.

async function writeAll(conn, bytes) {
  let sent = await conn.write(bytes);
  while (sent < bytes.length) sent += await conn.write(bytes.subarray(sent));
}

// Each chunk has its own memory. With pipeTo() it is slower.
async function echo(conn) {
  for await (const chunk of conn.readable) await writeAll(conn, chunk);
}

async function echoBuffer(conn) {
  const buffer = new Uint8Array(65536);
  for (;;) {
    const length = await conn.read(buffer);
    if (length === null) break;
    await writeAll(conn, buffer.subarray(0, length));
  }
}

/* Deno writes the messages to a peer in their order. */
const peers = new Set();
async function broadcast(conn) {
  peers.add(conn);
  for await (const chunk of conn.readable) {
    for (const to of peers) writeAll(to, chunk).catch(() => peers.delete(to));
  }
  peers.delete(conn);
}

/* See ../load/datagram.c. */
const datagramRoles = {
  async receive(socket) {
    let count = 0;
    for await (const [data, addr] of socket) {
      if (++count % 1024 === 0) await socket.send(data, addr);
    }
  },
  async send(socket) {
    for await (const [data, addr] of socket) {
      await Array.from({ length: 32 }, () => socket.send(data, addr)).at(-1);
    }
  },
};

function announce({ port }) {
  console.log(`listening on 127.0.0.1:${port}`);
}

const role = Deno.args.at(-1);
const address = { hostname: "127.0.0.1", port: 0 };
if (role === "http") {
  const handler = () => new Response("Hello, World!");
  Deno.serve({ ...address, onListen: announce }, handler);
} else if (role in datagramRoles) {
  const socket = Deno.listenDatagram({ ...address, transport: "udp" });
  announce(socket.addr);
  datagramRoles[role](socket);
} else {
  const roles = { echo, buffer: echoBuffer, broadcast };
  const serve = roles[role];
  const listener = Deno.listen(address);
  announce(listener.addr);
  for await (const conn of listener) {
    serve(conn).catch(() => {}).finally(() => {
      try {
        conn.close();
      } catch { /* The streams have closed it. */ }
    });
  }
}
