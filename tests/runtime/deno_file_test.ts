// Copyright the iocp authors. MIT license.
/* The permissions of Deno for files that are sent. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ownRuntime, programPath, start } from "../shared/child.ts";
import { repositoryPath, TemporaryFolder } from "../shared/files.ts";
import { isWindows } from "../shared/local.ts";

const target = isWindows
  ? "windows_x86_64/iocp.dll"
  : "linux_x86_64/libiocp.so";
const always = [
  `--allow-ffi=${repositoryPath(`ffi/prebuilt/${target}`)}`,
  "--allow-net=127.0.0.1",
];

describe("sendFile() needs the permission to read the file, as Deno.open()", () => {
  const skip = ownRuntime.name !== "deno" && "only Deno has permissions";
  const table: [flags: string[], path: string, isAllowed: boolean][] = [
    [["--allow-read"], "FILE", true],
    [["--allow-read=FILE"], "FILE", true],
    [["--allow-read=FOLDER"], "FILE", true],
    [["--allow-read=FOLDER"], "FOLDER/../FOLDERS_NAME/a", true],
    [["--allow-read=FILE"], "FILE.other", false],
    [["--allow-read=FOLDER"], "FOLDER/../other", false],
    [["--allow-read", "--deny-read=FILE"], "FILE", false],
    [["--allow-write=FILE"], "FILE", false],
    [[], "FILE", false],
  ];
  for (const [flags, path, isAllowed] of table) {
    test(`${flags.join(" ") || "no flag"}, ${path}`, { skip }, async () => {
      using folder = new TemporaryFolder();
      const file = folder.write("a", "a file");
      const fill = (text: string) =>
        text.replaceAll("FOLDERS_NAME", folder.path.split(/[/\\]/).at(-1)!)
          .replaceAll("FOLDER", folder.path).replaceAll("FILE", file);
      using child = start(
        programPath("file_permissions"),
        [JSON.stringify(fill(path))],
        {
          flags: [...always, ...flags.map(fill)],
          env: { IOCP_LIBRARY: undefined },
        },
      );
      const { stdout, stderr } = await child.ended;
      assert.ok(stdout.startsWith("{"), stdout + stderr);
      const { ours, own } = JSON.parse(stdout) as Record<string, string>;
      const isRefused = (text: string) => text.startsWith("NotCapable: ");
      assert.equal(isRefused(ours!), !isAllowed, `${ours}\n${stderr}`);
      assert.equal(isRefused(own!), !isAllowed, `${own}`);
      if (isAllowed) assert.equal(ours, "");
      else assert.equal(ours, own);
    });
  }
});
