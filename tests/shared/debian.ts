// Copyright the iocp authors. MIT license.
/* Programs of a Debian in a folder, whose path the suite sets: they are other ends for
 * the tests of Linux. */

import process from "node:process";
import { Child, type ChildOptions } from "./child.ts";
import { isWindows } from "./local.ts";

/** The folder. */
export const debianRoot: string | undefined = process.env["IOCP_TEST_PEERS"];

/** Why this cell has none of the programs, or false. */
export const noDebian: string | false = isWindows
  ? "it is a program of Linux"
  : debianRoot === undefined && "npm test sets the path of its folder";

/** Starts a program outside of the folder, with the libraries from there. It can start
 * programs of this system. */
export function startDebian(
  program: string,
  args: string[],
  options: ChildOptions = {},
): Child {
  const libraries = `${debianRoot}/usr/lib/x86_64-linux-gnu`;
  const path = `${libraries}:${libraries}/systemd`;
  return new Child(
    `${libraries}/ld-linux-x86-64.so.2`,
    ["--library-path", path, `${debianRoot}/usr/bin/${program}`, ...args],
    options,
  );
}

/* Arguments: the root, the folder, the command. When the shell ends, its mounts and all
 * processes do; it runs as root, since becoming another user would undo --kill-child. */
const INSIDE = `
set -e
mount --rbind /dev "$0/dev"
mount -t proc proc "$0/proc"
mount -t tmpfs tmpfs "$0/tmp"
mount --bind /etc/hosts "$0/etc/hosts"
mount --bind "$1" "$0/mnt"
chroot --userspec=nobody:nogroup "$0" /usr/bin/env -i sh -c "$2" 2>&1
exit $?`;

/** The command line that runs a shell command inside the folder as the user "nobody".
 * `folder` is /mnt there, and /tmp is empty. All of its output is in `stdout`. */
export function insideDebian(folder: string, command: string): string[] {
  /* Wine runs in another such folder, whose mounts are private already. */
  const propagation = isWindows ? "unchanged" : "private";
  const namespaces = ["--mount", `--propagation=${propagation}`, "--pid"]
    .concat("--fork");
  return ["unshare", ...namespaces, "--kill-child", "sh", "-c"]
    .concat(INSIDE, debianRoot!, folder, command);
}

/** Starts a shell command inside the folder, as {@linkcode insideDebian} has it. */
export function startInsideDebian(
  folder: string,
  command: string,
  options: ChildOptions = {},
): Child {
  const [program, ...args] = insideDebian(folder, command);
  return new Child(program!, args, options);
}
