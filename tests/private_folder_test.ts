// Copyright the iocp authors. MIT license.
/* The folder of localSocketPath() where XDG_RUNTIME_DIR is not set. */

import assert from "node:assert/strict";
import { chmodSync, chownSync, lstatSync, symlinkSync } from "node:fs";
import process from "node:process";
import { describe, test } from "node:test";
import { privateFolder } from "../src/private_folder.ts";
import { TemporaryFolder } from "./shared/files.ts";
import { isWindows } from "./shared/local.ts";
import { failure } from "./shared/outcome.ts";

const uid = process.getuid?.();
/** The user "nobody". */
const OTHER = 65534;

function refusal(folder: string): [code: string, message: string] {
  const { code, message } = failure(() => privateFolder(folder, uid));
  return [code, message];
}

function refused(folder: string, why: string): [string, string] {
  return ["EACCES", `Cannot use the folder ${folder}: ${why}`];
}

describe("privateFolder()", () => {
  const skip = isWindows && "pipes have no folder";
  test(
    "makes a folder for the user alone, and finds it again",
    { skip },
    () => {
      using temporary = new TemporaryFolder();
      const folder = temporary.join("own");
      for (let i = 0; i < 2; i++) {
        assert.equal(privateFolder(folder, uid), folder);
        const status = lstatSync(folder);
        assert.equal(status.mode & 0o777, 0o700);
        assert.equal(status.uid, uid);
      }
    },
  );

  test("refuses one that others may enter", { skip }, () => {
    using temporary = new TemporaryFolder();
    const folder = privateFolder(temporary.join("open"), uid);
    for (const mode of [0o755, 0o710, 0o701, 0o770, 0o777]) {
      chmodSync(folder, mode);
      const expected = refused(folder, "other users may enter it");
      assert.deepEqual(refusal(folder), expected);
    }
  });

  test("refuses one of another user", {
    skip: skip || uid !== 0 && "only root can give a folder away",
  }, () => {
    using temporary = new TemporaryFolder();
    const folder = privateFolder(temporary.join("given"), uid);
    chownSync(folder, OTHER, OTHER);
    const expected = refused(folder, "it belongs to another user");
    assert.deepEqual(refusal(folder), expected);
  });

  test("refuses a link and a file", { skip }, () => {
    using temporary = new TemporaryFolder();
    const target = privateFolder(temporary.join("target"), uid);
    const link = temporary.join("link");
    symlinkSync(target, link);
    for (const folder of [link, temporary.write("file", "")]) {
      assert.deepEqual(refusal(folder), refused(folder, "it is not a folder"));
    }
  });

  test("passes on other failures", { skip }, () => {
    using temporary = new TemporaryFolder();
    const folder = temporary.join("none/own");
    assert.throws(() => privateFolder(folder, uid), { code: "ENOENT" });
  });
});
