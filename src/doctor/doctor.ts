// Copyright the iocp authors. MIT license.
/* Runs every check within a time limit, and never throws. */

import { nodeModule, now } from "../runtime/globals.ts";
import type { Host } from "../runtime/host.ts";
import { VERSION } from "../version.ts";
import { type Check, type Context, runCheck, skipped } from "./check.ts";
import { libraryCheck } from "./library.ts";
import { limitsCheck } from "./limits.ts";
import { permissionsCheck } from "./permissions.ts";
import { providersCheck } from "./providers.ts";
import {
  type CheckResult,
  type Report,
  SCHEMA_VERSION,
  withoutHome,
} from "./report.ts";
import { runtimeCheck } from "./runtime.ts";
import { systemCheck } from "./system.ts";
import { listenCheck } from "./tcp.ts";
import { transportChecks } from "./transports.ts";

/** What to examine. */
export interface DoctorOptions {
  /** The most milliseconds that all checks may take. */
  readonly timeoutMs: number;
  /** A port to listen on. */
  readonly port?: number | undefined;
}

/* The most milliseconds of one check. */
const CHECK_MS = 15_000;

/** All checks. The library comes before the permissions, which are judged by
 * it. */
export const CHECKS: readonly Check[] = [
  runtimeCheck,
  systemCheck,
  libraryCheck,
  permissionsCheck,
  limitsCheck,
  providersCheck,
  ...transportChecks,
];

function isWindows(): boolean {
  const { process } = globalThis as unknown as {
    process?: { readonly platform: string };
  };
  return process?.platform === "win32";
}

function homeOf(host: Host): string | undefined {
  const permission = { name: "sys", kind: "homedir" } as const;
  if (host.permission(permission) !== "granted") return undefined;
  try {
    return nodeModule<{ homedir(): string }>("node:os").homedir();
  } catch {
    /* The user has none that the system knows of. */
    return undefined;
  }
}

/** Examines the runtime, the system, the library and every transport. */
export async function examine(
  host: Host,
  { timeoutMs, port }: DoctorOptions,
  checks: readonly Check[] = CHECKS,
): Promise<Report> {
  const startedAt = new Date().toISOString();
  const started = now();
  const end = started + timeoutMs;
  const context: Context = { host, isWindows: isWindows() };
  const all = port === undefined ? checks : [...checks, listenCheck(port)];
  const results: CheckResult[] = [];
  const isUsable = () =>
    !results.some(({ id, status }) =>
      id === runtimeCheck.id && status === "failed"
    );
  for (const check of all) {
    const left = Math.ceil(end - now());
    const obstacle = !isUsable()
      ? "the runtime is not supported"
      : left <= 0
      ? "the time limit is reached"
      : undefined;
    const made = obstacle === undefined
      ? check
      : { id: check.id, run: () => skipped(obstacle) };
    const limitMs = Math.max(1, Math.min(left, CHECK_MS));
    results.push(await runCheck(made, context, limitMs));
  }
  const isOver = now() >= end;
  const hasFailed = results.some(({ status }) => status === "failed");
  const report: Report = {
    schemaVersion: SCHEMA_VERSION,
    status: hasFailed || isOver ? "failed" : "ok",
    version: VERSION,
    startedAt,
    durationMs: Math.round(now() - started),
    checks: results,
  };
  return isUsable() ? withoutHome(report, homeOf(host)) : report;
}
