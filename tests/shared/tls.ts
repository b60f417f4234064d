// Copyright the iocp authors. MIT license.
/* Certificates, and both ends of a connection with TLS. */

import { readFileSync } from "node:fs";
import type { ConnOptions, TlsOptions, TlsServerOptions } from "../../mod.ts";
import { CompletionPort } from "../../mod.ts";
import { within } from "./deadline.ts";
import { identity as selfSigned } from "./duplex.ts";
import { repositoryPath } from "./files.ts";
import { Pair } from "./pair.ts";

/** The text of a file of tests/shared/certificates. */
export function pem(file: string): string {
  const path = repositoryPath(`tests/shared/certificates/${file}`);
  return readFileSync(path, "utf8");
}

/** A certificate of tests/shared/certificates, and its key. */
export function identityOf(name: string): { cert: string; key: string } {
  return { cert: pem(`${name}.pem`), key: pem(`${name}.key`) };
}

/** What has signed all of them. */
export const ca: string = pem("ca.pem");
/** For localhost and 127.0.0.1. */
export const server: { cert: string; key: string } = identityOf("server");
export { selfSigned };

export interface SecureOptions extends ConnOptions {
  readonly listen?: Partial<TlsServerOptions>;
  readonly connect?: TlsOptions;
}

/** Connects a pair with TLS, on a port of its own. */
export async function securePair(options: SecureOptions = {}): Promise<Pair> {
  const { listen, connect, ...both } = options;
  const port = new CompletionPort();
  const hostname = "127.0.0.1";
  try {
    const listener = port.listen({
      hostname,
      ...both,
      tls: { ...server, ...listen },
    });
    const ends = Promise.all([
      port.connect({ ...listener.addr, ...both, tls: { ca, ...connect } }),
      listener.accept(),
    ]);
    const [client, accepted] = await within("a pair with TLS", ends);
    return new Pair(port, listener, client, accepted);
  } catch (error) {
    port.close();
    throw error;
  }
}
