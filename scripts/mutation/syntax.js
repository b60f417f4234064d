// Copyright the iocp authors. MIT license.

// The syntax tree of a C file of the library, by the clang that Zig has in it.

import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { definitions, includes } from "../../ffi/compile.js";
import { argv, ensureZig, run } from "../setup.js";

/**
 * Reads `file`, a path in `ffi`, as it is compiled for a world of the simulation:
 * `{ text, declarations, enums }`. Offsets in the tree are those in `text`, which
 * has a character for each byte. `declarations` are those of the file itself, and
 * `enums` has for the name of each enumerator all names of its enum.
 */
export async function parse(debian, ffi, file, world) {
  const zig = await ensureZig();
  const headers = join(debian.root, "usr/include");
  const system = world === "windows"
    ? ["-D_WIN32", "-Itests/model/include"]
    : definitions(world);
  const args = argv`clang -target x86_64-linux-gnu -nostdinc
    -isystem ${dirname(zig)}/lib/include -isystem ${headers}/x86_64-linux-gnu
    -isystem ${headers} -std=c11 -w -DIOCP_STATIC ${system} ${includes(world)}
    -fsyntax-only -Xclang -ast-dump=json ${file}`;
  const result = await run(zig, args, { cwd: ffi, timeout: 120_000 });
  if (!result.ok) throw new Error(result.stderr);
  const { inner } = JSON.parse(result.stdout);
  const enums = {};
  for (const node of inner.filter(({ kind }) => kind === "EnumDecl")) {
    const names = (node.inner ?? [])
      .filter(({ kind }) => kind === "EnumConstantDecl")
      .map(({ name }) => name);
    for (const name of names) enums[name] = names;
  }
  const isOwn = ({ loc }) => loc?.offset !== undefined && !loc.includedFrom;
  const text = await readFile(join(ffi, file), "latin1");
  return { text, declarations: inner.filter(isOwn), enums };
}

/**
 * Where a node is in the text: `[from, to]`. Null if it is in the argument of a
 * macro, whose expansion it cannot be told from. What is in the expansion has the
 * place of the whole macro.
 */
export function placeOf(node, text) {
  const begin = tokenAt(node.range?.begin);
  const end = tokenAt(node.range?.end);
  if (!begin || !end) return null;
  const to = end.offset + end.tokLen;
  return [begin.offset, end.isMacro ? endOfMacro(text, to) : to];
}

function tokenAt(location) {
  const { expansionLoc } = location ?? {};
  if (expansionLoc?.isMacroArgExpansion) return null;
  const token = expansionLoc ?? location;
  if (token?.offset === undefined || token.includedFrom) return null;
  return { ...token, isMacro: expansionLoc !== undefined };
}

// Clang has the place of a macro's name; its arguments follow, if it has any.
function endOfMacro(text, to) {
  if (text[to] !== "(") return to;
  let depth = 0;
  for (let at = to; at < text.length; at++) {
    if (text[at] === "(") depth += 1;
    if (text[at] === ")" && --depth === 0) return at + 1;
  }
  return to;
}
