// Copyright the iocp authors. MIT license.

// The table of ffi/probe/README.md, which is between two markers.

const begin = "<!-- begin: npm run probe -- --write -->";
const end = "<!-- end: npm run probe -- --write -->";

function split(text) {
  const [before, rest, ...more] = text.split(begin);
  const [table, after, ...others] = rest?.split(end) ?? [];
  if (after === undefined || more.length + others.length > 0) {
    throw new Error(`there is no "${begin}" before an "${end}"`);
  }
  return { before, table, after };
}

/** The text with another table. */
export function replaceTable(text, markdown) {
  const { before, after } = split(text);
  return `${before}${begin}\n\n${markdown.trim()}\n\n${end}${after}`;
}

/**
 * What the table has other than the program: a rule that is missing, one that
 * is there no more, another answer of the model or another source. What was
 * seen may differ, since it is that of one system.
 */
export function staleRows(text, experiments) {
  const rows = split(text).table.split("\n")
    .map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()))
    .filter(([rule]) => rule && rule !== "Rule" && !/^-+$/.test(rule))
    .map(([rule, model, , , source]) => `${rule} | ${model} | ${source}`);
  const asked = experiments.map(({ rule, model, source }) =>
    `${rule} | ${model} | ${source}`
  );
  return [
    ...asked.filter((row) => !rows.includes(row))
      .map((row) => `it is missing: ${row}`),
    ...rows.filter((row) => !asked.includes(row))
      .map((row) => `the program does not ask it: ${row}`),
  ];
}
