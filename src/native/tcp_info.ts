// Copyright the iocp authors. MIT license.

/** The fields of a struct iocp_tcp_info, in order. */
export const TCP_INFO_FIELDS = [
  "rttUs",
  "rttVarianceUs",
  "rttMinUs",
  "bytesInFlight",
  "congestionWindow",
  "maxSegment",
  "bytesRetransmitted",
  "segmentsRetransmitted",
  "deliveryRate",
] as const;

/** The value of a field that the system does not say. */
export const UNKNOWN = -1;

/** What the library says of a TCP connection. */
export type TcpInfoFields = Record<(typeof TCP_INFO_FIELDS)[number], number>;
