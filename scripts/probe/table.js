// Copyright the iocp authors. MIT license.

// The table of ffi/probe/README.md, which is between two markers.

const pattern =
  /(<!-- begin: npm run probe -- --write -->)([^]*)(<!-- end: npm run probe -- --write -->)/;

/** The text with another table. */
export function replaceTable(text, markdown) {
  if (!pattern.test(text)) throw new Error("there is no table to replace");
  const table = `\n\n${markdown.trim()}\n\n`;
  return text.replace(pattern, (_, begin, __, end) => begin + table + end);
}

/**
 * What the table has other than the program: a rule that is missing, one that
 * is there no more, another answer of the model or another source. What was
 * seen may differ, since it is that of one system.
 */
export function staleRows(text, experiments) {
  const rows = pattern.exec(text)[2].split("\n")
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
