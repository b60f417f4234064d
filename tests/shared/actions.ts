// Copyright the iocp authors. MIT license.
/* The steps of a model-based test, for fast-check. */

import fc from "fast-check";

/** A step, which prints as its name. */
export class Action<World> {
  readonly run: (world: World) => unknown;
  readonly #name: string;

  constructor(name: string, run: (world: World) => unknown) {
    this.#name = name;
    this.run = run;
  }

  [fc.toStringMethod](): string {
    return this.#name;
  }
}

/** For steps without an argument. */
export const nothing: fc.Arbitrary<undefined> = fc.constant(undefined);

/** Steps of one kind, with an argument. */
export function action<World, T>(
  name: string,
  argument: fc.Arbitrary<T>,
  run: (world: World, value: T) => unknown,
): fc.Arbitrary<Action<World>> {
  return argument.map((value) =>
    new Action(
      value === undefined ? name : `${name} ${JSON.stringify(value)}`,
      (world: World) => run(world, value),
    )
  );
}
