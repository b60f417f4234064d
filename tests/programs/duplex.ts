// Copyright the iocp authors. MIT license.
/* Programs with a duplex that exit or keep running, for
 * tests/duplex_life_test.ts. Their arguments are the name of a case, the port of
 * a server that either sends "foo" and ends or only stays open, and for TLS the
 * path of its certificate. */

import process from "node:process";
import { connect as connectTls } from "node:tls";
import { connect } from "../../mod.ts";

const [name = "", port = "", ca = ""] = process.argv.slice(2);

async function open() {
  const conn = await connect({ hostname: "127.0.0.1", port: Number(port) });
  return conn.duplex();
}

const cases: Record<string, () => unknown> = {
  async unread() {
    const duplex = await open();
    duplex.end("bar");
    console.log("done");
  },
  async paused() {
    const duplex = await open();
    duplex.pause();
    console.log("done");
  },
  async unref() {
    const duplex = await open();
    duplex.resume();
    duplex.unref();
    console.log("done");
  },
  async unrefBefore() {
    const conn = await connect({ hostname: "127.0.0.1", port: Number(port) });
    conn.unref();
    conn.duplex().resume();
    console.log("done");
  },
  async reads() {
    await open();
    console.log("open");
  },
  async resumed() {
    const duplex = await open();
    duplex.pause();
    duplex.resume();
    console.log("open");
  },
  async refAgain() {
    const duplex = await open();
    duplex.unref();
    duplex.ref();
    console.log("open");
  },
  async pausedWrite() {
    const duplex = await open();
    duplex.pause();
    duplex.write(new Uint8Array(64 * 1024 * 1024));
    console.log("open");
  },
  async tlsUnref() {
    const socket = connectTls({
      socket: await open(),
      ca: await (await import("node:fs/promises")).readFile(ca),
      servername: "localhost",
    });
    await new Promise((resolve) => socket.once("data", resolve));
    socket.unref();
    console.log("done");
  },
  async throws() {
    const duplex = await open();
    process.on("uncaughtException", (error: Error) => {
      console.log(error.message);
      duplex.on("data", (chunk: Uint8Array) => {
        console.log(`then ${chunk}`);
        duplex.destroy();
      });
      duplex.write("go on");
    });
    duplex.once("data", () => {
      throw new Error("thrown by a listener");
    });
    duplex.write("go");
  },
};

await cases[name]!();
