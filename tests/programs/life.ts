// Copyright the iocp authors. MIT license.
/* Programs that exit or keep running, for tests/life_test.ts. The first argument
 * is the name of a case. */

import process from "node:process";
import { broadcast, CompletionPort, connect, listen } from "../../mod.ts";

const local = { hostname: "127.0.0.1", port: 0 };

function print(text: string): void {
  console.log(text);
}

function later(ms: number, action: () => void): void {
  setTimeout(action, ms);
}

/* Long enough for the loop to park. */
const PARKED_MS = 300;

async function connected() {
  const listener = listen(local);
  const [client, server] = await Promise.all([
    connect(listener.addr),
    listener.accept(),
  ]);
  return { listener, client, server };
}

const cases: Record<string, () => unknown> = {
  nothing() {
    print("done");
  },
  portOnly() {
    new CompletionPort();
    print("done");
  },
  refListener() {
    const listener = listen(local);
    print(`listening ${listener.addr.port}`);
  },
  refListenerAccepting() {
    const listener = listen(local);
    listener.accept();
    print(`listening ${listener.addr.port}`);
  },
  unrefListener() {
    listen(local).unref();
    print("done");
  },
  unrefListenerAccepting() {
    const listener = listen(local);
    listener.accept();
    listener.unref();
    print("done");
  },
  unrefListenerParked() {
    const listener = listen(local);
    listener.accept();
    later(PARKED_MS, () => {
      listener.unref();
      print("done");
    });
  },
  refAgain() {
    const listener = listen(local);
    listener.accept();
    listener.unref();
    listener.unref();
    listener.ref();
    listener.ref();
    print(`listening ${listener.addr.port}`);
  },
  refConn: async () => {
    const { listener } = await connected();
    listener.close();
    print("open");
  },
  unrefConn: async () => {
    const { listener, client, server } = await connected();
    client.read(new Uint8Array(1));
    later(PARKED_MS, () => {
      client.unref();
      server.unref();
      listener.unref();
      print("done");
    });
  },
  unrefListenerServes: async () => {
    const listener = listen(local);
    listener.unref();
    const served = listener.accept().then((conn) => {
      conn.close();
      print("served");
    });
    print(`listening ${listener.addr.port}`);
    const timer = setInterval(() => {}, 1_000);
    await served;
    clearInterval(timer);
  },
  exitParked() {
    const listener = listen(local);
    listener.accept();
    later(PARKED_MS, () => process.exit(7));
  },
  throwParked() {
    const listener = listen(local);
    listener.accept();
    later(PARKED_MS, () => {
      throw new Error("thrown on purpose");
    });
  },
  closeParked: async () => {
    const { listener, client, server } = await connected();
    server.read(new Uint8Array(1)).catch(() => {});
    later(PARKED_MS, () => {
      client.close();
      server.close();
      listener.close();
      print("done");
    });
  },
  closePortParked: async () => {
    const port = new CompletionPort();
    const listener = port.listen(local);
    await Promise.all([port.connect(listener.addr), listener.accept()]);
    later(PARKED_MS, () => {
      port.close();
      print("done");
    });
  },
  closePortAtOnce() {
    const port = new CompletionPort();
    port.listen(local).accept().catch(() => print("done"));
    port.close();
  },
  manyPorts: async () => {
    for (let i = 0; i < 20; i++) {
      const port = new CompletionPort();
      const listener = port.listen(local);
      await Promise.all([port.connect(listener.addr), listener.accept()]);
      if (i % 2 === 0) port.close();
      else listener.unref();
      if (i % 2 === 1) later(PARKED_MS, () => port.close());
    }
    print("done");
  },
  connectTimeout: async () => {
    const listener = listen(local);
    const [client] = await Promise.all([
      connect({ ...listener.addr, timeout: 600_000 }),
      listener.accept().then((conn) => conn.close()),
    ]);
    client.close();
    listener.close();
    print("done");
  },
  connectRefused: async () => {
    await connect({ port: 1 }).catch((error) => print(error.code));
  },
  pendingWrites: async () => {
    const [, , hostname, number] = process.argv.slice(1);
    const conn = await connect({ hostname: hostname!, port: Number(number) });
    for (let i = 0; i < 64; i++) conn.write(new Uint8Array(256 * 1024).fill(i));
    conn.close();
    print("done");
  },
  writesAtExit: async () => {
    const [, , hostname, number] = process.argv.slice(1);
    /* A listener that runs after that of the module, if it has one. */
    const conn = await connect({ hostname: hostname!, port: Number(number) });
    const write = () => conn.writeSync(new TextEncoder().encode("goodbye"));
    if ("Deno" in globalThis) globalThis.addEventListener("unload", write);
    else process.on("exit", write);
    later(PARKED_MS, () => process.exit(0));
  },
  /* Each way to write, on an unref'd connection. */
  unrefWriting: async () => {
    const [, , hostname, number, how] = process.argv.slice(1);
    const conn = await connect({ hostname: hostname!, port: Number(number) });
    const bytes = new Uint8Array(16 << 20).fill(7);
    if (how !== "unrefLate") conn.unref();
    if (how === "duplex") {
      conn.duplex().unref();
      conn.duplex().end(bytes);
    } else if (how === "writable") {
      const writer = conn.writable.getWriter();
      writer.write(bytes);
      writer.close();
    } else if (how === "broadcast") broadcast([conn], bytes);
    else if (how === "parts") {
      (async () => {
        for (let n = 0; n < bytes.length; n += 1 << 20) {
          await conn.write(bytes.subarray(n, n + (1 << 20)));
        }
      })();
    } else conn.write(bytes);
    if (how === "closeWrite") conn.closeWrite();
    if (how === "close") conn.close();
    if (how === "detach") conn.detach().then(() => print("detached"));
    if (how === "unrefLate") conn.unref();
    print("done");
  },
  unrefUnaccepted: async () => {
    const listener = listen(local);
    const first = await Promise.all([
      listener.accept(),
      connect(listener.addr),
    ]);
    const others = [await connect(listener.addr), await connect(listener.addr)];
    later(PARKED_MS, () => {
      for (const one of [listener, ...first, ...others]) one.unref();
      print("done");
    });
  },
  unrefDeadlines: async () => {
    const { listener, client, server } = await connected();
    const options = { timeout: 3_600_000 };
    client.read(new Uint8Array(1), options);
    listener.accept(options);
    server.setTimeout(3_600_000);
    later(PARKED_MS, () => {
      for (const one of [listener, client, server]) one.unref();
      print("done");
    });
  },
  refDeadlines: async () => {
    const { listener, client, server } = await connected();
    server.unref();
    listener.unref();
    try {
      await client.read(new Uint8Array(1), { timeout: 2 * PARKED_MS });
    } catch (error) {
      print((error as { code: string }).code);
      client.close();
    }
  },
  abandonedReads: async () => {
    const { listener, client, server } = await connected();
    client[Symbol.asyncIterator]().next();
    server.readable.getReader().read();
    for (const one of [client, server, listener]) one.unref();
    print("done");
  },
};

const [, , name = "nothing"] = process.argv;
await cases[name]!();
