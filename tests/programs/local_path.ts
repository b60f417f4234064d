// Copyright the iocp authors. MIT license.
/* Prints the path of localSocketPath() for its argument, or the error. */

import process from "node:process";
import { localSocketPath } from "../../mod.ts";

try {
  console.log(localSocketPath(process.argv[2]!));
} catch (error) {
  const { code, message } = error as { code?: string; message: string };
  console.log(`${code ?? (error as Error).name}: ${message}`);
}
