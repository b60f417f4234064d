// Copyright the iocp authors. MIT license.
/**
 * The command-line program: `iocp doctor`.
 *
 * ```sh
 * deno run -A cli.ts doctor
 * bun cli.ts doctor --json
 * ```
 *
 * @module
 */

import {
  HELP,
  parseArguments,
  type Request,
  UsageError,
} from "./src/doctor/command_line.ts";
import { examine } from "./src/doctor/doctor.ts";
import { textOf } from "./src/doctor/text.ts";
import { currentHost } from "./src/runtime/current_host.ts";
import type { Host } from "./src/runtime/host.ts";
import { VERSION } from "./src/version.ts";

async function main(host: Host): Promise<number> {
  let request: Request;
  try {
    request = parseArguments(host.args);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    host.printError(`iocp: ${error.message}\n\n${HELP}`);
    return 2;
  }
  if (request.command === "doctor") {
    const report = await examine(host, request);
    const { isJson } = request;
    host.print(isJson ? JSON.stringify(report, null, 2) : textOf(report));
    return report.status === "ok" ? 0 : 1;
  }
  host.print(request.command === "help" ? HELP : VERSION);
  return 0;
}

const host: Host = currentHost();
/* Resources that a check left open must not keep the process alive. */
main(host).then((code) => host.exit(code), (error) => {
  host.printError(`iocp: ${error}`);
  host.exit(1);
});
