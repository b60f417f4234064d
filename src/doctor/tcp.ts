// Copyright the iocp authors. MIT license.
/* The self-tests of TCP. */

import type { CompletionPort, Conn } from "../../mod.ts";
import { now } from "../runtime/globals.ts";
import { type Check, type Finding, skipped } from "./check.ts";
import { testBytes } from "./checksum.ts";
import { loopbackCheck, pair, readToEnd } from "./loopback.ts";
import { reportedError, systemError } from "./report.ts";

const ECHO_BYTES = 2 ** 20;
const WRITE_BYTES = 2 ** 16;

async function serveEcho(peer: Conn): Promise<void> {
  for await (const chunk of peer) await peer.write(chunk);
  await peer.closeWrite();
}

async function send(conn: Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; at += WRITE_BYTES) {
    await conn.write(bytes.subarray(at, at + WRITE_BYTES));
  }
  await conn.closeWrite();
}

/* Sends 1 MiB to an echo and compares what comes back. */
async function echo(
  port: CompletionPort,
  hostname: string,
): Promise<Finding> {
  const { conn, peer } = await pair(port, hostname);
  const bytes = testBytes(ECHO_BYTES);
  const started = now();
  const [received] = await Promise.all([
    readToEnd(conn),
    send(conn, bytes),
    serveEcho(peer),
  ]);
  received.requireSame(bytes);
  const ms = now() - started;
  const facts = {
    address: conn.remoteAddr.hostname,
    bytes: ECHO_BYTES,
    echoMs: Math.round(ms * 10) / 10,
    stats: { ...port.stats() },
  };
  const summary = `1 MiB came back unchanged in ${ms.toFixed(0)} ms`;
  return { status: "ok", summary, facts };
}

/* A system without IPv6 is not a failure. */
const NO_IPV6: readonly unknown[] = ["EADDRNOTAVAIL", "EAFNOSUPPORT"];

async function echoIpv6(port: CompletionPort): Promise<Finding> {
  try {
    return await echo(port, "::1");
  } catch (error) {
    const reported = reportedError(error);
    if (!NO_IPV6.includes(reported.code)) throw error;
    return { ...skipped("this system has no ::1"), error: reported };
  }
}

/* The client ends its direction, and only then gets its answer. */
async function halfClose(port: CompletionPort): Promise<Finding> {
  const { conn, peer } = await pair(port, "127.0.0.1");
  const request = testBytes(1_000);
  const response = testBytes(100_000);
  const answer = async () => {
    (await readToEnd(peer)).requireSame(request);
    await send(peer, response);
  };
  const [received] = await Promise.all([
    readToEnd(conn),
    send(conn, request),
    answer(),
  ]);
  received.requireSame(response);
  return { status: "ok", summary: "the answer came after the end" };
}

/* The code of an error that is expected, with the number of the system. */
async function expectError(
  what: string,
  code: string,
  attempt: Promise<unknown>,
): Promise<Finding> {
  let error: unknown;
  try {
    await attempt;
  } catch (thrown) {
    error = thrown;
  }
  if (error === undefined) {
    throw new Error(`Cannot test ${what}: no error was reported`);
  }
  const { errno = 0, ...reported } = reportedError(error);
  if (reported.code !== code) throw error;
  const summary = `${what} is ${code} (${systemError(errno)})`;
  return { status: "ok", summary, facts: { code, errno } };
}

/* A port that was just closed, which the system may give to another program
 * meanwhile: then another one is tried. */
async function refused(port: CompletionPort): Promise<Finding> {
  const connect = async () => {
    for (let attempt = 0; attempt < 3; attempt++) {
      const listener = port.listen({ hostname: "127.0.0.1", port: 0 });
      const { addr } = listener;
      listener.close();
      (await port.connect(addr)).close();
    }
  };
  return await expectError("a closed port", "ECONNREFUSED", connect());
}

async function reset(port: CompletionPort): Promise<Finding> {
  const { conn, peer } = await pair(port, "127.0.0.1");
  peer.reset();
  const reading = conn.read(new Uint8Array(1));
  return await expectError("a reset", "ECONNRESET", reading);
}

/** TCP on the loopback interface. */
export const tcpChecks: readonly Check[] = [
  loopbackCheck({
    id: "tcp-ipv4",
    hosts: ["127.0.0.1"],
    run: (port) => echo(port, "127.0.0.1"),
  }),
  loopbackCheck({ id: "tcp-ipv6", hosts: ["[::1]"], run: echoIpv6 }),
  loopbackCheck({
    id: "tcp-localhost",
    hosts: ["localhost"],
    run: (port) => echo(port, "localhost"),
  }),
  loopbackCheck({
    id: "tcp-half-close",
    hosts: ["127.0.0.1"],
    run: halfClose,
  }),
  loopbackCheck({ id: "tcp-refused", hosts: ["127.0.0.1"], run: refused }),
  loopbackCheck({ id: "tcp-reset", hosts: ["127.0.0.1"], run: reset }),
];

/** Makes the check that a port can be listened on. */
export function listenCheck(number: number): Check {
  return loopbackCheck({
    id: "tcp-listen",
    hosts: [`127.0.0.1:${number}`],
    async run(port) {
      const listener = port.listen({ hostname: "127.0.0.1", port: number });
      const accepting = listener.accept();
      accepting.catch(() => {});
      await port.connect(listener.addr);
      await accepting;
      const summary = `port ${number} accepts connections`;
      return { status: "ok", summary, facts: { port: number } };
    },
  });
}
