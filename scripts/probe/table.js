// Copyright the iocp authors. MIT license.

// The table of ffi/probe/README.md, which is between two markers.

const begin = "<!-- begin: npm run probe -- --write -->";
const end = "<!-- end: npm run probe -- --write -->";

function placeOf(text) {
  const start = text.indexOf(begin);
  const stop = text.indexOf(end);
  if (start < 0 || stop < start) {
    throw new Error(`there is no "${begin}" before an "${end}"`);
  }
  return [start + begin.length, stop];
}

/** The text with another table. */
export function replaceTable(text, markdown) {
  const [start, stop] = placeOf(text);
  return `${text.slice(0, start)}\n\n${markdown.trim()}\n\n${text.slice(stop)}`;
}

/** The rows as `{ rule, model, seen, same, source }`. */
export function rowsOf(text) {
  const [start, stop] = placeOf(text);
  const lines = text.slice(start, stop).split("\n");
  const cells = lines.filter((line) => line.startsWith("|")).map((line) =>
    line.split("|").slice(1, -1).map((cell) => cell.trim())
  );
  return cells
    .filter(([first]) => first !== "Rule" && !/^-+$/.test(first))
    .map(([rule, model, seen, same, source]) => ({
      rule,
      model,
      seen,
      same,
      source,
    }));
}

/**
 * What the table has other than the program: a rule that is missing, one that
 * is there no more, another answer of the model or another source. What was
 * seen may differ, since it is that of one system.
 */
export function staleRows(text, experiments) {
  const describe = ({ rule, model, source }) =>
    `${rule} | ${model} | ${source}`;
  const written = rowsOf(text).map(describe);
  const asked = experiments.map(describe);
  return [
    ...asked.filter((row) => !written.includes(row))
      .map((row) => `it is missing: ${row}`),
    ...written.filter((row) => !asked.includes(row))
      .map((row) => `the program does not ask it: ${row}`),
  ];
}
