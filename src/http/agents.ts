// Copyright the iocp authors. MIT license.
/* Agents of node:http and node:https whose connections are sockets of iocp/net.
 * Everything else about them is the runtime's. */

import {
  applyTimeout,
  type Options,
  tlsOptions,
  type TlsStream,
  withSocket,
} from "../net/tls_connect.ts";
import { connect } from "../net/socket.ts";
import { nodeModule } from "../runtime/globals.ts";
import { normalizeArgs } from "../net/arguments.ts";

interface Agent {
  createConnection(...args: unknown[]): unknown;
}
interface AgentModule {
  readonly Agent: new (options?: Options) => Agent;
}

const http = nodeModule<AgentModule>("node:http");
const https = nodeModule<AgentModule>("node:https");
const Agent: AgentModule["Agent"] = http.Agent;
const SecureAgent: AgentModule["Agent"] = https.Agent;

/** An `http.Agent`. */
export class HttpAgent extends Agent {
  override createConnection(...args: unknown[]): unknown {
    return connect(...args);
  }
}

/** An `https.Agent`. */
export class HttpsAgent extends SecureAgent {
  override createConnection(...args: unknown[]): unknown {
    const options = tlsOptions(args);
    const [, callback] = normalizeArgs(args);
    /* It resumes the sessions of earlier connections. */
    const stream = super.createConnection(
      withSocket(options),
      ...callback === null ? [] : [callback],
    ) as TlsStream;
    applyTimeout(stream, options);
    return stream;
  }
}
