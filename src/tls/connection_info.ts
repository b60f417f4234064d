// Copyright the iocp authors. MIT license.

import type { PeerCertificate, TlsInfo } from "../options/tls.ts";
import type { NodeCertificate, TlsSocket } from "./node_tls.ts";

function certificateOf(
  certificate: NodeCertificate | null | undefined,
): PeerCertificate | undefined {
  if (certificate?.raw === undefined) return undefined;
  return {
    subject: { ...certificate.subject },
    issuer: { ...certificate.issuer },
    subjectAltName: certificate.subjectaltname,
    validFrom: new Date(certificate.valid_from ?? NaN),
    validTo: new Date(certificate.valid_to ?? NaN),
    serialNumber: certificate.serialNumber ?? "",
    fingerprint256: certificate.fingerprint256 ?? "",
    raw: new Uint8Array(certificate.raw),
  };
}

/** What the handshake itself has found out. */
type Checked = Pick<
  TlsInfo,
  "serverName" | "isAuthorized" | "authorizationError"
>;

/** What a handshake has agreed on, as the TLSSocket says it. */
export class ConnectionInfo implements TlsInfo {
  readonly protocol: string;
  readonly cipher: string;
  readonly alpnProtocol: string | undefined;
  readonly serverName: string | undefined;
  readonly isAuthorized: boolean;
  readonly authorizationError: string | undefined;
  readonly isResumed: boolean;
  readonly peerCertificate: PeerCertificate | undefined;
  /** Set when the server sends it. */
  session: Uint8Array<ArrayBuffer> | undefined;

  constructor(socket: TlsSocket, checked: Checked) {
    this.serverName = checked.serverName;
    this.isAuthorized = checked.isAuthorized;
    this.authorizationError = checked.authorizationError;
    this.protocol = socket.getProtocol() ?? "";
    this.cipher = socket.getCipher()?.name ?? "";
    this.alpnProtocol = socket.alpnProtocol || undefined;
    this.isResumed = socket.isSessionReused() === true;
    this.peerCertificate = certificateOf(socket.getPeerCertificate());
    this.session = undefined;
  }
}
