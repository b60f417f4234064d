// Copyright the iocp authors. MIT license.
/* Parses the C header, to compare it with the TypeScript side. */

import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The text of a file of the repository. */
export function readText(path: string): string {
  const url = new URL(`../../${path}`, import.meta.url);
  return readFileSync(fileURLToPath(url), "utf8").replaceAll("\r\n", "\n");
}

/** The TypeScript files of src/, except the embedded libraries. */
export function sourceFiles(): string[] {
  const folder = fileURLToPath(new URL("../../src", import.meta.url));
  return readdirSync(folder, { recursive: true })
    .map((name) => `src/${String(name).replaceAll("\\", "/")}`)
    .filter((name) => name.endsWith(".ts") && !name.endsWith("_x86_64.ts"))
    .sort();
}

/** C without its comments. */
export function withoutComments(text: string): string {
  return text.replace(/\/\*[^]*?\*\//g, " ");
}

/** The text of iocp.h with the headers that it includes. */
export function readHeader(): string {
  return readText("ffi/include/iocp.h").replace(
    /^#include "(\w+\.h)"$/gm,
    (_, name) => readText(`ffi/include/${name}`),
  );
}

/** Every `#define IOCP_NAME number`. */
function definesOf(text: string): [name: string, value: number][] {
  const defines = withoutComments(text).replace(/\\\n */g, "").matchAll(
    /^#define (IOCP_\w+)[ \t]+(0x[0-9a-f]+|\d+)u?[ \t]*$/gim,
  );
  return [...defines].map(([, name, value]) => [name!, Number(value)]);
}

/** A row of iocp_option.h. */
export interface NativeOption {
  name: string;
  number: number;
  owner: string;
  scope: string;
  min: number;
  max: number;
}

/** The rows of IOCP_OPTIONS(X) in iocp_option.h. */
export function nativeOptions(): NativeOption[] {
  const text = readText("ffi/include/iocp_option.h");
  const defines = new Map([...definesOf(text), ["INT32_MAX", 2 ** 31 - 1]]);
  const value = (word: string): number => defines.get(word) ?? Number(word);
  const list = /^#define IOCP_OPTIONS\(X\)((?:.*\\\n)*.*)/m.exec(text)![1]!;
  const rows = list.matchAll(
    /X\((\w+), (\d+), (\w+), (\w+), (\w+),[\s\\]*(\w+)\)/g,
  );
  return [...rows].map(([, name, number, owner, scope, min, max]) => ({
    name: name!,
    number: Number(number),
    owner: owner!,
    scope: scope!,
    min: value(min!),
    max: value(max!),
  }));
}

/** Every `#define IOCP_NAME number`, and the options of iocp_option.h. */
export function definedNumbers(text: string): Map<string, number> {
  return new Map([
    ...definesOf(text),
    ...nativeOptions().map(({ name, number }) =>
      [`IOCP_${name}`, number] as const
    ),
  ]);
}

/** One field of a struct, in order. */
export interface Field {
  type: string;
  name: string;
}

/** The fields of `struct name`. */
export function fieldsOf(text: string, name: string): Field[] {
  const body = new RegExp(`struct ${name} \\{([^}]*)\\}`).exec(
    withoutComments(text),
  );
  if (body === null) throw new Error(`no struct ${name}`);
  return [...body[1]!.matchAll(/(\w+) (\w+)(?:\[\d+\])?;/g)].map((match) => ({
    type: match[1]!,
    name: match[2]!,
  }));
}

/** One exported function. */
export interface Prototype {
  name: string;
  result: string;
  parameters: string[];
}

/** Every function that the header exports. */
export function prototypesOf(text: string): Prototype[] {
  const found = withoutComments(text).matchAll(
    /IOCP_API\s+([\w\s]+?)\s*\b(iocp_\w+)\(([^)]*)\);/g,
  );
  return [...found].map(([, result, name, list]) => ({
    name: name!,
    result: result!,
    parameters: list!.trim() === "void"
      ? []
      : list!.split(",").map((one) => one.replace(/\s+/g, " ").trim()),
  }));
}
