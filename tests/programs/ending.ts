// Copyright the iocp authors. MIT license.
/* A process that ends while its port is in the given states.
 *
 *   ending.ts STATE[,STATE] ENDING */

import process from "node:process";
import { CompletionPort } from "../../mod.ts";
import { enterStates, type Stage } from "../shared/states.ts";

const ENDINGS: Readonly<Record<string, (stage: Stage) => unknown>> = {
  close({ port }) {
    port.close();
  },
  exit() {
    process.exit(7);
  },
  throw() {
    setTimeout(() => {
      throw new Error("thrown on purpose");
    });
  },
  reject() {
    Promise.reject(new Error("rejected on purpose"));
  },
  unref({ sockets }) {
    for (const socket of sockets) socket.unref();
  },
  /* The parent sends the signal. */
  signal() {
    setInterval(() => {}, 1000);
  },
};

const [states, ending] = process.argv.slice(-2) as [string, string];
const stage = await enterStates(new CompletionPort(), states.split(","), true);
console.log("ready");
await ENDINGS[ending]!(stage);
