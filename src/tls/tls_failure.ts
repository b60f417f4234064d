// Copyright the iocp authors. MIT license.
/* The errors of TLS: what was wrong, with the certificate above all. */

import { SocketError, type SocketErrorOptions } from "../errors.ts";
import { type NodeCertificate, type NodeError, nodeTls } from "./node_tls.ts";

/** Why TLS has failed. */
export interface TlsFailure {
  /** That of node:tls, or of the connection below. */
  readonly code: string;
  /** The sentence for the message. */
  readonly detail: string | undefined;
  readonly cause?: Error | undefined;
}

/** The peer has ended the connection without close_notify. */
export const TRUNCATED: TlsFailure = {
  code: "EUNEXPECTEDEND",
  detail:
    "the peer has ended the connection without the end of TLS (close_notify), so bytes may be missing",
};

/** The peer has ended it in the handshake. */
export const ENDED_EARLY: TlsFailure = {
  code: "ECONNRESET",
  detail: "the peer has ended the connection in the handshake of TLS",
};

/** Bun's TLSSocket ends both directions when the peer ends one. */
export const ENDED_BOTH: TlsFailure = {
  code: "EPIPE",
  detail:
    "the peer has ended its direction, and the node:tls of this runtime then ends both",
};

/** The failure for an error of the TLSSocket, or of the connection below. */
export function failureOf(error: NodeError): TlsFailure {
  /* "ECONNRESET": its sentence says the same. */
  if (error instanceof SocketError) {
    return { code: error.code, detail: undefined, cause: error };
  }
  const { code = "EPROTO", message } = error;
  return { code, detail: message, cause: error };
}

/** The error of a call. */
export function errorOfFailure(
  { code, detail, cause }: TlsFailure,
  options: SocketErrorOptions,
): SocketError {
  return new SocketError(code, { ...options, detail, cause });
}

/* What the codes of the check of a certificate mean. Those of OpenSSL, which both
 * runtimes use: https://docs.openssl.org/3.0/man1/openssl-verification-options/ */
const CERTIFICATE_CODES = new Map(Object.entries({
  CERT_HAS_EXPIRED: "has expired",
  CERT_NOT_YET_VALID: "is not valid yet",
  CERT_REVOKED: "was revoked",
  DEPTH_ZERO_SELF_SIGNED_CERT: "is self-signed and not among the trusted ones",
  INVALID_PURPOSE: "is not for this purpose",
  SELF_SIGNED_CERT_IN_CHAIN:
    "is signed by a certificate that is not among the trusted ones",
  UNABLE_TO_GET_ISSUER_CERT: "has an issuer that is not known",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "has an issuer that is not known",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "has an issuer that is not known",
}));

const NO_CERTIFICATE: TlsFailure = {
  code: "ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE",
  detail: "the peer has shown no certificate",
};

function nameOf(certificate: NodeCertificate): string {
  const { CN } = certificate.subject ?? {};
  const names = certificate.subjectaltname ?? CN ?? "an unknown name";
  return `the certificate for ${names}`;
}

/* Deno's node:tls has one code for several failures; the time says which it was. */
function expiryOf(certificate: NodeCertificate): TlsFailure | undefined {
  const { valid_from: from = "", valid_to: to = "" } = certificate;
  const now = Date.now();
  if (Date.parse(to) < now) {
    return {
      code: "CERT_HAS_EXPIRED",
      detail: `${nameOf(certificate)} has expired on ${to}`,
    };
  }
  if (Date.parse(from) > now) {
    return {
      code: "CERT_NOT_YET_VALID",
      detail: `${nameOf(certificate)} is not valid before ${from}`,
    };
  }
  return undefined;
}

/** What is wrong with the certificate of a peer that the runtime has not accepted
 * for this reason. */
export function certificateFailure(
  reason: string | NodeError | null | undefined,
  certificate: NodeCertificate | null | undefined,
): TlsFailure {
  if (certificate?.valid_to === undefined) return NO_CERTIFICATE;
  const code = typeof reason === "string"
    ? reason
    : reason?.code ?? "ERR_TLS_CERT_INVALID";
  const expiry = expiryOf(certificate);
  if (expiry !== undefined) return expiry;
  const { CN, O } = certificate.issuer ?? {};
  const what = CERTIFICATE_CODES.get(code) ?? `was not accepted (${code})`;
  const issuer = CN ?? O;
  return {
    code,
    detail: `${nameOf(certificate)} ${what}${
      issuer === undefined ? "" : `; its issuer is ${issuer}`
    }`,
  };
}

/** Why the certificate is not for the name, if it is not. */
export function nameFailure(
  name: string,
  certificate: NodeCertificate,
): TlsFailure | undefined {
  const error = nodeTls().checkServerIdentity(name, certificate);
  if (error === undefined) return undefined;
  return {
    code: error.code ?? "ERR_TLS_CERT_ALTNAME_INVALID",
    detail: `${nameOf(certificate)} is not for ${name}`,
    cause: error,
  };
}
