// Copyright the iocp authors. MIT license.
/* The command line of `iocp`. */

/** What the user wants. */
export type Request =
  | { readonly command: "help" }
  | { readonly command: "version" }
  | {
    readonly command: "doctor";
    readonly isJson: boolean;
    readonly timeoutMs: number;
    readonly port: number | undefined;
  };

const TIMEOUT_S = 60;
const TIMEOUT_S_MAX = 3_600;

/** The help text. */
export const HELP = `usage: iocp doctor [options]

Checks the runtime, the system, the native library, permissions, limits and
sockets on the loopback interface, and says what to do about what is wrong.

  --json             print the report as JSON
  --port PORT        also check that this TCP port can be listened on
  --timeout SECONDS  the most time that it may take (default ${TIMEOUT_S})
  --help             print this text
  --version          print the version of iocp

exit codes: 0 nothing is wrong; 1 something is wrong; 2 wrong usage`;

/** The arguments are wrong; the message says how. */
export class UsageError extends Error {}

function integer(
  option: string,
  text: string | undefined,
  max: number,
): number {
  const value = Number(text);
  if (text !== undefined && /^\d+$/.test(text) && value >= 1 && value <= max) {
    return value;
  }
  throw new UsageError(`${option} needs a whole number from 1 to ${max}`);
}

/** Parses the arguments. Throws a {@linkcode UsageError}. */
export function parseArguments(args: readonly string[]): Request {
  if (args.includes("--help")) return { command: "help" };
  if (args.includes("--version")) return { command: "version" };
  const [command, ...rest] = args;
  if (command === undefined) throw new UsageError("a command is missing");
  if (command !== "doctor") throw new UsageError(`no such command: ${command}`);
  let isJson = false;
  let timeoutMs = TIMEOUT_S * 1_000;
  let port: number | undefined;
  while (rest.length > 0) {
    const [option, value] = splitOption(rest.shift()!);
    if (option === "--json" && value === undefined) isJson = true;
    else if (option === "--timeout") {
      const seconds = integer(option, value ?? rest.shift(), TIMEOUT_S_MAX);
      timeoutMs = seconds * 1_000;
    } else if (option === "--port") {
      port = integer(option, value ?? rest.shift(), 65_535);
    } else throw new UsageError(`no such option: ${option}`);
  }
  return { command, isJson, timeoutMs, port };
}

function splitOption(text: string): [option: string, value?: string] {
  const at = text.indexOf("=");
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}
