// Copyright the iocp authors. MIT license.
/* How console.log(), util.inspect() and Deno.inspect() show the objects of the
 * API: class, addresses and state. */

import { type Addr, formatAddress } from "../native/address.ts";

const NODE_AND_BUN = Symbol.for("nodejs.util.inspect.custom");
const DENO = Symbol.for("Deno.customInspect");

type Fields = Readonly<Record<string, string | number | undefined>>;
/** The inspect function of the runtime. */
type Inspect = (value: unknown, options: unknown) => string;

/** An address as "host:port" or as its path, or "unknown" where `get` throws. */
export function shownAddress(get: () => Addr): string {
  try {
    return formatAddress(get());
  } catch {
    return "unknown";
  }
}

/**
 * Shows the instances of a class with these fields. The methods are not part of
 * the type, because their names are symbols of no fixed type.
 */
export function showFields<T>(
  Class: { readonly name: string; readonly prototype: T },
  fieldsOf: (instance: T) => Fields,
): void {
  const show = (instance: T, inspect: unknown, options: unknown): string => {
    let fields: Fields = {};
    try {
      fields = fieldsOf(instance);
    } catch {
      /* It is no instance, but the prototype for example. */
    }
    const text = typeof inspect === "function"
      ? (inspect as Inspect)(fields, options)
      : JSON.stringify(fields);
    return `${Class.name} ${text}`;
  };
  const methods: Record<symbol, unknown> = {
    [NODE_AND_BUN](this: T, depth: number, options: unknown, inspect: unknown) {
      return depth < 0 ? `[${Class.name}]` : show(this, inspect, options);
    },
    [DENO](this: T, inspect: unknown, options: unknown) {
      return show(this, inspect, options);
    },
  };
  for (const name of [NODE_AND_BUN, DENO]) {
    Object.defineProperty(Class.prototype, name, {
      value: methods[name],
      configurable: true,
      writable: true,
    });
  }
}
