// Copyright the iocp authors. MIT license.

// What the test files of the copy import in the place of node:test: it collects
// tests, which worker.js then calls as often as it likes.

/** All tests: `{ name, run }`. */
export const tests = [];

/* The describe() that is being called, and those around it. */
let scopes = [newScope("")];

function newScope(name) {
  return { name, before: [], after: [], isSkipped: false };
}

export function describe(name, ...rest) {
  const { skip, body } = argumentsOf(rest);
  const outer = scopes;
  scopes = [...outer, { ...newScope(name), isSkipped: Boolean(skip) }];
  body();
  scopes = outer;
}

export function test(name, ...rest) {
  const { skip, body } = argumentsOf(rest);
  const own = scopes;
  if (skip || own.some(({ isSkipped }) => isSkipped)) return;
  const run = async () => {
    for (const { before } of own) for (const hook of before) await hook();
    await body({ diagnostic() {} });
    for (const { after } of own) for (const hook of after) await hook();
  };
  tests.push({ name: [...own.slice(1).map(({ name }) => name), name], run });
}

export function before(hook) {
  scopes.at(-1).before.push(hook);
}

export function after(hook) {
  scopes.at(-1).after.push(hook);
}

function argumentsOf([options, body]) {
  return typeof options === "function"
    ? { body: options }
    : { ...options, body };
}
