// Copyright the iocp authors. MIT license.
/* A Worker of terminate.ts, which has a port with operations in progress, some of
 * them on connections to the address in its message. */

import { CompletionPort, type NetAddr } from "../../mod.ts";
import { Random } from "../shared/random.ts";
import { enterStates, STATES } from "../shared/states.ts";

interface Message {
  address: NetAddr;
  seed: number;
}

const scope = globalThis as unknown as {
  onmessage: (event: { data: Message }) => void;
  postMessage(message: unknown): void;
};

scope.onmessage = async ({ data: { address, seed } }) => {
  const random = new Random(seed);
  const port = new CompletionPort();
  for (let i = 0; i < 3; i++) {
    const conn = await port.connect(address);
    conn.read(new Uint8Array(10)).catch(() => {});
    if (i > 0) conn.write(new Uint8Array(10_000_000)).catch(() => {});
  }
  const names = random.shuffled(Object.keys(STATES)).slice(0, 4);
  await enterStates(port, names, false);
  scope.postMessage("busy");
};
