// Copyright the iocp authors. MIT license.
/* The limits of the system that bound what a server can hold. */

import { nodeModule } from "../runtime/globals.ts";
import type { Host } from "../runtime/host.ts";
import type { Check, Finding } from "./check.ts";
import { runCommand } from "./command.ts";
import type { Fact } from "./report.ts";

interface NodeFs {
  readFileSync(path: string, encoding: "utf8"): string;
}

/** A server with a lower limit of open files reaches it early. */
const FEW_FILES = 4_096;
/** Windows has 16,384 dynamic ports by default. */
const FEW_PORTS = 10_000;

/* Deno needs all permissions for files in /proc, so a refusal is not an error. */
function read(host: Host, path: string): string | undefined {
  if (host.permission({ name: "read", path }) !== "granted") return undefined;
  try {
    return nodeModule<NodeFs>("node:fs").readFileSync(path, "utf8").trim();
  } catch {
    return undefined;
  }
}

/** Parses the line "Max open files" of /proc/self/limits: soft and hard. */
export function parseOpenFiles(
  text: string,
): { soft: number; hard: number } | undefined {
  const match = /^Max open files\s+(\S+)\s+(\S+)/m.exec(text);
  if (match === null) return undefined;
  const [soft, hard] = match.slice(1).map((word) =>
    word === "unlimited" ? Infinity : Number(word)
  );
  return { soft: soft!, hard: hard! };
}

/** Parses the first and the number of the dynamic ports that netsh prints, in
 * any language. */
export function parseDynamicPorts(
  text: string,
): { first: number; count: number } | undefined {
  const numbers = [...text.matchAll(/:\s*(\d+)\s*$/gm)].map(([, n]) =>
    Number(n)
  );
  if (numbers.length !== 2) return undefined;
  return { first: numbers[0]!, count: numbers[1]! };
}

/** Parses the ranges of reserved ports that netsh prints. */
export function parsePortRanges(text: string): [first: number, last: number][] {
  return [...text.matchAll(/^\s*(\d+)\s+(\d+)(?:\s+\*)?\s*$/gm)].map(
    ([, first, last]) => [Number(first), Number(last)],
  );
}

function linux(host: Host): Finding {
  const files = parseOpenFiles(read(host, "/proc/self/limits") ?? "");
  const range = read(host, "/proc/sys/net/ipv4/ip_local_port_range");
  const [first, last] = range?.split(/\s+/).map(Number) ?? [];
  const number = (path: string): number | null => {
    const text = read(host, path);
    return text === undefined ? null : Number(text);
  };
  const facts: Record<string, Fact> = {
    openFiles: files?.soft ?? null,
    openFilesHard: files?.hard ?? null,
    backlog: number("/proc/sys/net/core/somaxconn"),
    firstDynamicPort: first ?? null,
    dynamicPorts: first === undefined ? null : last! - first + 1,
  };
  const advice: string[] = [];
  if (files !== undefined && files.soft < FEW_FILES) {
    advice.push(
      `each connection is an open file: raise the limit of ${files.soft} with \`ulimit -n\` before a server starts`,
    );
  }
  return bounded(facts, advice);
}

async function windows(host: Host, wine: string | undefined): Promise<Finding> {
  /* The netsh of Wine prints nothing. */
  const netsh = (family: string, what: string[]) =>
    wine === undefined
      ? runCommand(host, "netsh", ["int", family, "show", ...what])
      : undefined;
  const ports = await netsh("ipv4", ["dynamicport", "tcp"]);
  const reserved = await netsh("ipv4", ["excludedportrange", "protocol=tcp"]);
  const dynamic = parseDynamicPorts(ports ?? "");
  const facts: Record<string, Fact> = {
    openFiles: null,
    openFilesHard: null,
    backlog: null,
    firstDynamicPort: dynamic?.first ?? null,
    dynamicPorts: dynamic?.count ?? null,
    reservedPorts: reserved === undefined ? null : parsePortRanges(reserved),
  };
  return bounded(facts, []);
}

function bounded(
  facts: Record<string, Fact>,
  advice: string[],
): Finding {
  const { openFiles, dynamicPorts } = facts;
  if (typeof dynamicPorts === "number" && dynamicPorts < FEW_PORTS) {
    advice.push(
      `only ${dynamicPorts} ports are left for connections that this machine makes: a client with many of them may get EADDRINUSE`,
    );
  }
  const known = [
    typeof openFiles === "number" && `${openFiles} open files`,
    typeof dynamicPorts === "number" && `${dynamicPorts} dynamic ports`,
  ].filter((text) => text !== false);
  return {
    status: advice.length > 0 ? "warning" : "ok",
    summary: known.join(", ") || "none is known",
    advice,
    facts,
  };
}

/** Open files, backlog and dynamic ports. */
export const limitsCheck: Check = {
  id: "limits",
  run({ host, isWindows, wine }) {
    return isWindows ? windows(host, wine) : linux(host);
  },
};
