// Copyright the iocp authors. MIT license.
/* The program socat as the other end of unix sockets and of datagrams on Linux. */

import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { describe, test } from "node:test";
import {
  bind,
  type Conn,
  connect,
  type DatagramSocket,
  listen,
  type PathAddr,
  type UnixDatagramAddr,
} from "../mod.ts";
import type { Child } from "./shared/child.ts";
import { eventually, within } from "./shared/deadline.ts";
import { noDebian, startDebian } from "./shared/debian.ts";
import { TemporaryFolder } from "./shared/files.ts";
import { bytesOf, digest, pattern, textOf } from "./shared/pattern.ts";
import { receiveByLoop } from "./shared/transfer.ts";

const SIZES = [1, 65_537, 3 << 20];

function socat(...args: string[]): Child {
  return startDebian("socat", args);
}

async function hasEnded(child: Child): Promise<void> {
  const { code, stderr } = await child.ended;
  assert.equal(code, 0, stderr);
}

/* Sends until an answer arrives, which a program that is starting does not give. */
async function answerTo<A extends UnixDatagramAddr | DatagramSocket["addr"]>(
  socket: DatagramSocket<A>,
  bytes: Uint8Array,
  addr: A,
): Promise<{ data: Uint8Array; addr: A }> {
  const answer = socket.receive(new Uint8Array(70_000));
  let isAnswered = false;
  answer.then(() => isAnswered = true, () => isAnswered = true);
  await eventually("an answer", async () => {
    if (!isAnswered) await socket.send(bytes, addr as never).catch(() => {});
    return isAnswered;
  });
  return await answer as { data: Uint8Array; addr: A };
}

const onLinux = { skip: noDebian };

describe("socat", () => {
  test("echoes over a unix socket, until its input ends", onLinux, async () => {
    using folder = new TemporaryFolder();
    const path = folder.join("echo");
    using _ = socat("-t60", `UNIX-LISTEN:${path},fork`, "EXEC:cat");
    await eventually("it listens", () => existsSync(path));
    for (const size of SIZES) {
      using conn = await connect({ path, allowHalfOpen: true });
      const received = receiveByLoop(conn);
      await conn.write(pattern(size, size));
      await conn.closeWrite();
      assert.equal(await received, digest(pattern(size, size)));
    }
  });

  const addresses: Record<string, (folder: TemporaryFolder) => string[]> = {
    "a path": (folder) => {
      const path = folder.join("server");
      return [path, `UNIX-CONNECT:${path}`];
    },
    "an abstract name": () => {
      const name = `iocp-test-${process.pid}-socat`;
      return [`\0${name}`, `ABSTRACT-CONNECT:${name}`];
    },
  };
  for (const [what, make] of Object.entries(addresses)) {
    test(`sends a file to ${what}, and receives one`, onLinux, async () => {
      using folder = new TemporaryFolder();
      const [path, target] = make(folder) as [string, string];
      using listener = listen({ path, allowHalfOpen: true });
      const file = folder.join("file");
      const sent = pattern(3 << 20, 1), answer = pattern(2 << 20, 2);
      writeFileSync(file, sent);
      using child = socat(
        "-t60",
        `OPEN:${file}!!CREATE:${folder.join("answer")}`,
        target,
      );
      const accepting = listener.accept();
      const conn: Conn<PathAddr> = await within("accept", accepting);
      assert.equal(conn.peer.pid, child.process.pid);
      assert.equal(await receiveByLoop(conn), digest(sent));
      await conn.write(answer);
      conn.close();
      await hasEnded(child);
      const received = readFileSync(folder.join("answer"));
      assert.equal(digest(received), digest(answer));
    });
  }

  test("answers unix datagrams", onLinux, async () => {
    using folder = new TemporaryFolder();
    const addr = {
      transport: "unixpacket",
      path: folder.join("echo"),
    } as const;
    using _ = socat("-b65536", `UNIX-RECVFROM:${addr.path},fork`, "PIPE");
    for (const size of [1, 1_200, 60_000]) {
      using socket = bind({ path: folder.join(`own-${size}`) });
      const bytes = pattern(size, size);
      const { data } = await answerTo(socket, bytes, addr);
      assert.equal(digest(data), digest(bytes));
    }
  });

  test("sends unix datagrams, from a path and from none", onLinux, async () => {
    using folder = new TemporaryFolder();
    using socket = bind({ path: folder.join("own") });
    const file = folder.write("file", "from socat");
    const own = folder.join("its");
    for (const from of ["", own]) {
      using child = socat(
        "-u",
        `OPEN:${file}`,
        `UNIX-SENDTO:${socket.addr.path}${from && `,bind=${from}`}`,
      );
      const { data, addr } = await within(
        "a datagram",
        socket.receive(new Uint8Array(100)),
      );
      assert.equal(textOf(data), "from socat");
      assert.equal(addr.path, from);
      await hasEnded(child);
    }
  });

  for (const hostname of ["127.0.0.1", "::1"]) {
    const is6 = hostname === "::1";
    const version = is6 ? 6 : 4;
    const literal = is6 ? "[::1]" : hostname;

    test(`answers UDP on ${hostname}`, onLinux, async () => {
      /* socat does not print the port that the system chooses. */
      const free = bind({ hostname, port: 0 });
      const { addr } = free;
      free.close();
      using _ = socat(
        "-b65536",
        `UDP${version}-RECVFROM:${addr.port},bind=${literal},fork`,
        "PIPE",
      );
      for (const size of [1, 1_200, 60_000]) {
        using socket = bind({ hostname, port: 0, onError: () => {} });
        const bytes = pattern(size, size);
        const answer = await answerTo(socket, bytes, addr);
        assert.equal(answer.addr.port, addr.port);
        assert.equal(digest(answer.data), digest(bytes));
      }
    });

    test(`sees the ttl of datagrams to ${hostname}`, onLinux, async () => {
      const free = bind({ hostname, port: 0 });
      const { addr } = free;
      free.close();
      const [option, variable] = is6
        ? ["ipv6-recvhoplimit=1", "SOCAT_IPV6_HOPLIMIT"]
        : ["ip-recvttl=1", "SOCAT_IP_TTL"];
      using _ = socat(
        `UDP${version}-RECVFROM:${addr.port},bind=${literal},${option},fork`,
        `SYSTEM:echo $${variable}`,
      );
      for (const ttl of [1, 77, 255]) {
        using socket = bind({ hostname, port: 0, ttl, onError: () => {} });
        const { data } = await answerTo(socket, bytesOf("hello"), addr);
        assert.equal(textOf(data), `${ttl}\n`);
      }
    });

    test(`sends UDP to ${hostname}, and receives`, onLinux, async () => {
      using folder = new TemporaryFolder();
      using socket = bind({ hostname, port: 0 });
      const file = folder.write("file", "from socat");
      const out = folder.join("answer");
      using child = socat(
        "-t60",
        `OPEN:${file}!!CREATE:${out}`,
        `UDP${version}:${literal}:${socket.addr.port}`,
      );
      const { data, addr } = await within(
        "a datagram",
        socket.receive(new Uint8Array(100)),
      );
      assert.equal(textOf(data), "from socat");
      await socket.send(data, addr);
      await eventually(
        "it has the answer",
        () => existsSync(out) && readFileSync(out, "utf8") === "from socat",
      );
      child.process.kill();
    });
  }
});
