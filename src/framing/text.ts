// Copyright the iocp authors. MIT license.

import { TextDecoder } from "../runtime/globals.ts";

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const lenient = new TextDecoder("utf-8", { ignoreBOM: true });

/** The text of bytes in UTF-8. With `isFatal` it throws a TypeError where they are
 * not; otherwise such bytes become U+FFFD. */
export function textOf(bytes: Uint8Array, isFatal: boolean): string {
  return (isFatal ? strict : lenient).decode(bytes);
}
