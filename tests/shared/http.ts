// Copyright the iocp authors. MIT license.
/* Servers of the runtime's HTTP modules on listeners of this module. */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { ListenOptions, NodeServer } from "../../mod.ts";
import { CompletionPort } from "../../mod.ts";
import { serveHttp } from "../../http.ts";
import { within } from "./deadline.ts";
import { digest, pattern } from "./pattern.ts";

/** What is sent where a body must be large. */
export const body: Uint8Array<ArrayBuffer> = pattern(5_000_000);
export const bodyDigest: string = digest(body);

/** A server on a port of its own. */
export class Site<T extends NodeServer> implements AsyncDisposable {
  readonly server: T;
  readonly port: number;
  readonly #completionPort = new CompletionPort();

  constructor(server: T, options: Partial<ListenOptions> = {}) {
    this.server = server;
    const listener = this.#completionPort.listen({
      hostname: "127.0.0.1",
      port: 0,
      ...options,
    });
    this.port = serveHttp(server, listener).addr.port;
  }

  /** The number of its open connections. */
  get connections(): number {
    const { sockets } = this.#completionPort.stats();
    return sockets - Number(this.server.listening);
  }

  /** Closes the server, which must call back. */
  async close(): Promise<void> {
    const closed = new Promise<Error | undefined>((resolve) =>
      this.server.close(resolve)
    );
    const error = await within("the callback of close()", closed);
    if (error) throw error;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.server.listening) await this.close().finally(() => this.#end());
    else this.#end();
  }

  #end(): void {
    this.#completionPort.close();
  }
}

/** Answers with the body of the request, and says from which port it came. The path
 * /never gets no answer. */
export function echo(request: IncomingMessage, response: ServerResponse): void {
  if (request.url === "/never") return;
  response.setHeader("X-Port", `${request.socket.remotePort}`);
  request.pipe(response);
}
