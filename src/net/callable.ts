// Copyright the iocp authors. MIT license.

/**
 * Makes a constructor of a class that may be called without `new`, as those of
 * `node:net`: `net.Server()`, or `net.Socket.call(this)` in a constructor of the
 * style before classes. Its method `_init()` does what a constructor does.
 */
export function callable<T extends { _init(...values: unknown[]): void }>(
  name: string,
  Class: { readonly prototype: T },
  /** Calls the constructor of the parent. */
  construct: (self: T, values: unknown[]) => void,
): new (...values: unknown[]) => T {
  function Constructor(this: unknown, ...values: unknown[]): unknown {
    if (!(this instanceof Constructor)) {
      return new (Constructor as unknown as new (...values: unknown[]) => T)(
        ...values,
      );
    }
    const self = this as unknown as T;
    construct(self, values);
    self._init(...values);
    return undefined;
  }
  const { prototype } = Class;
  Object.defineProperty(Constructor, "prototype", { value: prototype });
  Object.setPrototypeOf(Constructor, Object.getPrototypeOf(Class));
  Object.defineProperty(Constructor, "name", { value: name });
  Object.defineProperty(prototype, "constructor", {
    value: Constructor,
    configurable: true,
    writable: true,
  });
  return Constructor as unknown as new (...values: unknown[]) => T;
}
