// Copyright the iocp authors. MIT license.
/* Multicast groups on the loopback interface, and on another one of this machine. */

import assert from "node:assert/strict";
import { networkInterfaces } from "node:os";
import process from "node:process";
import { describe, test } from "node:test";
import { CompletionPort, type DatagramSocket } from "../mod.ts";
import { receiveText, sendTexts } from "./shared/datagrams.ts";
import {
  group,
  LOOPBACK_INDEX,
  noOutside,
  noSources,
  outside,
} from "./shared/groups.ts";
import { noIpv6 } from "./shared/network.ts";
import { failure } from "./shared/outcome.ts";

const isWindows = process.platform === "win32";
const loopback = "127.0.0.1";

function setUp() {
  const port = new CompletionPort();
  const receiver = port.bind({ port: 0 });
  const sender = port.bind({
    hostname: loopback,
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

test("ttl and the options of groups are read back", () => {
  using it = setUp();
  const { sender } = it;
  sender.setOptions({ ttl: 9, multicastTtl: 7, multicastLoop: false });
  const { ttl, multicastTtl, multicastLoop, multicastInterface } =
    sender.options;
  assert.deepEqual(
    [ttl, multicastTtl, multicastLoop, multicastInterface],
    [9, 7, false, LOOPBACK_INDEX],
  );
});

describe("Over an interface that leads to other machines", () => {
  const { index } = outside ?? { index: 0 };
  const ipv6 = `ff02::7777%${index}`;

  test("multicastInterface decides where a datagram goes", {
    skip: noOutside,
  }, async () => {
    using port = new CompletionPort();
    /* A sender without an address, which would choose the interface as well. */
    const sender = port.bind({ port: 0 });
    const near = port.bind({ port: 0 });
    near.joinMulticast(group, { interface: LOOPBACK_INDEX });
    /* Another group: under Wine a socket also receives what others have joined. */
    const farGroup = "239.255.7.8";
    const far = port.bind({ port: 0 });
    far.joinMulticast(farGroup, { interface: outside!.address });
    for (const [i, text] of ["first", "second", "third"].entries()) {
      sender.setOptions({
        multicastInterface: i === 1 ? LOOPBACK_INDEX : index,
      });
      const toNear = { hostname: group, port: near.addr.port };
      await sendTexts(sender, toNear, text);
      await sendTexts(
        sender,
        { hostname: farGroup, port: far.addr.port },
        text,
      );
    }
    assert.equal(await receiveText(near), "second");
    assert.equal(await receiveText(far), "first");
    assert.equal(await receiveText(far), "third");
    assert.equal(await hears(near), false);
  });

  for (const [hostname, to] of [["0.0.0.0", group], ["::", ipv6]] as const) {
    const family = hostname === "::" ? "IPv6" : "IPv4";
    test(
      `multicastLoop: false keeps a datagram of ${family} from this machine`,
      {
        skip: family === "IPv6" && noIpv6 || noOutside,
      },
      async () => {
        using port = new CompletionPort();
        const receiver = port.bind({ hostname, port: 0 });
        receiver.joinMulticast(to, { interface: index });
        const sender = port.bind({
          hostname,
          port: 0,
          multicastInterface: index,
        });
        const addr = { hostname: to, port: receiver.addr.port };
        for (const multicastLoop of [true, false, true]) {
          sender.setOptions({ multicastLoop });
          /* On Windows it is a matter of the receiver, though not under Wine. */
          if (isWindows) receiver.setOptions({ multicastLoop });
          await sendTexts(sender, addr, `${multicastLoop}`);
        }
        assert.equal(await receiveText(receiver), "true");
        assert.equal(await receiveText(receiver), "true");
        assert.equal(await hears(receiver), false);
      },
    );
  }
});

test(
  "Over the loopback interface of Linux, multicastLoop: false has no effect",
  {
    skip: isWindows && "it is about Linux",
  },
  async () => {
    using it = setUp();
    it.receiver.joinMulticast(group, { interface: LOOPBACK_INDEX });
    it.sender.setOptions({ multicastLoop: false });
    await sendTexts(it.sender, it.to, "all the same");
    assert.equal(await receiveText(it.receiver), "all the same");
  },
);

test("Several sockets at the address of a group receive every datagram", {
  skip: isWindows && "Windows binds no address of a group",
}, async () => {
  using port = new CompletionPort();
  const options = { hostname: group, reuseAddress: true };
  const first = port.bind({ ...options, port: 0 });
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
  skip: noIpv6 || noOutside,
}, async () => {
  const ip = "ff02::7777";
  const { index } = outside!;
  for (const isZoned of [false, true]) {
    using port = new CompletionPort();
    const receiver = port.bind({ hostname: "::", port: 0 });
    const sender = port.bind({ hostname: "::", port: 0 });
    const options = { interface: index };
    const zoned = `${ip}%${index}`;
    if (isZoned) receiver.joinMulticast(zoned);
    else receiver.joinMulticast(ip, options);
    assert.equal(
      failure(() => receiver.joinMulticast(ip, options)).code,
      "EADDRINUSE",
    );
    const to = { hostname: zoned, port: receiver.addr.port };
    await sendTexts(sender, to, "to the group");
    assert.equal(await receiveText(receiver), "to the group");
    /* The interface may be that of the option as well. */
    sender.setOptions({ multicastInterface: index });
    await sendTexts(sender, { ...to, hostname: ip }, "by the option");
    assert.equal(await receiveText(receiver), "by the option");
    receiver.leaveMulticast(ip, options);
    assert.equal(
      failure(() => receiver.leaveMulticast(ip, options)).code,
      "EADDRNOTAVAIL",
    );
    await sendTexts(sender, to, "after it has left");
    assert.equal(await hears(receiver), false);
  }
});
