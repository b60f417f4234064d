// Copyright the iocp authors. MIT license.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ABI, type NativeSignature, SYMBOLS } from "../src/native/symbols.ts";
import {
  definedNumbers,
  prototypesOf,
  readHeader,
  readText,
} from "./shared/header.ts";

const header = readHeader();
const prototypes = prototypesOf(header);

/* The FFI type of a C declaration. */
function typeOf(declaration: string): string {
  if (declaration.includes("*")) return "buffer";
  const type = declaration.split(" ")[0]!;
  const types: Record<string, string> = {
    int32_t: "i32",
    uint32_t: "u32",
    double: "f64",
  };
  return types[type] ?? `unknown ${type}`;
}

test("symbols.ts has the ABI of iocp.h", () => {
  assert.equal(ABI, definedNumbers(header).get("IOCP_ABI"));
});

test("symbols.ts has the prototypes of iocp.h", () => {
  const expected = prototypes.map(({ name, result, parameters }) => [
    name,
    { parameters: parameters.map(typeOf), result: typeOf(result) },
  ]);
  assert.deepEqual(SYMBOLS, Object.fromEntries(expected));
});

test("symbols.ts has the prototypes of iocp.h in its comments", () => {
  const source = readText("src/native/symbols.ts").replace(/\s+/g, " ");
  for (const { name, result, parameters } of prototypes) {
    const text = `/* ${result} ${name}(${parameters.join(", ") || "void"}) */`;
    assert.ok(source.includes(text), text);
  }
});

test("symbols.ts uses no type for which Deno needs all permissions", () => {
  const allowed = ["i32", "u32", "f64", "buffer"];
  for (const [name, symbol] of Object.entries(SYMBOLS)) {
    const { parameters, result }: NativeSignature = symbol;
    for (const type of [...parameters, result]) {
      assert.ok(allowed.includes(type), `${name}: ${type}`);
    }
    assert.notEqual(result, "buffer", name);
  }
});
