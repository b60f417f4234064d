// Copyright the iocp authors. MIT license.

/** What to do about an error, by its code; the second text is for Windows where
 * that differs. */
const ADVICE: Readonly<Record<string, readonly [string, string?]>> = {
  EACCES: [
    "ports below 1024 need root or CAP_NET_BIND_SERVICE: choose another port, or run with more rights",
    "the port may be in a reserved range: compare `netsh int ipv4 show excludedportrange protocol=tcp` and choose another port; a security program may also refuse it",
  ],
  EADDRINUSE: [
    "another program listens on this port: find it with `ss -ltnp`, or choose another port",
    "another program listens on this port: find it with `netstat -ano`, or choose another port",
  ],
  ECONNABORTED: ["a security program may end connections: add an exception"],
  ECONNREFUSED: [
    "a firewall may refuse connections on the loopback interface: allow the runtime in it",
  ],
  ECONNRESET: ["a security program may reset connections: add an exception"],
  EMFILE: [
    "the process has too many open files: raise the limit with `ulimit -n`",
    "the process has too many open handles",
  ],
  ENOTFOUND: [
    "the name cannot be resolved: /etc/hosts should have a line for localhost",
    "the name cannot be resolved: check the DNS client and the file drivers\\etc\\hosts",
  ],
  ETIMEDOUT: [
    "a firewall may drop packets on the loopback interface: allow the runtime in it",
  ],
  TIME_LIMIT: [
    "a firewall or security program may hold the connection: allow the runtime in it; on a busy machine run again with a longer --timeout",
  ],
};

/** Returns what to do about an error with this code; empty when nothing is
 * known. */
export function adviceFor(
  code: string | undefined,
  isWindows: boolean,
): readonly string[] {
  const entry = code === undefined ? undefined : ADVICE[code];
  if (entry === undefined) return [];
  return [isWindows ? entry[1] ?? entry[0] : entry[0]];
}
