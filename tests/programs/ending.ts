// Copyright the iocp authors. MIT license.
/* A process that ends in the midst of everything.
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
  unref({ held }) {
    for (const one of held) one.unref();
  },
  /* The parent does it. */
  signal() {
    setInterval(() => {}, 1000);
  },
};

const [states, ending] = process.argv.slice(-2) as [string, string];
const stage = await enterStates(new CompletionPort(), states.split(","), true);
console.log("there");
await ENDINGS[ending]!(stage);
