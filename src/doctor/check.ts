// Copyright the iocp authors. MIT license.
/* One check of the doctor, and how it is run within its time. */

import { clearTimeout, now, setTimeout } from "../runtime/globals.ts";
import type { Host } from "../runtime/host.ts";
import { adviceFor } from "./advice.ts";
import {
  type CheckResult,
  type Facts,
  type ReportedError,
  reportedError,
  type Status,
} from "./report.ts";

/** The module, which is loaded only when its runtime can run it. */
export type Module = typeof import("../../mod.ts");

/** What the checks share. */
export interface Context {
  readonly host: Host;
  readonly isWindows: boolean;
  /** The module, once the check "library" has loaded it. */
  iocp?: Module;
  /** The version of Wine, once the check "system" has found it. */
  wine?: string;
}

/** What a check returns. */
export interface Finding {
  readonly status: Status;
  readonly summary: string;
  readonly advice?: readonly string[];
  readonly facts?: Facts;
  readonly error?: ReportedError;
}

/** One check. */
export interface Check {
  readonly id: string;
  /** Returns what is found, or throws. `defer` registers a cleanup that runs at
   * the end of the check, also after its time limit. */
  run(
    context: Context,
    defer: (close: () => void) => void,
  ): Finding | Promise<Finding>;
}

class TimeLimit extends Error {}

/** Runs a check for at most `limitMs` milliseconds. Never throws. */
export async function runCheck(
  check: Check,
  context: Context,
  limitMs: number,
): Promise<CheckResult> {
  const started = now();
  const deferred: (() => void)[] = [];
  let timer: unknown;
  let finding: Finding;
  try {
    const running = Promise.resolve(
      check.run(context, (close) => deferred.push(close)),
    );
    /* After the time limit, nothing else handles its rejection. */
    running.catch(() => {});
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new TimeLimit(`No result within ${limitMs} ms`)),
        limitMs,
      );
    });
    finding = await Promise.race([running, late]);
  } catch (error) {
    finding = failure(error, context);
  } finally {
    clearTimeout(timer);
    for (const close of deferred) attempt(close);
  }
  return {
    id: check.id,
    status: finding.status,
    summary: finding.summary,
    advice: finding.advice ?? [],
    facts: finding.facts ?? {},
    error: finding.error ?? null,
    durationMs: Math.round(now() - started),
  };
}

function attempt(close: () => void): void {
  try {
    close();
  } catch {
    /* The facts that the check has found are reported nevertheless. */
  }
}

/** The finding for an error. */
export function failure(
  thrown: unknown,
  { isWindows }: Context,
  facts: Facts = {},
): Finding {
  const error = reportedError(thrown);
  const code = thrown instanceof TimeLimit ? "TIME_LIMIT" : error.code;
  const advice = adviceFor(code, isWindows);
  return { status: "failed", summary: error.message, advice, facts, error };
}

/** The finding of a check that could not be made. */
export function skipped(reason: string, ...advice: string[]): Finding {
  return { status: "skipped", summary: reason, advice };
}
