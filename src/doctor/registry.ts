// Copyright the iocp authors. MIT license.
/* Values of the Windows registry, read by reg.exe, whose output has no words in
 * the language of the system. */

import type { Host } from "../runtime/host.ts";
import { runCommand } from "./command.ts";

/** A value below a key: its name, type and data as text. */
export interface RegistryValue {
  readonly key: string;
  readonly name: string;
  readonly type: string;
  readonly data: string;
}

/** Parses what `reg query` prints. */
export function parseRegistry(output: string): RegistryValue[] {
  const values: RegistryValue[] = [];
  let key = "";
  for (const line of output.split(/\r?\n/)) {
    if (line.startsWith("HKEY_")) key = line.trim();
    const match = /^ {4}(.+?) {4}(REG_[A-Z_]+) {4}(.*)$/.exec(line);
    if (match === null) continue;
    const [, name, type, data] = match as unknown as string[];
    values.push({ key, name: name!, type: type!, data: data! });
  }
  return values;
}

/** Reads the values of a key and of those below it; undefined when the key is
 * missing or reg.exe may not be run. */
export async function readRegistry(
  host: Host,
  key: string,
): Promise<RegistryValue[] | undefined> {
  const output = await runCommand(host, "reg", ["query", key, "/s"]);
  return output === undefined ? undefined : parseRegistry(output);
}

/** Reads the values of one key, by name; numbers as decimal text. */
export async function queryRegistry(
  host: Host,
  key: string,
): Promise<Map<string, string> | undefined> {
  const output = await runCommand(host, "reg", ["query", key]);
  if (output === undefined) return undefined;
  return new Map(
    parseRegistry(output).map(({ name, type, data }) => [
      name,
      type === "REG_DWORD" ? String(Number(data)) : data,
    ]),
  );
}
