// Copyright the iocp authors. MIT license.
/* The same steps for client libraries that are written for node:net. The test has
 * imported net_register.ts before them. */

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { netGroup } from "../../src/net/net_group.ts";
import { eventually, within } from "./deadline.ts";
import { isWindows } from "./local.ts";
import { digest, pattern } from "./pattern.ts";

/** A server that a test kills and starts again. */
export interface LibraryServer extends AsyncDisposable {
  readonly port: number;
  readonly securePort: number;
  start(): Promise<void>;
  kill(): Promise<void>;
}

/** A client that is connected. */
export interface Session {
  /** Asks the server something, and checks the answer. */
  ask(): Promise<void>;
  /** Sends bytes to the server, and gets them back. */
  echo(bytes: Uint8Array): Promise<Uint8Array>;
  /** What ends when the connection does. Otherwise the server never answers. */
  wait(): Promise<unknown>;
  close(): unknown;
}

/** How a library is used. */
export interface Library {
  readonly name: string;
  /** What wait() is rejected with when the server is killed. */
  readonly failure: RegExp;
  /** The session itself connects again. */
  readonly reconnects: boolean;
  /** Why it has no TLS, or not over connections of this module. */
  readonly noTls?: string;
  /** @default {50} */
  readonly blobMegabytes?: number;
  /** @default {1_000_000} */
  readonly tlsBlobSize?: number;
  open(server: LibraryServer, isSecure: boolean): Promise<Session>;
}

const MEGABYTE = 1_000_000;
/* Under Wine each takes long. */
const PARALLEL = isWindows ? 5 : 20;
const BLOB = isWindows ? 5 : 50;

async function withSession(
  library: Library,
  server: LibraryServer,
  use: (session: Session) => Promise<void>,
  isSecure = false,
): Promise<void> {
  const { bytesSent } = netGroup().stats();
  const opening = library.open(server, isSecure);
  const session = await within("connecting", opening);
  try {
    await within("an answer", session.ask());
    assert.ok(netGroup().stats().bytesSent > bytesSent, "it uses iocp/net");
    await use(session);
  } catch (error) {
    session.close();
    throw error;
  }
  await within("the end", Promise.resolve(session.close()));
}

async function echoes(session: Session, size: number): Promise<void> {
  const bytes = pattern(size);
  const back = await within("a blob", session.echo(bytes));
  assert.equal(digest(back), digest(bytes));
}

async function failsAndReturns(
  library: Library,
  server: LibraryServer,
): Promise<void> {
  await withSession(library, server, async (session) => {
    const failed = assert.rejects(
      within("the failure", session.wait()),
      (error) => {
        const { code = "", message } = error as Error & { code?: string };
        assert.match(`${code} ${message}`, library.failure);
        return true;
      },
    );
    /* By then the server has what the session has sent. */
    await withSession(library, server, (other) => other.ask());
    await server.kill();
    try {
      await failed;
    } finally {
      await server.start();
    }
    if (!library.reconnects) return;
    await eventually(
      "it has connected again",
      () => session.ask().then(() => true, () => false),
    );
  });
  await withSession(library, server, async () => {});
}

/** Tests libraries with one server. */
export function testLibraries(
  skip: string | false,
  open: () => Promise<LibraryServer>,
  libraries: readonly Library[],
): void {
  let server: LibraryServer;
  before(async () => {
    if (skip === false) server = await open();
  });
  after(() => server?.[Symbol.asyncDispose]());
  for (const library of libraries) {
    describe(`${library.name} over iocp/net`, () => {
      const megabytes = Math.min(BLOB, library.blobMegabytes ?? BLOB);

      test(`sends and receives ${megabytes} MB`, { skip }, async () => {
        await withSession(
          library,
          server,
          (session) => echoes(session, megabytes * MEGABYTE),
        );
      });

      test(`has ${PARALLEL} connections at once`, { skip }, async () => {
        await Promise.all(
          Array.from(
            { length: PARALLEL },
            (_, i) =>
              withSession(library, server, async (session) => {
                for (let each = 0; each < 10; each++) await session.ask();
                await echoes(session, 10_000 * (i + 1));
              }),
          ),
        );
      });

      test("has TLS", { skip: skip || (library.noTls ?? false) }, async () => {
        await withSession(
          library,
          server,
          (session) => echoes(session, library.tlsBlobSize ?? MEGABYTE),
          true,
        );
      });

      test("reports that the server was killed, and connects again", {
        skip,
      }, () => failsAndReturns(library, server));
    });
  }
}
