// Copyright the iocp authors. MIT license.

import type { IdentitySettings } from "../options/tls.ts";
import { nodeModule } from "../runtime/globals.ts";

interface PrivateKey {
  export(options: { type: "pkcs8"; format: "pem" }): string;
}
interface NodeCrypto {
  createPrivateKey(
    options: { key: string; format: "pem"; passphrase?: string | undefined },
  ): PrivateKey;
  readonly X509Certificate: {
    new (pem: string): { checkPrivateKey(key: PrivateKey): boolean };
  };
}

/** A certificate and its key, as node:tls takes them. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

/**
 * Checks that the key is that of the certificate, and decrypts it: the node:tls of
 * Deno does neither before a peer comes.
 *
 * @throws {TypeError} that names the arguments, which begin with `name`.
 */
export function keyPair(name: string, identity: IdentitySettings): KeyPair {
  const { cert, key, passphrase } = identity;
  const { createPrivateKey, X509Certificate } = nodeModule<NodeCrypto>(
    "node:crypto",
  );
  const read = <T>(what: string, body: () => T): T => {
    try {
      return body();
    } catch (error) {
      throw new TypeError(
        `The "${name}.${what}" argument cannot be read: ${
          (error as Error).message
        }`,
        { cause: error },
      );
    }
  };
  const certificate = read("cert", () => new X509Certificate(cert));
  const privateKey = read(
    "key",
    () => createPrivateKey({ key, format: "pem", passphrase }),
  );
  if (!certificate.checkPrivateKey(privateKey)) {
    throw new TypeError(
      `The "${name}.cert" and "${name}.key" arguments must be a certificate and its key: the key is another one's`,
    );
  }
  return {
    cert,
    key: privateKey.export({ type: "pkcs8", format: "pem" }),
  };
}
