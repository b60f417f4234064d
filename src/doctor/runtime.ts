// Copyright the iocp authors. MIT license.
import { obstacle, type Surroundings } from "../runtime/requirements.ts";
import type { Check, Finding } from "./check.ts";

/** Whether the module can run in this runtime. */
export const runtimeCheck: Check = {
  id: "runtime",
  run({ host }): Finding {
    const { name, version, engine } = host;
    const facts = { name, version, engine };
    const reason = obstacle(globalThis as Surroundings);
    if (reason === undefined) {
      return { status: "ok", summary: `${name} ${version} (${engine})`, facts };
    }
    const advice = ["install a current Deno or Bun and run the doctor in it"];
    return { status: "failed", summary: reason, advice, facts };
  },
};
