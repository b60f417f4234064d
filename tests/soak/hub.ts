// Copyright the iocp authors. MIT license.
/* Connects pairs: a client first sends an id, by which the accepted connection is
 * matched to it. The listener is replaced now and then, so connecting can fail. */

import type {
  CompletionPort,
  Conn,
  ConnectOptions,
  Listener,
  ListenOptions,
  NetAddr,
} from "../../mod.ts";
import type { Counters } from "./counters.ts";

/** Both ends of a connection. */
export interface Ends {
  client: Conn;
  server: Conn;
}

/** The listener was closed before both ends were matched. */
export class ListenerReplaced extends Error {
  override name = "ListenerReplaced";
}

export class Hub {
  readonly #port: CompletionPort;
  readonly #counters: Counters;
  readonly #expected = new Map<number, (server: Conn) => void>();
  #listener: Listener;
  #count = 0;

  constructor(port: CompletionPort, counters: Counters) {
    this.#port = port;
    this.#counters = counters;
    this.#listener = this.#open({});
  }

  get address(): NetAddr {
    return this.#listener.addr;
  }

  /** Closes the listener and opens another one. */
  reopen(options: Partial<ListenOptions>): void {
    this.#listener.close();
    this.#listener = this.#open(options);
  }

  /** An id for the next client, and the server's end once it is matched. */
  expect(): { id: number; server: Promise<Conn>; forget(): void } {
    const id = ++this.#count;
    const server = new Promise<Conn>((resolve) =>
      this.#expected.set(id, resolve)
    );
    return { id, server, forget: () => this.#expected.delete(id) };
  }

  /** Connects from a port to the hub. */
  async connect(
    port: CompletionPort,
    options: Omit<ConnectOptions, "port">,
  ): Promise<Ends> {
    const { id, server, forget } = this.expect();
    const listener = this.#listener;
    let client: Conn | undefined;
    try {
      client = await port.connect({ ...this.address, ...options });
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

  #open(options: Partial<ListenOptions>): Listener {
    const hostname = "127.0.0.1";
    const all = { hostname, port: 0, allowHalfOpen: true, ...options };
    const listener = this.#port.listen(all);
    this.#serve(listener);
    return listener;
  }

  async #serve(listener: Listener): Promise<void> {
    for await (const conn of listener) {
      this.#match(conn).catch((error) => {
        this.#counters.failed(error);
        conn.reset();
      });
    }
  }

  async #match(conn: Conn): Promise<void> {
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
export async function readFully(conn: Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    const count = await conn.read(bytes.subarray(at));
    if (count === null) throw new ListenerReplaced("the peer has ended");
    at += count;
  }
}

/** Sends the id of a client, and waits for the acknowledgement. */
async function sendId(conn: Conn, id: number): Promise<void> {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, id);
  await conn.write(bytes);
  await readFully(conn, new Uint8Array(1));
}
