// Copyright the iocp authors. MIT license.
/* A program with a local socket that ends, for tests/local_socket_test.ts. */

import { connect, listen } from "../../mod.ts";
import { newPath } from "../shared/local.ts";

const path = newPath();
const listener = listen({ path });
const accepting = listener.accept();
const client = await connect({ path });
const server = await accepting;
listener.accept().catch(() => {});
listener.unref();
client.unref();
server.unref();
console.log("done");
