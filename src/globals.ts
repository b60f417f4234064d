// Copyright the iocp authors. MIT license.
/* What both runtimes have and no standard library of types declares alike, so
 * that users need neither runtime's types. */

const globals = globalThis as unknown as {
  setTimeout(callback: () => void, ms: number): unknown;
  clearTimeout(timer: unknown): void;
  process: { getBuiltinModule(name: string): unknown };
};

export const { setTimeout, clearTimeout }: Pick<
  typeof globals,
  "setTimeout" | "clearTimeout"
> = globals;

/** A module of Node's, of which the caller says what it uses. */
export function nodeModule<T>(name: string): T {
  return globals.process.getBuiltinModule(name) as T;
}
