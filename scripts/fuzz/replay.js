// Copyright the iocp authors. MIT license.

// The corpus of each fuzz target, run once more by a program without libFuzzer:
// an input that once revealed a bug must keep passing.

import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { inTemporaryFolder, problemsOf } from "../setup.js";
import { builds, buildTarget, foldersOf, targets } from "./targets.js";

const timeout = 120_000;

/** Runs the inputs of every target whose name has `filter` in it. */
export async function replayCorpora(options, debian) {
  const { report, root, filter = "", jobs } = options;
  await inTemporaryFolder("iocp-fuzz-", async (scratch) => {
    for (const target of targets.filter((one) => one.name.includes(filter))) {
      const check = () => replay(root, debian, target, scratch, jobs);
      await report.check(`sanitize: ${target.name}`, check);
    }
  });
}

async function replay(root, debian, target, scratch, jobs) {
  const folders = foldersOf(root, target).filter((path) => existsSync(path));
  let count = 0;
  for (const folder of folders) count += (await readdir(folder)).length;
  if (count === 0) return ["there is no corpus"];
  const build = { debian, root, scratch, jobs };
  const program = await buildTarget(target, builds.replay, build);
  const options = { cwd: scratch, folders: [scratch, ...folders], timeout };
  const result = await debian.run(program, folders, options);
  if (!result.ok) return problemsOf(result);
  const wanted = `${count} inputs\n`;
  return result.stdout.endsWith(wanted) ? [] : [`it did not run ${wanted}`];
}
