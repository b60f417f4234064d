// Copyright the iocp authors. MIT license.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createRequire } from "node:module";
import { promisify } from "node:util";
import type { Library } from "../../shared/library.ts";
import { type LocalServer, startLocal } from "../../shared/local_server.ts";
import { sshHostKey } from "../../shared/ssh_host_key.ts";

// deno-lint-ignore no-explicit-any
type Any = any;

const require = createRequire(import.meta.url);

/* Files in memory over SFTP, each of which is open once. */
function serveFiles(sftp: Any): void {
  const { STATUS_CODE } = require("ssh2").utils.sftp;
  let file = Buffer.alloc(0);
  const ok = (id: number) => sftp.status(id, STATUS_CODE.OK);
  sftp.on("OPEN", (id: number, _: string, flags: number) => {
    /* SSH_FXF_WRITE */
    if (flags & 2) file = Buffer.alloc(0);
    sftp.handle(id, Buffer.from("file"));
  });
  sftp.on("WRITE", (id: number, _: Buffer, offset: number, data: Buffer) => {
    const end = offset + data.length;
    if (end > file.length) {
      const larger = Buffer.alloc(Math.max(end, 2 * file.buffer.byteLength));
      file.copy(larger);
      file = larger;
    }
    data.copy(file, offset);
    sftp.size = Math.max(sftp.size ?? 0, end);
    ok(id);
  });
  sftp.on("READ", (id: number, _: Buffer, offset: number, length: number) => {
    const part = file.subarray(offset, Math.min(offset + length, sftp.size));
    if (part.length === 0) sftp.status(id, STATUS_CODE.EOF);
    else sftp.data(id, part);
  });
  for (const name of ["FSTAT", "STAT"]) {
    sftp.on(name, (id: number) => sftp.attrs(id, { mode: 0, size: sftp.size }));
  }
  sftp.on("CLOSE", ok);
  sftp.on("FSETSTAT", ok);
}

/** Starts the server of ssh2. */
export async function start(): Promise<LocalServer> {
  const { Server, utils } = require("ssh2");
  const key = sshHostKey(utils);
  return await startLocal(() => {
    const server = new Server({ hostKeys: [key] }, (client: Any) => {
      client.on("error", () => {});
      client.setNoDelay(true);
      client.on("authentication", (attempt: Any) => attempt.accept());
      client.on("session", (accept: Any) => {
        const session = accept();
        session.on("sftp", (accept: Any) => serveFiles(accept()));
        session.on("exec", (accept: Any, _: Any, { command }: Any) => {
          const channel = accept();
          if (command === "wait") return;
          channel.write(command);
          channel.exit(0);
          channel.end();
        });
      });
    });
    return server._srv;
  });
}

export const ssh2: Library = {
  name: "ssh2",
  failure: /(the connection has closed|No response from server)/,
  blobMegabytes: 20,
  reconnects: false,
  noTls: "SSH has an encryption of its own",
  async open({ port }) {
    const { Client } = require("ssh2");
    const client = new Client();
    client.connect({ host: "127.0.0.1", port, username: "u", password: "p" });
    await once(client, "ready");
    client.on("error", () => {});
    /* Otherwise each packet of SFTP waits for the acknowledgement of the one before
     * it, in Deno and in Node. */
    client.setNoDelay(true);
    const exec = promisify(client.exec.bind(client));
    const closed = new Promise((resolve) => client.once("close", resolve));
    return {
      async ask() {
        const channel = await exec("größe") as Any;
        let text = "";
        channel.on("data", (part: Uint8Array) => text += part);
        await once(channel, "close");
        assert.equal(text, "größe");
      },
      async echo(bytes) {
        const sftp = await promisify(client.sftp.bind(client))() as Any;
        const writeFile = promisify(sftp.writeFile.bind(sftp)) as Any;
        await writeFile("file", Buffer.from(bytes));
        const readFile = promisify(sftp.readFile.bind(sftp)) as Any;
        const back = await readFile("file");
        sftp.end();
        return back;
      },
      async wait() {
        await exec("wait");
        await closed;
        throw new Error("the connection has closed");
      },
      async close() {
        client.end();
        await closed;
      },
    };
  },
};
