// Copyright the iocp authors. MIT license.

import { describeEnd } from "./setup.js";

/**
 * Starts a server in a cell and waits until its output matches `pattern`.
 * Returns `{ match, ended, stop }`: `ended` resolves with how it ended, and
 * `stop()` kills it and returns the same.
 */
export async function serve(cell, pattern, args, options) {
  const stopper = new AbortController();
  let output = "";
  let onMatch;
  const listening = new Promise((resolve) => onMatch = resolve);
  const ended = cell.run(args, {
    ...options,
    signal: stopper.signal,
    onStdout(text) {
      output += text;
      const match = pattern.exec(output);
      if (match) onMatch(match);
    },
  });
  const match = await Promise.race([listening, ended]);
  if (!Array.isArray(match)) {
    const how = describeEnd(match);
    throw new Error(`it does not serve (${how})\n${match.output}`);
  }
  return { match, ended, stop: () => (stopper.abort(), ended) };
}
