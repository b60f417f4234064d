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

/** The rule, the model's answer and the source of each row of the table. */
export function rowsIn(text) {
  return pattern.exec(text)[2].split("\n").filter((line) => line.includes("|"))
    .map((line) => line.split("|").map((cell) => cell.trim()))
    .filter(([, rule]) => rule !== "Rule" && !/^-+$/.test(rule))
    .map(([, rule, model, , , source]) => `${rule} | ${model} | ${source}`);
}
