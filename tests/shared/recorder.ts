// Copyright the iocp authors. MIT license.
/* Finds out which tests a file has here, and which of them are skipped, without
 * running them: the file is imported with this module in the place of node:test. */

import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { repositoryPath, TemporaryFolder } from "./files.ts";

/** A test of a file. */
export interface Registration {
  /** The names of its describe() calls and its own, with " > " between them. */
  title: string;
  /** The reason why it is skipped, or false. */
  skip: string | false;
  /** Its name and its code. */
  text: string;
}

interface Outer {
  titles: string[];
  skip: string | false;
}
interface Options {
  skip?: string | boolean | undefined;
}

let found: Registration[] = [];
let outer: Outer = { titles: [], skip: false };

/* The options may be left out. */
function parse(name: string, rest: unknown[]): Outer & { body: () => void } {
  const [{ skip = false }, body] = (rest.length > 1 ? rest : [{}, ...rest]) as [
    Options,
    () => void,
  ];
  return {
    titles: [...outer.titles, name],
    skip: outer.skip || (skip === true ? "skipped" : skip),
    body,
  };
}

export function describe(name: string, ...rest: unknown[]): void {
  const before = outer;
  const { body, ...own } = parse(name, rest);
  outer = own;
  body();
  outer = before;
}

export function test(name: string, ...rest: unknown[]): void {
  const { titles, skip, body } = parse(name, rest);
  const title = titles.join(" > ");
  found.push({ title, skip, text: `${title} ${body}` });
}

/* What is done before and after tests. */
export function before(): void {}
export function after(): void {}

const OWN_URL = import.meta.url;

/** The tests of a file of tests/, given by its path there. */
export async function registrationsOf(file: string): Promise<Registration[]> {
  const path = repositoryPath(`tests/${file}`);
  const url = pathToFileURL(path);
  const text = readFileSync(path, "utf8")
    .replace('from "node:test"', `from ${JSON.stringify(OWN_URL)}`)
    .replace(
      /(from |import\()"(\.\.?\/[^"]+)"/g,
      (_, start, path) => `${start}${JSON.stringify(new URL(path, url).href)}`,
    )
    .replaceAll("import.meta.url", JSON.stringify(url.href));
  using folder = new TemporaryFolder();
  found = [];
  await import(pathToFileURL(folder.write("recorded.ts", text)).href);
  return found;
}
