// Copyright the iocp authors. MIT license.
/* The options of TLS, and what a handshake has agreed on. */

import { NotSupported } from "../errors.ts";
import { type OperationOptions, TIMEOUT_MAX } from "./operation.ts";
import { runtime } from "../runtime/detect.ts";
import { TextDecoder, TextEncoder } from "../runtime/globals.ts";
import {
  optionalBoolean,
  optionalInteger,
  requireBytes,
  requireHostname,
  requireOptions,
  wrongType,
} from "./validate.ts";

/** Text in PEM, or its bytes. */
export type Pem = string | Uint8Array;

/** A version of TLS. */
export type TlsVersion = "TLSv1.2" | "TLSv1.3";

/** A certificate and its key, both in PEM. */
export interface TlsIdentity {
  /** The certificate, and behind it those between it and the one that the peer
   * trusts. */
  cert: Pem | readonly Pem[];
  /** The private key of the certificate. */
  key: Pem;
  /** Decrypts the key. */
  passphrase?: string | undefined;
}

/** Options of TLS for both sides. */
export interface TlsCommonOptions {
  /**
   * Certificates that are trusted, in PEM, in place of those of the runtime.
   */
  ca?: Pem | readonly Pem[] | undefined;
  /** Protocols over TLS, by preference (ALPN): `["h2", "http/1.1"]`. */
  alpnProtocols?: readonly string[] | undefined;
  /** The lowest version. The default is that of the runtime, at least 1.2. */
  minVersion?: TlsVersion | undefined;
  /** The highest version. The default is that of the runtime. */
  maxVersion?: TlsVersion | undefined;
}

/** Options of TLS for the side that connects. */
export interface TlsOptions extends TlsCommonOptions {
  /**
   * The name that the server is asked for (SNI), and that must be in its
   * certificate. An IP address is not sent, but must be in the certificate.
   *
   * @default the `hostname` of `connect()`, otherwise `"localhost"`
   */
  serverName?: string | undefined;
  /**
   * Fails when the certificate of the server is not trusted or not for its name. With
   * false, `conn.tls.authorizationError` says what is wrong with it.
   *
   * @default {true}
   */
  rejectUnauthorized?: boolean | undefined;
  /** The certificate that is shown to a server that requests one. */
  cert?: Pem | readonly Pem[] | undefined;
  /** The private key of `cert`. */
  key?: Pem | undefined;
  /** Decrypts the key. */
  passphrase?: string | undefined;
  /**
   * What `conn.tls.session` of an earlier connection to the server was: the
   * handshake is shorter, if the server still knows it. Deno's `node:tls` cannot
   * resume a session, and there it throws {@linkcode NotSupported}.
   */
  session?: Uint8Array | undefined;
}

/** Options of TLS for the side that accepts. */
export interface TlsServerOptions extends TlsCommonOptions, TlsIdentity {
  /**
   * Requests a certificate of the client.
   *
   * @default {false}
   */
  requestCert?: boolean | undefined;
  /**
   * Fails when the client has no certificate, or one that is not trusted. With
   * false, `conn.tls.authorizationError` says what is wrong. Only with `requestCert`.
   *
   * @default {true}
   */
  rejectUnauthorized?: boolean | undefined;
  /**
   * Chooses the certificate by the name that the client asks for, in lower case. The
   * result, or its promise, may be undefined: then `cert` and `key` are used, as for a
   * client that asks for no name. A map has the identities by name. The same object
   * should be returned for the same name, since each one is read once.
   */
  sni?:
    | ((
      name: string,
    ) => TlsIdentity | undefined | Promise<TlsIdentity | undefined>)
    | ReadonlyMap<string, TlsIdentity>
    | undefined;
  /**
   * How long a handshake may take, in milliseconds from 1 to 2,147,483,647. Then the
   * connection is reset.
   *
   * @default {30_000}
   */
  handshakeTimeout?: number | undefined;
}

/** Options of `conn.startTls()`. With `isServer` this side is the one that accepts.
 * Without a `timeout` the handshake may take 30 seconds. */
export type StartTlsOptions =
  & OperationOptions
  & (
    | (TlsOptions & { isServer?: false | undefined })
    | (TlsServerOptions & { isServer: true })
  );

/** A certificate of a peer. */
export interface PeerCertificate {
  /** The fields of the name: `{ CN: "localhost" }`. */
  readonly subject: Readonly<Record<string, string | string[]>>;
  /** The same of its issuer. */
  readonly issuer: Readonly<Record<string, string | string[]>>;
  /** The names and addresses that it is for: `"DNS:localhost, IP
   * Address:127.0.0.1"`. */
  readonly subjectAltName: string | undefined;
  /** It is valid from then on. */
  readonly validFrom: Date;
  /** It is valid until then. */
  readonly validTo: Date;
  /** In hexadecimal. */
  readonly serialNumber: string;
  /** SHA-256 of the certificate, in hexadecimal with colons. */
  readonly fingerprint256: string;
  /** The certificate in DER. */
  readonly raw: Uint8Array<ArrayBuffer>;
}

/** What a handshake has agreed on. */
export interface TlsInfo {
  /** The version: `"TLSv1.3"`. */
  readonly protocol: string;
  /** The name of the cipher suite. */
  readonly cipher: string;
  /** The protocol of ALPN, if one was agreed on. */
  readonly alpnProtocol: string | undefined;
  /** The name that the client has asked for, if any. */
  readonly serverName: string | undefined;
  /** Undefined if the peer has shown none. */
  readonly peerCertificate: PeerCertificate | undefined;
  /** The certificate of the peer is trusted and, for a server, has its name. */
  readonly isAuthorized: boolean;
  /** Why it is not: `"CERT_HAS_EXPIRED"`. Undefined for a client that was not
   * asked for a certificate. */
  readonly authorizationError: string | undefined;
  /** The handshake has resumed an earlier session. */
  readonly isResumed: boolean;
  /** What a later connection to the server can resume: undefined until the server
   * has sent it, in TLS 1.3 some time after the handshake; for a server, and in
   * Deno always. */
  readonly session: Uint8Array<ArrayBuffer> | undefined;
}

/** {@linkcode TlsIdentity}, checked. */
export interface IdentitySettings {
  readonly cert: string;
  readonly key: string;
  readonly passphrase: string | undefined;
}

/** {@linkcode TlsCommonOptions}, checked. */
interface CommonSettings {
  readonly ca: readonly string[] | undefined;
  readonly alpnProtocols: readonly string[] | undefined;
  readonly minVersion: TlsVersion | undefined;
  readonly maxVersion: TlsVersion | undefined;
  readonly rejectUnauthorized: boolean;
}

/** {@linkcode TlsOptions}, checked. */
export interface TlsSettings extends CommonSettings {
  readonly serverName: string | undefined;
  /** What is shown to a server that requests a certificate. */
  readonly identity: IdentitySettings | undefined;
  readonly session: Uint8Array | undefined;
}

/** Finds the identity for a name. */
export type FindIdentity = (
  name: string,
) => TlsIdentity | undefined | Promise<TlsIdentity | undefined>;

/** {@linkcode TlsServerOptions}, checked. */
export interface TlsServerSettings extends CommonSettings {
  readonly identity: IdentitySettings;
  readonly requestCert: boolean;
  readonly sni: FindIdentity | undefined;
  /** In milliseconds. */
  readonly handshakeTimeout: number;
}

/** Why a blocking call throws {@linkcode NotSupported}. */
export const NO_BLOCKING =
  "Cannot block the thread with TLS: node:tls works only while the event loop runs";
/** The same for detach(). */
export const NO_DETACH =
  "Cannot detach a connection with TLS: the keys are in the node:tls of this thread";
/** The same for a session. */
export const NO_SESSION =
  "Cannot set tls.session: the node:tls of Deno cannot resume a session";

/** How long a handshake may take, if nothing else is said, in milliseconds. */
export const HANDSHAKE_TIMEOUT = 30_000;
const VERSIONS: readonly unknown[] = ["TLSv1.2", "TLSv1.3"];
/** The length of a protocol of ALPN is one byte (RFC 7301, 3.1). */
const PROTOCOL_MAX = 255;

function requirePem(name: string, value: unknown): string {
  const text = value instanceof Uint8Array
    ? new TextDecoder("utf-8", { ignoreBOM: true }).decode(value)
    : value;
  if (typeof text !== "string") wrongType(name, "text or bytes in PEM", value);
  if (text.includes("-----BEGIN ")) return text;
  throw new TypeError(
    `The "${name}" argument must be in PEM: it has no "-----BEGIN"`,
  );
}

function requirePems(name: string, value: unknown): string[] {
  if (!Array.isArray(value)) return [requirePem(name, value)];
  if (value.length === 0) wrongType(name, "not empty", value);
  return value.map((one, index) => requirePem(`${name}[${index}]`, one));
}

/** Checks an identity. */
export function identitySettings(
  name: string,
  value: TlsIdentity,
): IdentitySettings {
  requireOptions(value, name);
  const { cert, key, passphrase } = value;
  if (passphrase !== undefined && typeof passphrase !== "string") {
    wrongType(`${name}.passphrase`, "a string", passphrase);
  }
  return {
    cert: requirePems(`${name}.cert`, cert).join("\n"),
    key: requirePem(`${name}.key`, key),
    passphrase,
  };
}

function optionalProtocols(value: unknown): readonly string[] | undefined {
  if (value === undefined) return undefined;
  const name = "tls.alpnProtocols";
  if (!Array.isArray(value)) wrongType(name, "an array of strings", value);
  for (const [index, protocol] of value.entries()) {
    const isProtocol = typeof protocol === "string" && protocol !== "" &&
      new TextEncoder().encode(protocol).length <= PROTOCOL_MAX;
    if (isProtocol) continue;
    wrongType(`${name}[${index}]`, "a string of 1 to 255 bytes", protocol);
  }
  return value.length === 0 ? undefined : [...value];
}

function optionalVersion(name: string, value: unknown): TlsVersion | undefined {
  if (value === undefined || VERSIONS.includes(value)) {
    return value as TlsVersion | undefined;
  }
  wrongType(`tls.${name}`, '"TLSv1.2" or "TLSv1.3"', value);
}

function commonSettings(
  options: TlsCommonOptions & { rejectUnauthorized?: boolean | undefined },
): CommonSettings {
  const { ca } = options;
  const minVersion = optionalVersion("minVersion", options.minVersion);
  const maxVersion = optionalVersion("maxVersion", options.maxVersion);
  if (minVersion === "TLSv1.3" && maxVersion === "TLSv1.2") {
    throw new RangeError(
      'The "tls.minVersion" argument must not be above "tls.maxVersion"',
    );
  }
  return {
    ca: ca === undefined ? undefined : requirePems("tls.ca", ca),
    alpnProtocols: optionalProtocols(options.alpnProtocols),
    minVersion,
    maxVersion,
    rejectUnauthorized: optionalBoolean(
      "tls.rejectUnauthorized",
      options.rejectUnauthorized,
      true,
    ),
  };
}

/** Checks the options of the side that connects; `true` is the defaults. */
export function tlsSettings(options: true | TlsOptions): TlsSettings {
  if (options === true) options = {};
  requireOptions(options, "tls");
  const { serverName, cert, key, session } = options;
  if (session !== undefined) {
    requireBytes("tls.session", session);
    if (!runtime.resumesTls) throw new NotSupported(NO_SESSION);
  }
  return {
    ...commonSettings(options),
    serverName: serverName === undefined
      ? undefined
      : requireHostname("tls.serverName", serverName),
    identity: cert === undefined && key === undefined
      ? undefined
      : identitySettings("tls", options as TlsIdentity),
    session,
  };
}

function optionalSni(value: TlsServerOptions["sni"]): FindIdentity | undefined {
  if (value === undefined || typeof value === "function") return value;
  const map = value as Partial<ReadonlyMap<string, TlsIdentity>> | null;
  if (typeof map !== "object" || typeof map?.get !== "function") {
    wrongType("tls.sni", "a function or a Map", value);
  }
  return (name) => value.get(name);
}

/** Checks the options of the side that accepts. */
export function tlsServerSettings(
  options: TlsServerOptions,
): TlsServerSettings {
  requireOptions(options, "tls");
  return {
    ...commonSettings(options),
    identity: identitySettings("tls", options),
    requestCert: optionalBoolean("tls.requestCert", options.requestCert, false),
    sni: optionalSni(options.sni),
    handshakeTimeout: optionalInteger(
      "tls.handshakeTimeout",
      options.handshakeTimeout,
      1,
      TIMEOUT_MAX,
      HANDSHAKE_TIMEOUT,
    ),
  };
}
