// Copyright the iocp authors. MIT license.

// Runs a simulation that was compiled.

/** The line that repeats a seed. */
function commandFor({ world = "windows", build = "plain" }) {
  const options = [
    ...(world === "windows" ? [] : [`--world ${world}`]),
    ...(build === "plain" || build === "coverage" ? [] : [`--build ${build}`]),
  ];
  return ["npm run simulate --", ...options].join(" ");
}

/**
 * Runs `program` over seeds; `result` is what it says of itself, as JSON, and
 * the rest is that of `run` in setup/command.js.
 */
export async function runSimulation(debian, program, options) {
  const args = ["--seed", options.seed ?? "1", "--json"];
  for (const name of ["count", "seconds", "jobs", "shrink"]) {
    if (options[name] !== undefined) args.push(`--${name}`, options[name]);
  }
  if (options.trace) args.push("--trace");
  args.push("--command", commandFor(options));
  const limit = (Number(options.seconds ?? 0) + 600) * 1000;
  const ended = await debian.run(program, args.map(String), {
    cwd: options.cwd,
    timeout: options.timeout ?? limit,
    onStdout: options.onOutput,
    env: options.env,
  });
  const last = ended.output.trim().split("\n")
    .findLast((line) => line.startsWith("{"));
  return { ...ended, result: last === undefined ? null : JSON.parse(last) };
}
