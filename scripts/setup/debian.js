// Copyright the iocp authors. MIT license.

// A small Debian 13 in a folder, for programs that this machine may not have or
// has in another version. There are several, each installed when it is needed.
//
// Programs run inside in mount and process namespaces: all mounts vanish and all
// processes (Wine's server too) end with the program that was started, so
// nothing is left to clean up and the folder can be deleted at any time.

import { realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, sep } from "node:path";
import { announce, cached, cacheFolder, once, repository } from "./cache.js";
import { argv, run, runOrThrow } from "./command.js";

const release = "trixie";
// The number in a name changes with its list: an older folder is not used.
const kinds = {
  tools: {
    name: `debian-${release}-2`,
    packages: argv`wine wine64 gcc libc6-dev gcc-mingw-w64-x86-64-win32 musl
      musl-tools`,
  },
  web: {
    name: `debian-${release}-web-1`,
    packages: argv`chromium curl dbus-x11 wrk`,
  },
  peers: {
    name: `debian-${release}-peers-4`,
    packages: argv`curl openssl socat systemd libicu76 libpq5 libxml2
      mariadb-server-core redis-server`,
    // Their other dependencies are LLVM, Perl and Python, for what no test uses.
    unpack: `apt-get -q download postgresql-17 rabbitmq-server erlang-base \
      $(printf ' erlang-%s' asn1 crypto eldap inets mnesia os-mon parsetools \
      public-key runtime-tools ssl syntax-tools tools xmerl)
      for deb in *.deb; do dpkg-deb -x $deb / || exit; done`,
  },
  fuzz: {
    name: `debian-${release}-fuzz-1`,
    // llvm-19 resolves the lines of a stack trace.
    packages: argv`clang-19 libclang-rt-19-dev llvm-19 libc6-dev`,
  },
};

const namespaces = argv`unshare --mount --propagation=private --pid --fork
  --kill-child`;

/**
 * Makes the folder of a kind if it is missing. Returns `{ debian, reason }`: the
 * reason says why there is none.
 */
export async function ensureDebian(kind = "tools") {
  const reason = await missing();
  if (reason) return { debian: null, reason };
  const { name, packages } = kinds[kind];
  const what = `a small Debian with ${packages.join(" ")}, in a minute or two`;
  const root = await cached(name, what, (to) => install(to, kinds[kind]));
  return { debian: new Debian(root), reason: null };
}

const missing = once(async () => {
  if (process.platform !== "linux" || process.arch !== "x64") {
    return "it needs Linux on x86_64";
  }
  if (process.getuid() !== 0) return "it needs root";
  const tried = await run("true", [], { within: namespaces });
  return tried.ok ? null : `"unshare" is refused: ${tried.output.trim()}`;
});

async function install(folder, { packages, unpack = "true" }) {
  await ensureDebootstrap();
  // Debootstrap mounts /proc in the folder: in a namespace of its own that
  // mount ends with it, and cannot prevent the folder from being deleted.
  const args = argv`--variant=minbase --include=${packages.join()} ${release}
    ${folder}`;
  await runOrThrow("debootstrap", args, { within: namespaces });
  // Mount points for the files of the same name outside.
  for (const name of ["etc/hosts", "etc/resolv.conf"]) {
    await rm(join(folder, name), { force: true });
    await writeFile(join(folder, name), "");
  }
  const script = `cd /run && ${unpack} && rm -r /var/cache/apt /var/lib/apt`;
  const { env } = process;
  const ran = await new Debian(folder).run("sh", ["-c", script], { env });
  if (!ran.ok) throw new Error(ran.output);
}

// Two folders may be made side by side, and apt-get refuses to run twice.
const ensureDebootstrap = once(async () => {
  if ((await run("debootstrap", ["--version"])).ok) return;
  announce("installing debootstrap (apt-get) ...");
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const apt = argv`-qq -o DPkg::Lock::Timeout=300`;
  const install = argv`${apt} install -y --no-install-recommends debootstrap`;
  if ((await run("apt-get", install, { env })).ok) return;
  await runOrThrow("apt-get", [...apt, "update"], { env });
  await runOrThrow("apt-get", install, { env });
});

// Runs as the first process of the namespaces. Arguments: the root, the folders
// that get the same path inside, "--", folders to be covered by
// empty ones in memory, "--", the program. It stays to reap orphans.
const enter = `
set -e
root=$1
shift
mount --rbind /dev "$root/dev"
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount -t tmpfs tmpfs "$root/tmp"
mount -t tmpfs tmpfs "$root/run"
mkdir -p -m 700 "$root/run/user/0"
for file in /etc/hosts /etc/resolv.conf /etc/nsswitch.conf; do
  if [ -e $file ] && [ -e "$root$file" ]; then mount --bind $file "$root$file"; fi
done
while [ "$1" != -- ]; do
  mkdir -p "$root$1"
  mount --rbind "$1" "$root$1"
  shift
done
shift
while [ "$1" != -- ]; do
  mkdir -p "$root$1"
  mount -t tmpfs tmpfs "$root$1"
  mkdir -p "$root$1/Temp"
  shift
done
shift
set +e
chroot "$root" /usr/bin/env -i "$@"
exit $?
`;

class Debian {
  constructor(root) {
    this.root = root;
  }

  /**
   * Runs a program inside; the result is that of `run` in command.js. The
   * checkout, the cache, the temporary folder, `cwd` and `folders` have the same
   * paths inside. `fresh` names folders that are empty in each run, and
   * `options.env` is the environment beside a few basic variables.
   */
  async run(program, args, options = {}) {
    const cwd = await realpath(options.cwd ?? repository);
    const seen = await outermost([
      ...[repository, cacheFolder(), tmpdir(), cwd],
      ...options.folders ?? [],
    ]);
    const env = {
      PATH: "/usr/bin:/bin:/usr/sbin:/sbin",
      LANG: "C.UTF-8",
      // This one is new and empty in each run. Wine's server keeps its socket
      // there; Debian's crashes where it has to use TMPDIR, so that is not set.
      HOME: "/run/user/0",
      XDG_RUNTIME_DIR: "/run/user/0",
      ...options.env,
    };
    const inside = argv`${this.root} ${seen} -- ${options.fresh ?? []} --
      --chdir=${cwd} ${Object.entries(env).map(([k, v]) => `${k}=${v}`)}`;
    const within = argv`${options.within ?? []} ${namespaces} sh -c ${enter} sh
      ${inside}`;
    const own = { within, cwd: undefined, env: undefined };
    return await run(program, args, { ...options, ...own });
  }
}

// Real paths, without those that are inside another one, outer ones first.
async function outermost(paths) {
  const real = await Promise.all(paths.map((path) => realpath(path)));
  const unique = [...new Set(real)].sort((a, b) => a.length - b.length);
  const inside = (path, folder) => path.startsWith(folder + sep);
  return unique.filter((path) => !unique.some((other) => inside(path, other)));
}
