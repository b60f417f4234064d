// Copyright the iocp authors. MIT license.

/** Results as JSON, a round on a line: to be read, and to be compared by diff. */
export function encodeResults(results) {
  const rounds = [];
  const text = JSON.stringify(
    results,
    (key, value) => {
      if (key !== "rounds" || !Array.isArray(value)) return value;
      return value.map((round) => `<${rounds.push(round) - 1}>`);
    },
    2,
  );
  return `${text.replace(/"<(\d+)>"/g, (_, i) => JSON.stringify(rounds[i]))}\n`;
}
