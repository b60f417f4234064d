// Copyright the iocp authors. MIT license.
/* Listens on the path of its argument, and accepts until it is killed. */

import process from "node:process";
import { listen } from "../../mod.ts";

const listener = listen({ path: process.argv[2]! });
console.log("listening");
for await (const conn of listener) conn.close();
