// Copyright the iocp authors. MIT license.
/* The parts of node:tls that are used here. It is loaded by the first connection
 * with TLS. https://nodejs.org/api/tls.html */

import { nodeModule } from "../runtime/globals.ts";
import type { Callback, EventListener } from "../runtime/node_types.ts";

/** An error of node:tls. */
export interface NodeError extends Error {
  readonly code?: string;
}

/** What `getPeerCertificate()` returns; without a certificate it is empty. */
export interface NodeCertificate {
  readonly subject?: Readonly<Record<string, string | string[]>>;
  readonly issuer?: Readonly<Record<string, string | string[]>>;
  readonly subjectaltname?: string;
  readonly valid_from?: string;
  readonly valid_to?: string;
  readonly serialNumber?: string;
  readonly fingerprint256?: string;
  readonly raw?: Uint8Array;
}

/** `tls.TLSSocket`. */
export interface TlsSocket {
  readonly authorized: boolean;
  readonly authorizationError: string | NodeError | null | undefined;
  readonly alpnProtocol: string | false | null | undefined;
  readonly servername?: string | false | null;
  destroy(error?: Error): void;
  end(callback: () => void): void;
  getCipher(): { readonly name: string } | undefined;
  getPeerCertificate(): NodeCertificate | null | undefined;
  getProtocol(): string | null;
  isSessionReused(): boolean | undefined;
  on(event: string, listener: EventListener): void;
  write(bytes: Uint8Array, callback: Callback): void;
}

/** `tls.Server`. */
export interface TlsServer {
  emit(event: "connection", stream: unknown): void;
  on(event: string, listener: EventListener): void;
}

interface NodeTls {
  checkServerIdentity(
    name: string,
    certificate: NodeCertificate,
  ): NodeError | undefined;
  connect(options: Readonly<Record<string, unknown>>): TlsSocket;
  createServer(options: Readonly<Record<string, unknown>>): TlsServer;
}

/** The module. */
export function nodeTls(): NodeTls {
  return nodeModule<NodeTls>("node:tls");
}

/**
 * From now on only the returned function ends the TLSSocket, or a failure. Deno's would
 * end itself when both directions are over, before it has written the end of its own.
 */
export function takeDestroy(socket: TlsSocket): () => void {
  const { destroy } = socket;
  socket.destroy = (error) => {
    if (error) destroy.call(socket, error);
    return socket;
  };
  return () => destroy.call(socket);
}
