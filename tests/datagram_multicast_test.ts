// Copyright the iocp authors. MIT license.
/* Multicast groups on the loopback interface. */

import assert from "node:assert/strict";
import { networkInterfaces } from "node:os";
import process from "node:process";
import { describe, test } from "node:test";
import { CompletionPort, type DatagramSocket, NotSupported } from "../mod.ts";
import { receiveText, sendTexts } from "./shared/datagrams.ts";
import { group, LOOPBACK_INDEX, noSources } from "./shared/groups.ts";
import { noIpv6 } from "./shared/network.ts";
import { failure } from "./shared/outcome.ts";

const isWindows = process.platform === "win32";
const loopback = "127.0.0.1";

function setUp(hostname = "0.0.0.0") {
  const port = new CompletionPort();
  const receiver = port.bind({ hostname, port: 0 });
  const sender = port.bind({
    hostname: hostname === "::" ? "::" : loopback,
    port: 0,
    multicastInterface: LOOPBACK_INDEX,
  });
  const to = { hostname: group, port: receiver.addr.port };
  return { port, receiver, sender, to, [Symbol.dispose]: () => port.close() };
}

/* Whether something comes. */
async function hears(socket: DatagramSocket): Promise<boolean> {
  const received = socket.receive(new Uint8Array(100), { timeout: 100 });
  return await received.then(() => true, () => false);
}

describe("joinMulticast() accepts the interface as", () => {
  const names = Object.entries(networkInterfaces());
  const name = names.find(([, list]) =>
    list?.some(({ address }) => address === loopback)
  )?.[0];
  for (const way of [LOOPBACK_INDEX, loopback, name!]) {
    test(`${typeof way === "number" ? "an index" : way}`, async () => {
      using it = setUp();
      const options = { interface: way };
      it.receiver.joinMulticast(group, options);
      await sendTexts(it.sender, it.to, "to the group");
      assert.equal(await receiveText(it.receiver), "to the group");
      it.receiver.leaveMulticast(group, options);
      await sendTexts(it.sender, it.to, "after it has left");
      assert.equal(await hears(it.receiver), false);
    });
  }
});

test("A group is joined once, and left once", () => {
  using it = setUp();
  const options = { interface: LOOPBACK_INDEX };
  it.receiver.joinMulticast(group, options);
  const twice = failure(() => it.receiver.joinMulticast(group, options));
  assert.equal(twice.code, "EADDRINUSE");
  assert.equal(twice.syscall, "setsockopt");
  it.receiver.leaveMulticast(group, options);
  const left = failure(() => it.receiver.leaveMulticast(group, options));
  assert.equal(left.code, "EADDRNOTAVAIL");
  assert.match(
    left.message,
    /^Cannot leave the multicast group 239\.255\.7\.7: /,
  );
});

test("An interface that this machine does not have is EADDRNOTAVAIL", () => {
  using it = setUp();
  for (const way of [9_999, "192.0.2.77", "nosuch0"]) {
    const error = failure(() =>
      it.receiver.joinMulticast(group, { interface: way })
    );
    assert.equal(error.code, "EADDRNOTAVAIL", `${way}`);
  }
});

test(
  "With a source, only its datagrams are received",
  { skip: noSources },
  async () => {
    using it = setUp();
    const options = { interface: LOOPBACK_INDEX, source: "127.0.0.2" };
    it.receiver.joinMulticast("232.1.1.1", options);
    const to = { ...it.to, hostname: "232.1.1.1" };
    await sendTexts(it.sender, to, "from another source");
    assert.equal(await hears(it.receiver), false);
    it.receiver.joinMulticast("232.1.1.1", { ...options, source: loopback });
    await sendTexts(it.sender, to, "from a source");
    assert.equal(await receiveText(it.receiver), "from a source");
    it.receiver.leaveMulticast("232.1.1.1", { ...options, source: loopback });
    await sendTexts(it.sender, to, "after it has left");
    assert.equal(await hears(it.receiver), false);
  },
);

test("multicastLoop, multicastTtl and multicastInterface are read back", () => {
  using it = setUp();
  const { sender } = it;
  sender.setOptions({ multicastTtl: 7, multicastLoop: false });
  const { multicastTtl, multicastLoop, multicastInterface } = sender.options;
  assert.deepEqual(
    [multicastTtl, multicastLoop, multicastInterface],
    [7, false, LOOPBACK_INDEX],
  );
});

test("Several sockets at the address of a group receive every datagram", async () => {
  using port = new CompletionPort();
  const options = { hostname: group, reuseAddress: true };
  let first: DatagramSocket;
  try {
    first = port.bind({ ...options, port: 0 });
  } catch (error) {
    assert.ok(error instanceof NotSupported, `${error}`);
    assert.equal(isWindows, true);
    return;
  }
  const { addr } = first;
  const second = port.bind({ ...options, port: addr.port });
  for (const socket of [first, second]) {
    socket.joinMulticast(group, { interface: LOOPBACK_INDEX });
  }
  const sender = port.bind({
    hostname: loopback,
    port: 0,
    multicastInterface: LOOPBACK_INDEX,
  });
  await sendTexts(sender, addr, "to both");
  assert.equal(await receiveText(first), "to both");
  assert.equal(await receiveText(second), "to both");
});

test("reuseAddress is refused for an address that it could steal", () => {
  using port = new CompletionPort();
  for (const hostname of ["0.0.0.0", loopback]) {
    assert.throws(
      () => port.bind({ hostname, port: 0, reuseAddress: true }),
      (error: Error) =>
        error.name === "TypeError" &&
        /reuseAddress/.test(error.message),
    );
  }
});

test("IPv6 groups are joined by the index of the interface or by the zone", {
  skip: noIpv6,
}, async () => {
  const ip = "ff02::7777";
  const options = { interface: LOOPBACK_INDEX };
  for (const isZoned of [false, true]) {
    using it = setUp("::");
    const { receiver, sender } = it;
    if (isZoned) receiver.joinMulticast(`${ip}%${LOOPBACK_INDEX}`);
    else receiver.joinMulticast(ip, options);
    assert.equal(
      failure(() => receiver.joinMulticast(ip, options)).code,
      "EADDRINUSE",
    );
    const to = { hostname: `${ip}%${LOOPBACK_INDEX}`, port: it.to.port };
    const sent = await sendTexts(sender, to, "to the group").then(
      () => true,
      ({ code }) => code,
    );
    /* Linux has no route for groups on the loopback interface, unless the
     * administrator has added one. */
    if (sent === true) {
      assert.equal(await receiveText(receiver), "to the group");
    } else assert.equal(sent, "ENETUNREACH");
    receiver.leaveMulticast(ip, options);
    assert.equal(
      failure(() => receiver.leaveMulticast(ip, options)).code,
      "EADDRNOTAVAIL",
    );
  }
});
