// Copyright the iocp authors. MIT license.
/* Datagram sockets on the loopback interface, on a port of their own. */

import {
  type BindOptions,
  CompletionPort,
  type Datagram,
  type DatagramAddr,
  type DatagramSocket,
} from "../../mod.ts";
import { within } from "./deadline.ts";
import { bytesOf, textOf } from "./pattern.ts";

/** Two UDP sockets, which are closed at the end of the block. */
export class UdpPair implements Disposable {
  readonly port: CompletionPort = new CompletionPort();
  readonly left: DatagramSocket;
  readonly right: DatagramSocket;

  constructor(options: BindOptions = {}) {
    const { hostname = "127.0.0.1" } = options;
    this.left = this.port.bind({ ...options, hostname, port: 0 });
    this.right = this.port.bind({ ...options, hostname, port: 0 });
  }

  [Symbol.dispose](): void {
    this.port.close();
  }
}

/** Receives one datagram as text. */
export async function receiveText<A extends DatagramAddr>(
  socket: DatagramSocket<A>,
): Promise<string> {
  const p = new Uint8Array(2_000);
  const { data } = await within("a datagram", socket.receive(p));
  return textOf(data);
}

/** Sends texts, one datagram each. */
export async function sendTexts<A extends DatagramAddr>(
  socket: DatagramSocket<A>,
  addr: Parameters<DatagramSocket<A>["send"]>[1],
  ...texts: string[]
): Promise<void> {
  for (const text of texts) await socket.send(bytesOf(text), addr);
}

/** Takes `count` datagrams from a loop that stays usable. */
export async function take<A extends DatagramAddr>(
  socket: DatagramSocket<A>,
  count: number,
): Promise<Datagram<A>[]> {
  const loop = socket[Symbol.asyncIterator]();
  const taken: Datagram<A>[] = [];
  while (taken.length < count) {
    const { value } = await within("a datagram", loop.next());
    taken.push(value!);
  }
  return taken;
}
