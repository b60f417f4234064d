// Copyright the iocp authors. MIT license.

import { formatC, formatWithDprint } from "../format.js";

/** Everything is formatted. */
export async function formatStage({ report }) {
  await report.check("format: dprint", () => formatWithDprint(false));
  await report.check("format: clang-format", () => formatC(false));
}
