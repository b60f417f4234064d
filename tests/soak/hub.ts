// Copyright the iocp authors. MIT license.
/* Connects pairs: a client first sends an id, by which the accepted connection is
 * matched to it. The listener is replaced now and then, so connecting can fail. */

import type {
  Addr,
  CompletionPort,
  Conn,
  ConnOptions,
  Listener,
  ListenerChanges,
  ListenOptions,
  NetAddr,
} from "../../mod.ts";
import type { Counters } from "./counters.ts";

/** Both ends of a connection. */
export interface Ends<A extends Addr = Addr> {
  client: Conn<A>;
  server: Conn<A>;
}

/** The listener was closed before both ends were matched. */
export class ListenerReplaced extends Error {
  override name = "ListenerReplaced";
}

/** Options of a listener, wherever it listens. */
export type HubOptions =
  & ConnOptions
  & ListenerChanges
  & Pick<ListenOptions, "deferAccept">;

/** Opens the listener of a hub, at another address each time. */
type Open<A extends Addr> = (options: HubOptions) => Listener<A>;

export class Hub<A extends Addr = NetAddr> {
  readonly #openListener: Open<A>;
  readonly #counters: Counters;
  readonly #expected = new Map<number, (server: Conn<A>) => void>();
  #listener: Listener<A>;
  #count = 0;

  constructor(open: Open<A>, counters: Counters) {
    this.#openListener = open;
    this.#counters = counters;
    this.#listener = this.#open({});
  }

  get address(): A {
    return this.#listener.addr;
  }

  /** Closes the listener and opens another one. */
  reopen(options: HubOptions): void {
    this.#listener.close();
    this.#listener = this.#open(options);
  }

  /** An id for the next client, and the server's end once it is matched. */
  expect(): { id: number; server: Promise<Conn<A>>; forget(): void } {
    const id = ++this.#count;
    const server = new Promise<Conn<A>>((resolve) =>
      this.#expected.set(id, resolve)
    );
    return { id, server, forget: () => this.#expected.delete(id) };
  }

  /** Connects from a port to the hub. */
  async connect(port: CompletionPort, options: ConnOptions): Promise<Ends<A>> {
    const { id, server, forget } = this.expect();
    const listener = this.#listener;
    let client: Conn<A> | undefined;
    try {
      const all = { ...this.address as NetAddr, ...options };
      client = await port.connect(all) as Conn<Addr> as Conn<A>;
      await sendId(client, id);
    } catch (error) {
      client?.reset();
      forget();
      this.#counters.failed(error);
      if (listener === this.#listener) throw error;
      throw new ListenerReplaced("the listener was closed", { cause: error });
    }
    this.#counters.made++;
    return { client, server: await server };
  }

  close(): void {
    this.#listener.close();
  }

  #open(options: HubOptions): Listener<A> {
    const listener = this.#openListener({ allowHalfOpen: true, ...options });
    this.#serve(listener);
    return listener;
  }

  async #serve(listener: Listener<A>): Promise<void> {
    for await (const conn of listener) {
      this.#match(conn).catch((error) => {
        this.#counters.failed(error);
        conn.reset();
      });
    }
  }

  async #match(conn: Conn<A>): Promise<void> {
    const bytes = new Uint8Array(4);
    await readFully(conn, bytes);
    const id = new DataView(bytes.buffer).getUint32(0);
    await conn.write(bytes.subarray(0, 1));
    const resolve = this.#expected.get(id);
    this.#expected.delete(id);
    if (resolve === undefined) conn.reset();
    else resolve(conn);
  }
}

/** Reads until the buffer is full. */
export async function readFully(
  conn: Conn<Addr>,
  bytes: Uint8Array,
): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    const count = await conn.read(bytes.subarray(at));
    if (count === null) {
      throw new Error(`the peer has ended after ${at} of ${bytes.length}`);
    }
    at += count;
  }
}

/** Sends the id of a client, and waits for the acknowledgement. */
async function sendId(conn: Conn<Addr>, id: number): Promise<void> {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, id);
  await conn.write(bytes);
  await readFully(conn, new Uint8Array(1));
}
