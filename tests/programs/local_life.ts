// Copyright the iocp authors. MIT license.
/* A program with a local socket that ends, for tests/local_socket_test.ts. */

import { rmSync } from "node:fs";
import process from "node:process";
import { connect, listen } from "../../mod.ts";
import { isWindows, newPath } from "../shared/local.ts";

const path = newPath();
/* A listener that is not closed leaves its file. */
if (!isWindows) process.on("exit", () => rmSync(path, { force: true }));
const listener = listen({ path });
const accepting = listener.accept();
const client = await connect({ path });
const server = await accepting;
listener.accept().catch(() => {});
listener.unref();
client.unref();
server.unref();
console.log("done");
