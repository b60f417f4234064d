// Copyright the iocp authors. MIT license.

import assert from "node:assert/strict";
import os from "node:os";
import { test } from "node:test";
import { CompletionPort } from "../mod.ts";
import { formatIp } from "../src/native/address.ts";
import { Loop } from "../src/loop/loop.ts";
import { literalIp } from "../src/connect/literal_ip.ts";
import { type Lookup, resolve } from "../src/connect/resolver.ts";
import { within } from "./shared/deadline.ts";
import { noIpv6 } from "./shared/network.ts";
import { errorFrom } from "./shared/outcome.ts";

type Found = { address: string; family: number }[];

function answering(found: Found): Lookup {
  return (_hostname, _options, callback) => callback(null, found);
}

function failing(code: string | undefined): Lookup {
  return (_hostname, _options, callback) =>
    callback(Object.assign(new Error(`getaddrinfo ${code}`), { code }), []);
}

async function withLoop(body: (loop: Loop) => unknown): Promise<void> {
  const loop = new Loop();
  try {
    await body(loop);
  } finally {
    loop.close();
  }
}

/* The code of the resolver's error, and the code of the SocketError. */
const failures: [cause: string | undefined, code: string][] = [
  ["ENOTFOUND", "ENOTFOUND"],
  ["DNS_ENOTFOUND", "ENOTFOUND"],
  ["ENODATA", "ENOTFOUND"],
  ["EAI_NODATA", "ENOTFOUND"],
  ["EAI_NONAME", "ENOTFOUND"],
  ["EAI_ADDRFAMILY", "ENOTFOUND"],
  ["EAI_AGAIN", "EAI_AGAIN"],
  ["ESERVFAIL", "EAI_AGAIN"],
  ["EAI_FAIL", "EAI_FAIL"],
  ["EREFUSED", "EAI_FAIL"],
  ["EAI_MEMORY", "ENOMEM"],
  ["ENOMEM", "ENOMEM"],
  ["EMFILE", "EMFILE"],
  ["ETIMEOUT", "ETIMEDOUT"],
  ["ETIMEDOUT", "ETIMEDOUT"],
  ["ECANCELLED", "ECANCELED"],
  ["EAI_CANCELED", "ECANCELED"],
  ["EAI_FAMILY", "EAFNOSUPPORT"],
  ["EPERM", "EACCES"],
  ["EACCES", "EACCES"],
  ["ESOMETHING", "EAI_FAIL"],
  [undefined, "EAI_FAIL"],
];

test("resolve() maps the resolver's failures to codes", async () => {
  await withLoop(async ({ native }) => {
    for (const [cause, code] of failures) {
      const error = await errorFrom(
        resolve(native, "some.example", 80, failing(cause)),
      );
      assert.equal(error.code, code, `${cause}`);
      assert.equal(error.syscall, "getaddrinfo");
      assert.equal(error.address, "some.example");
      assert.equal(error.port, 80);
      assert.equal((error.cause as { code?: string }).code, cause);
    }
  });
});

test("resolve() rethrows the error of a missing permission", {
  skip: !("Deno" in globalThis) && "only Deno has permissions",
}, async () => {
  const { Deno } = globalThis as unknown as {
    Deno: { errors: { NotCapable: new (message: string) => Error } };
  };
  const refusal = new Deno.errors.NotCapable("no");
  await withLoop(async ({ native }) => {
    await assert.rejects(
      resolve(native, "some.example", 80, (_, __, done) => done(refusal, [])),
      (error) => error === refusal,
    );
  });
});

test("resolve() fails if no result is an IP address", async () => {
  await withLoop(async ({ native }) => {
    for (const found of [[], [{ address: "/a/path", family: 0 }]]) {
      const error = await errorFrom(
        resolve(native, "some.example", 80, answering(found)),
      );
      assert.equal(error.code, "ENOTFOUND");
    }
  });
});

/* The first network interface with a link-local IPv6 address. */
function zone():
  | { name: string; scopeid: number; address: string }
  | undefined {
  for (const [name, addresses] of Object.entries(os.networkInterfaces())) {
    for (const { family, address, ...rest } of addresses ?? []) {
      const { scopeid } = rest as { scopeid?: number };
      if (family === "IPv6" && scopeid && address.startsWith("fe80:")) {
        return { name, scopeid, address: address.split("%")[0]! };
      }
    }
  }
  return undefined;
}

const noZone = noIpv6 || (zone() === undefined && "no link-local address");

test("resolve() accepts addresses whose zone is a name", {
  skip: noZone,
}, async () => {
  const { name, scopeid } = zone()!;
  await withLoop(async ({ native }) => {
    const found = await resolve(
      native,
      "printer.example",
      80,
      answering([{ address: `fe80::1%${name}`, family: 6 }]),
    );
    assert.deepEqual(found.map(formatIp), [`fe80::1%${scopeid}`]);
  });
});

test("literalIp() accepts zones by name and by number", {
  skip: noZone,
}, async () => {
  const { name, scopeid } = zone()!;
  await withLoop(({ native }) => {
    const about = { syscall: "connect" };
    for (const text of [`fe80::1%${name}`, `[fe80::1%${name}]`]) {
      const permitted: string[] = [];
      const ip = literalIp(native, text, about, (host) => permitted.push(host));
      assert.equal(formatIp(ip!), `fe80::1%${scopeid}`, text);
      assert.deepEqual(permitted, ["fe80::1"]);
    }
    assert.equal(literalIp(native, "fe80::1%7", about)?.scope, 7);
    assert.equal(literalIp(native, "eth0", about), undefined);
  });
});

test("listen(), connect() and localAddress accept a zone by name", {
  skip: noZone,
}, async () => {
  const { name, address } = zone()!;
  const hostname = `${address}%${name}`;
  using port = new CompletionPort();
  using listener = port.listen({ hostname, port: 0 });
  for (const localAddress of [undefined, hostname]) {
    const [client, server] = await within(
      "connecting",
      Promise.all([
        port.connect({ ...listener.addr, hostname, localAddress }),
        listener.accept(),
      ]),
    );
    assert.deepEqual(client.remoteAddr, server.localAddr);
    client.close();
    server.close();
  }
  using sync = port.connectSync({ ...listener.addr, hostname });
  assert.equal(sync.remoteAddr.port, listener.addr.port);
});

test("An unknown zone fails with EADDRNOTAVAIL in every call", async () => {
  using port = new CompletionPort();
  const options = { hostname: "fe80::1%no-such-zone", port: 9 };
  for (
    const call of [
      () => port.listen(options),
      () => port.connect(options),
      () => port.connectSync(options),
      () => port.connect({ port: 9, localAddress: options.hostname }),
    ]
  ) {
    const error = await errorFrom(call as () => Promise<unknown>);
    assert.equal(error.code, "EADDRNOTAVAIL");
    assert.match(error.message, /no-such-zone/);
  }
});
