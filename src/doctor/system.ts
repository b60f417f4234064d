// Copyright the iocp authors. MIT license.
/* The operating system, with the details that are needed to reproduce a problem
 * elsewhere. */

import { nodeModule } from "../runtime/globals.ts";
import type { Host } from "../runtime/host.ts";
import type { Check, Finding } from "./check.ts";
import { queryRegistry } from "./registry.ts";
import type { Facts } from "./report.ts";

interface NodeOs {
  release(): string;
  cpus(): readonly { readonly model: string }[];
  totalmem(): number;
}
interface NodeProcess {
  readonly platform: string;
  readonly arch: string;
}

/** The usual names of the systems. */
const NAMES: Readonly<Record<string, string>> = {
  win32: "Windows",
  linux: "Linux",
  darwin: "macOS",
};

const WINDOWS_VERSION = "HKLM\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion";

function cpuFacts(os: NodeOs): { cpus: number; processor: string } {
  const cpus = os.cpus();
  return { cpus: cpus.length, processor: cpus[0]?.model ?? "unknown" };
}

function osFacts(host: Host): Record<string, string | number> {
  const os = nodeModule<NodeOs>("node:os");
  const mayKnow = (kind: "osRelease" | "cpus" | "systemMemoryInfo") =>
    host.permission({ name: "sys", kind }) === "granted";
  return {
    ...mayKnow("osRelease") && { release: os.release() },
    ...mayKnow("cpus") && cpuFacts(os),
    ...mayKnow("systemMemoryInfo") &&
      { memoryMiB: Math.round(os.totalmem() / 2 ** 20) },
  };
}

/* The release is not the whole build: "10.0.22631", and 4602 in UBR. */
async function windowsFacts(host: Host): Promise<Facts> {
  const values = await queryRegistry(host, WINDOWS_VERSION);
  if (values === undefined) return {};
  const ubr = Number(values.get("UBR") ?? NaN);
  return {
    product: values.get("ProductName") ?? null,
    displayVersion: values.get("DisplayVersion") ?? null,
    build: values.get("CurrentBuild") ?? null,
    revision: Number.isNaN(ubr) ? null : ubr,
    buildLab: values.get("BuildLabEx") ?? null,
  };
}

function mayCall(host: Host): boolean {
  return host.permission({ name: "ffi" }) === "granted";
}

/** The system, its version, and whether it is Wine. */
export const systemCheck: Check = {
  id: "system",
  async run(context): Promise<Finding> {
    const { host, isWindows } = context;
    const { process } = globalThis as unknown as { process: NodeProcess };
    const { platform, arch } = process;
    const facts: Record<string, Facts[string]> = {
      platform,
      arch,
      ...osFacts(host),
    };
    const words = [`${NAMES[platform] ?? platform}`];
    if (facts["release"] !== undefined) words.push(`${facts["release"]}`);
    words.push(arch);
    if (isWindows && mayCall(host)) {
      const wine = host.callString("ntdll.dll", "wine_get_version");
      facts["wine"] = wine ?? null;
      if (wine !== undefined) {
        context.wine = wine;
        words.push(`(Wine ${wine})`);
      }
    }
    if (isWindows && context.wine === undefined) {
      Object.assign(facts, await windowsFacts(host));
      const { displayVersion, revision } = facts;
      if (revision !== undefined) {
        words.push(`(${displayVersion ?? "no version"}, revision ${revision})`);
      }
    }
    if (platform === "linux" && mayCall(host)) {
      const libc = host.callString("libc.so.6", "gnu_get_libc_version");
      facts["glibc"] = libc ?? null;
      words.push(libc === undefined ? "(no glibc)" : `(glibc ${libc})`);
    }
    return { status: "ok", summary: words.join(" "), facts };
  },
};
