// Copyright the iocp authors. MIT license.

// Reads the JUnit reports that `deno test` and `bun test` write: only what is
// in them that we count and print.

/** Returns how many tests `{ passed, failed, skipped }` in a report's text. */
export function readJunit(text) {
  const cases = [...text.matchAll(
    /<testcase\b([^>]*?)(?:\/>|>([\s\S]*?)<\/testcase>)/g,
  )].map(([, attributes, inner = ""]) => ({
    name: /\bname="([^"]*)"/.exec(attributes)?.[1] ?? "",
    outcome: outcomeOf(inner),
  }));
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const { name, outcome } of cases) {
    // Deno reports a group beside the tests in it, whose names begin with its
    // own. It counts only when it failed and none of them did.
    const inside = cases.filter((one) => one.name.startsWith(`${name} &gt; `));
    const isCounted = outcome !== "failed" ||
      inside.some((one) => one.outcome === "failed");
    if (inside.length > 0 && isCounted) continue;
    counts[outcome] += 1;
  }
  return counts;
}

function outcomeOf(inner) {
  if (/<(failure|error)\b/.test(inner)) return "failed";
  return /<skipped\b/.test(inner) ? "skipped" : "passed";
}
