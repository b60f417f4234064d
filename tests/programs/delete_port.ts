// Copyright the iocp authors. MIT license.
/* Closes ports in random combinations of states: all pending promises settle, and
 * no handle or memory leaks.
 *
 *   delete_port.ts SEED ROUNDS */

import { CompletionPort } from "../../mod.ts";
import { within } from "../shared/deadline.ts";
import { repeat } from "../shared/rounds.ts";
import { enterStates, STATES } from "../shared/states.ts";

await repeat(async (random) => {
  const port = new CompletionPort();
  const names = random.shuffled(Object.keys(STATES))
    .slice(0, random.integer(1, 5));
  const { pending } = await enterStates(port, names, random.chance(0.2));
  port.close();
  const settled = Promise.allSettled(pending);
  await within(`the pending calls of ${names.join()}`, settled);
});
