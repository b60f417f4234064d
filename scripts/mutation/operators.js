// Copyright the iocp authors. MIT license.

// What may be changed at a node of the syntax tree. A change is `[operator, place,
// text]`. Whether it compiles to the same code is found
// out later.

import { placeOf } from "./syntax.js";

const casts = new Set(["ImplicitCastExpr", "ConstantExpr"]);
const effects = new Set(["CallExpr", "CompoundAssignOperator", "AtomicExpr"]);
// Of these no part is ever run.
const unevaluated = new Set(["UnaryExprOrTypeTraitExpr", "StaticAssertDecl"]);

const boundaries = { "<": "<=", "<=": "<", ">": ">=", ">=": ">" };
const opposites = { "==": "!=", "!=": "==" };
const arithmetic = {
  ...{ "+": "-", "-": "+", "*": "/", "/": "*", "%": "/" },
  ...{ "&": "|", "|": "&", "<<": ">>", ">>": "<<" },
  ...{ "+=": "-=", "-=": "+=", "|=": "&=", "&=": "|=", "++": "--", "--": "++" },
};
// Where the condition is among the children of a node, and where statements are.
const conditions = {
  ...{ IfStmt: 0, ConditionalOperator: 0, WhileStmt: 0, DoStmt: 1, ForStmt: 2 },
};
const statements = {
  ...{ CompoundStmt: [0], IfStmt: [1], WhileStmt: [1], DoStmt: [0, 1] },
  ...{ ForStmt: [4], CaseStmt: [1], DefaultStmt: [0] },
};

/** All changes to a declaration of a file that was parsed. */
export function changesOf(declaration, parsed) {
  const changes = [];
  const returns = declaration.type?.qualType.split(" (")[0];
  const walk = (node) => {
    if (unevaluated.has(node.kind)) return;
    changes.push(...changesAt(node, { ...parsed, returns }));
    node.inner?.forEach(walk);
  };
  walk(declaration);
  return changes.filter(([, place, to]) =>
    place && parsed.text.slice(...place) !== to
  );
}

function changesAt(node, context) {
  const read = (of) => {
    const place = of && placeOf(of, context.text);
    return place && context.text.slice(...place);
  };
  const how = { ...context, read, at: (of) => placeOf(of, context.text) };
  return [
    ...negated(node, how),
    ...operatorChanged(node, how),
    ...removed(node, how),
    ...constantChanged(node, how),
    ...exchanged(node, how),
    ...returnChanged(node, how),
  ];
}

function plain(node) {
  return casts.has(node?.kind) ? plain(node.inner[0]) : node;
}

function typeOf({ type }) {
  return type?.desugaredQualType ?? type?.qualType;
}

// The opposite of == is a change of its own.
function isEquality(node) {
  return plain(node)?.opcode in opposites;
}

function negated(node, { read, at }) {
  const condition = node.inner?.[conditions[node.kind]];
  if (!condition?.range || isEquality(condition)) return [];
  return [["negated", at(condition), `!(${read(condition)})`]];
}

function operatorChanged(node, { text, read, at }) {
  const { opcode, inner = [] } = node;
  const place = at(node);
  if (!opcode || !place) return [];
  if (node.kind === "UnaryOperator") {
    if (!(opcode in arithmetic) || opcode.length !== 2) return [];
    const to = read(node).replace(opcode, arithmetic[opcode]);
    return [["arithmetic", place, to]];
  }
  const [left, right] = inner.map(at);
  if (!left || !right || left[1] >= right[0]) return [];
  if (opcode === "&&" || opcode === "||") {
    return inner.map((kept) => ["conjunct dropped", place, read(kept)]);
  }
  const between = text.slice(left[1], right[0]);
  const name = opcode in arithmetic ? "arithmetic" : "comparison";
  const other = boundaries[opcode] ?? opposites[opcode] ?? arithmetic[opcode];
  if (!other || between.split(opcode).length !== 2) return [];
  const is = between.replace(opcode, other);
  const [a, b] = inner.map(read);
  // Another operator may bind its operands less.
  const to = name === "arithmetic" ? `(${a})${is}(${b})` : a + is + b;
  return [[name, place, to]];
}

function removed(node, { at }) {
  const { kind, inner = [] } = node;
  if (!(kind in statements)) return [];
  const mayGo = ({ kind: what, opcode, inner: value }) =>
    effects.has(what) || ["BreakStmt", "ContinueStmt"].includes(what) ||
    what === "BinaryOperator" && opcode === "=" ||
    what === "UnaryOperator" && ["++", "--"].includes(opcode) ||
    // A function that returns nothing where it should is no plausible mistake.
    what === "ReturnStmt" && (!value || kind === "IfStmt");
  return inner.slice(...statements[kind]).filter(mayGo)
    .map((statement) => ["removed", at(statement), "(void)0"]);
}

function constantChanged(node, { text, enums, read, at }) {
  const was = read(node);
  if (!was) return [];
  const change = (to) => [["constant", at(node), to]];
  if (node.referencedDecl?.kind === "EnumConstantDecl") {
    const names = enums[was];
    const next = names?.[(names.indexOf(was) + 1) % names.length];
    return next ? change(next) : [];
  }
  if (node.kind !== "IntegerLiteral") return [];
  const others = { true: "false", false: "true", 0: "1", 1: "0" };
  if (others[was]) return change(others[was]);
  if (!/^\w+$/.test(was) || /^(NULL|INVALID_)/.test(was)) return [];
  const [code] = /^(WSAE|ERROR_|STATUS_|E)(?=[A-Z])/.exec(was) ?? [];
  if (!code) return change(`(${was} + 1)`);
  // Another error that the file knows.
  const found = text.match(new RegExp(`\\b${code}[A-Z][A-Z_0-9]*\\b`, "g"));
  const codes = [...new Set(found)].sort();
  return change(codes[(codes.indexOf(was) + 1) % codes.length]);
}

function exchanged(node, { text, read, at }) {
  if (node.kind !== "CallExpr") return [];
  const values = node.inner.slice(1);
  return values.slice(1).flatMap((second, i) => {
    const first = values[i];
    const [a, b] = [at(first), at(second)];
    if (!a || !b || typeOf(first) !== typeOf(second)) return [];
    const to = read(second) + text.slice(a[1], b[0]) + read(first);
    return [["exchanged", [a[0], b[1]], to]];
  });
}

function returnChanged(node, { returns, read, at }) {
  const [value] = node.kind === "ReturnStmt" ? node.inner ?? [] : [];
  const was = read(value);
  if (!was || /^(0|1|true|false|NULL)$/.test(was)) return [];
  const other = /\*\s*$/.test(returns) ? "NULL" : "0";
  if (!/^(bool|_Bool)$/.test(returns)) return [["returned", at(value), other]];
  return isEquality(value) ? [] : [["returned", at(value), `!(${was})`]];
}
