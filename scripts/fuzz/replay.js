// Copyright the iocp authors. MIT license.

// The corpus of each fuzz target, run once more by a program without libFuzzer:
// what a fuzzer has found stays right.

import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { builds, buildTarget, foldersOf, targets } from "./targets.js";
import { describeEnd, inTemporaryFolder } from "../setup.js";

const timeout = 120_000;

/** Runs the inputs of every target whose name has `filter` in it. */
export async function replayCorpora({ report, root, filter = "" }, debian) {
  for (const target of targets.filter((one) => one.name.includes(filter))) {
    await report.check(`sanitize: ${target.name}`, async () => {
      return await inTemporaryFolder(
        `iocp-${target.name}-`,
        (scratch) => replay(root, debian, target, scratch),
      );
    });
  }
}

async function replay(root, debian, target, scratch) {
  const folders = foldersOf(root, target).filter((path) => existsSync(path));
  let count = 0;
  for (const folder of folders) count += (await readdir(folder)).length;
  if (count === 0) return ["there is no corpus"];
  const program = await buildTarget(
    debian,
    root,
    target,
    builds.replay,
    scratch,
  );
  const result = await debian.run(program, folders, {
    cwd: scratch,
    folders: [scratch, ...folders],
    timeout,
  });
  if (!result.ok) {
    return [`${result.output.slice(-8000)}\n${describeEnd(result)}`];
  }
  const wanted = `${count} inputs\n`;
  return result.stdout.endsWith(wanted) ? [] : [`it did not run ${wanted}`];
}
