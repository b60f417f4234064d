// Copyright the iocp authors. MIT license.
/* The report of the doctor. `iocp doctor --json` prints it as it is, so a change
 * of its keys changes SCHEMA_VERSION. */

/** The version of the report's keys. */
export const SCHEMA_VERSION = 1;

/** The outcome of a check. Only "failed" fails the report. */
export type Status = "ok" | "warning" | "failed" | "skipped";

/** A value that JSON can hold. */
export type Fact =
  | string
  | number
  | boolean
  | null
  | readonly Fact[]
  | { readonly [key: string]: Fact };

/** What a check has found out, by key. */
export type Facts = Readonly<Record<string, Fact>>;

/** The properties of an error that help to find its cause. */
export interface ReportedError {
  readonly name: string;
  readonly message: string;
  /** For example "ECONNREFUSED". */
  readonly code?: string;
  /** The system call that failed. */
  readonly syscall?: string;
  /** The number of the operating system: errno, Winsock or NTSTATUS. */
  readonly errno?: number;
}

/** The outcome of one check. */
export interface CheckResult {
  /** Does not change between versions. */
  readonly id: string;
  readonly status: Status;
  /** One sentence for a person. */
  readonly summary: string;
  /** What to do about it. */
  readonly advice: readonly string[];
  readonly facts: Facts;
  readonly error: ReportedError | null;
  readonly durationMs: number;
}

/** All of it. */
export interface Report {
  readonly schemaVersion: typeof SCHEMA_VERSION;
  /** "failed" when a check has failed. */
  readonly status: "ok" | "failed";
  /** The version of the module. */
  readonly version: string;
  /** ISO 8601, UTC. */
  readonly startedAt: string;
  readonly durationMs: number;
  readonly checks: readonly CheckResult[];
}

/** Makes an error reportable. */
export function reportedError(error: unknown): ReportedError {
  if (!(error instanceof Error)) return { name: "", message: String(error) };
  const { name, message } = error;
  const { code, syscall, errno } = error as Partial<ReportedError>;
  return {
    name,
    message,
    ...typeof code === "string" && { code },
    ...typeof syscall === "string" && { syscall },
    ...typeof errno === "number" && { errno },
  };
}

/** A number of the system as people look it up: a negative one is an NTSTATUS. */
export function systemError(errno: number): string {
  return errno < 0
    ? `NTSTATUS 0x${(errno >>> 0).toString(16).toUpperCase()}`
    : `system error ${errno}`;
}

/** Replaces a folder by "~" in every text of a value. */
export function withoutHome<T>(value: T, home: string | undefined): T {
  if (home === undefined || home.length < 2) return value;
  const replace = (inner: unknown): unknown => {
    if (typeof inner === "string") return inner.replaceAll(home, "~");
    if (Array.isArray(inner)) return inner.map(replace);
    if (typeof inner !== "object" || inner === null) return inner;
    const entries = Object.entries(inner);
    return Object.fromEntries(entries.map(([key, v]) => [key, replace(v)]));
  };
  return replace(value) as T;
}
