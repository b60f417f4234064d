// Copyright the iocp authors. MIT license.
/* The README and the pages of docs/: their examples run, and their links, files
 * and commands exist. */

import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { posix } from "node:path";
import { describe, test } from "node:test";
import * as module from "../mod.ts";
import { type Conn, connect, listen } from "../mod.ts";
import { type Option, OPTIONS } from "../src/options/table.ts";
import { type Child, start } from "./shared/child.ts";
import { repositoryPath, TemporaryFolder } from "./shared/files.ts";
import { readText } from "./shared/header.ts";
import {
  type CodeBlock,
  codeBlocksOf,
  fragmentsOf,
  linksOf,
} from "./shared/markdown.ts";

const documents = [
  ...readdirSync(repositoryPath(".")).filter((name) => name.endsWith(".md")),
  ...readdirSync(repositoryPath("docs"))
    .filter((name) => name.endsWith(".md")).map((name) => `docs/${name}`),
];

/** Starts an example as a program, with `specifier` in the place of "iocp". */
function run(
  folder: TemporaryFolder,
  { code }: CodeBlock,
  modulePath: string,
  env: Record<string, string> = {},
): Child {
  const specifier = JSON.stringify(new URL(modulePath, import.meta.url).href);
  const net = JSON.stringify(new URL("../net.ts", import.meta.url).href);
  const http = JSON.stringify(new URL("../http.ts", import.meta.url).href);
  const program = code.replaceAll('from "iocp"', `from ${specifier}`)
    .replaceAll('from "iocp/net"', `from ${net}`)
    .replaceAll('from "iocp/http"', `from ${http}`);
  assert.notEqual(program, code, "the example does not import the module");
  return start(folder.write("example.ts", program), [], { env });
}

async function endsWell(child: Child, { code }: CodeBlock): Promise<void> {
  const { code: exit, signal, stderr } = await child.ended;
  assert.deepEqual([exit, signal], [0, null], `${code}\n${stderr}`);
}

async function runsToItsEnd(block: CodeBlock): Promise<void> {
  using folder = new TemporaryFolder();
  using child = run(folder, block, "../mod.ts");
  await endsWell(child, block);
}

const REQUEST = new TextEncoder().encode(
  "GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n",
);

/** Returns a connection on which the server has answered. */
async function exchange(port: number): Promise<Conn> {
  const conn = await connect({ port });
  await conn.write(REQUEST);
  assert.ok(await conn.read(new Uint8Array(1024)), "no answer");
  return conn;
}

async function survivesResets(block: CodeBlock): Promise<void> {
  using folder = new TemporaryFolder();
  using child = run(folder, block, "./shared/example_module.ts");
  const [, port] = await child.output(/^listening on port (\d+)$/m);
  for (let count = 0; count < 8; count++) {
    (await exchange(Number(port))).reset();
  }
  (await exchange(Number(port))).close();
  assert.equal(child.process.exitCode, null, child.stderr);
}

async function echo(conn: Conn): Promise<void> {
  for await (const chunk of conn) await conn.write(chunk);
}

async function exchangesWithEcho(block: CodeBlock): Promise<void> {
  using listener = listen({ hostname: "127.0.0.1", port: 0 });
  const served = listener.accept().then(echo);
  using folder = new TemporaryFolder();
  const env = { IOCP_TEST_PORT: `${listener.addr.port}` };
  using child = run(folder, block, "./shared/example_module.ts", env);
  await endsWell(child, block);
  await served;
}

/* The kind of program by the word after "ts". */
const CHECKS: Record<string, [string, (block: CodeBlock) => Promise<void>]> = {
  client: ["a client of an echo server", exchangesWithEcho],
  server: ["a server whose clients reset", survivesResets],
};

for (const document of documents) {
  const blocks = codeBlocksOf(readText(document))
    .filter(({ info }) => info[0] === "ts");
  if (blocks.length === 0) continue;
  describe(`The examples of ${document} run`, () => {
    for (const block of blocks) {
      const mark = block.info.slice(1).join(" ");
      const [what, check] = mark === ""
        ? ["a whole program", runsToItsEnd] as const
        : CHECKS[mark] ?? assert.fail(`${document}: no such mark: ${mark}`);
      test(`Line ${block.line}: ${what}`, () => check(block));
    }
  });
}

/** What is wrong with a link, or undefined. */
function problemOf(document: string, target: string): string | undefined {
  if (/^[a-z]+:/.test(target)) return undefined;
  const [path, fragment] = target.split("#") as [string, string?];
  const file = path === ""
    ? document
    : posix.join(posix.dirname(document), path);
  if (!existsSync(repositoryPath(file))) return `${target}: no such file`;
  if (
    fragment === undefined || fragmentsOf(readText(file)).includes(fragment)
  ) {
    return undefined;
  }
  return `${target}: no such heading`;
}

/* A path of the repository, without placeholders or wildcards. Those in src/win/
 * are libuv's. */
const PATH =
  /(?<![\w./-])(?:bench|docs|examples|ffi|scripts|src|tests)\/(?!win\/|[\w./-]*[*{<])[\w./-]*[\w/]/g;

test("The links of documents lead to existing files and headings", () => {
  const problems = documents.flatMap((document) =>
    linksOf(readText(document)).map((target) => problemOf(document, target))
      .filter((problem) => problem !== undefined)
      .map((problem) => `${document}: ${problem}`)
  );
  assert.deepEqual(problems, []);
});

test("Every page of docs/ can be reached from the README", () => {
  const reached = new Set(["README.md"]);
  for (const document of reached) {
    for (const target of linksOf(readText(document))) {
      const path = target.split("#")[0]!;
      const file = posix.join(posix.dirname(document), path);
      if (documents.includes(file)) reached.add(file);
    }
  }
  const unreached = documents.filter((document) => !reached.has(document));
  assert.deepEqual(unreached, []);
});

test("The files and folders in documents exist", () => {
  const missing = documents.flatMap((document) =>
    [...readText(document).matchAll(PATH)].map(([path]) => path)
      .filter((path) => !existsSync(repositoryPath(path)))
      .map((path) => `${document}: ${path}`)
  );
  assert.deepEqual(missing, []);
});

test("The README has at most 130 lines", () => {
  assert.ok(readText("README.md").split("\n").length <= 131);
});

test("docs/api.md has every export, and every member of the classes", () => {
  const text = readText("docs/api.md");
  const { Conn, Listener, CompletionPort } = module;
  const members = [Conn, Listener, CompletionPort].flatMap((one) =>
    Object.getOwnPropertyNames(one.prototype)
  );
  const missing = [...Object.keys(module), ...members].filter((name) =>
    name !== "constructor" && !new RegExp(`\\b${name}\\b`).test(text)
  );
  assert.deepEqual(missing, []);
});

test("docs/options.md has every option, with its range and default", () => {
  const rows = readText("docs/options.md").split("\n");
  for (const [name, option] of Object.entries<Option>(OPTIONS)) {
    const row = rows.find((line) => line.startsWith(`| \`${name}\` `));
    assert.ok(row !== undefined, `no row for ${name}`);
    const { min, max, kind } = option;
    if (min !== undefined && max !== undefined) {
      const range = [min, max].map((value) => value.toLocaleString("en"));
      assert.ok(row.includes(` ${range.join(" to ")} `), `range of ${name}`);
    }
    const isPlain = kind !== "receive" && option.default !== undefined;
    const value = option.default?.toLocaleString("en") ?? "";
    if (isPlain) assert.ok(row.includes(value), `default of ${name}: ${value}`);
    if (option.alias === undefined) continue;
    assert.ok(rows.some((line) => line.startsWith(`| \`${option.alias}\` `)));
  }
});

test("The README has the comparison of docs/benchmarks.md", () => {
  const [own, written] = ["README.md", "docs/benchmarks.md"].map((document) =>
    /<!-- comparison -->[^]*?<!-- end -->/.exec(readText(document))?.[0]
  );
  assert.ok(own !== undefined);
  assert.equal(own, written);
});

test("Commands in documents exist", () => {
  const { scripts } = JSON.parse(readText("package.json"));
  const known = new Set(Object.keys(scripts));
  const missing = documents.flatMap((document) =>
    [...readText(document).matchAll(/\bnpm (?:run )?(?:-s )?([\w:]+)/g)]
      .map(([command, name]) => ({ document, command, name: name! }))
      .filter(({ command, name }) =>
        (command.includes(" run ") || name === "test") && !known.has(name)
      )
      .map(({ command }) => `${document}: ${command}`)
  );
  assert.deepEqual(missing, []);
});
