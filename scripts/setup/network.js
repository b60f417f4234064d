// Copyright the iocp authors. MIT license.

// Networks for tests that run side by side: each test has ports, connections
// and interfaces of its own, in a network namespace of Linux.

import { join } from "node:path";
import { once } from "./cache.js";
import { argv, run } from "./command.js";

// No name server can be reached, so names come from /etc/hosts alone: an unknown
// one is not found, instead of being asked for in vain. The second interface has
// a link-local address, which some tests need.
const names = join(import.meta.dirname, "nsswitch.conf");
const script = `
PATH=$PATH:/usr/sbin:/sbin
ip link set lo up || exit 1
ip -force -batch - 2>/dev/null <<END
link add eth0 type veth peer name eth1
addr add 198.18.0.1/24 dev eth0
addr add fe80::1/64 dev eth0 nodad
link set eth0 addrgenmode none up
link set eth1 addrgenmode none up
END
if [ -e /etc/nsswitch.conf ]; then mount --bind "$1" /etc/nsswitch.conf; fi
shift
exec "$@"`;

/**
 * The command line that runs a program in a network of its own; null where the
 * system has no such namespaces or refuses them.
 */
export const ownNetwork = once(async () => {
  if (process.platform !== "linux") return null;
  const isRoot = process.getuid() === 0;
  const user = isRoot ? [] : argv`--user --map-current-user --keep-caps`;
  const command =
    argv`unshare ${user} --net --mount sh -c ${script} sh ${names}`;
  return (await run("true", [], { within: command })).ok ? command : null;
});

/**
 * How many tests run at once: two for each job, since most of them wait rather
 * than compute; one where they would use each other's ports.
 */
export async function testsAtOnce(jobs) {
  return await ownNetwork() ? 2 * jobs : 1;
}
