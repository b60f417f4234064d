// Copyright the iocp authors. MIT license.
/* Pending sends: at most `sendConcurrency`, in order, and each write settles
 * separately. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Allowance } from "../src/socket/allowance.ts";
import { PENDING } from "../src/native/completion.ts";
import { SocketError } from "../src/errors.ts";
import {
  isWhole,
  type SendOwner,
  SendQueue,
} from "../src/socket/send_queue.ts";
import { settled, within } from "./shared/deadline.ts";
import { definedNumbers, readHeader } from "./shared/header.ts";
import { errorFrom, outcome } from "./shared/outcome.ts";
import { pair } from "./shared/pair.ts";
import { digest, pattern } from "./shared/pattern.ts";
import {
  receiveByLoop,
  sendByStream,
  sendUnawaited,
  sendWhole,
} from "./shared/transfer.ts";

const numbers = definedNumbers(readHeader());
const SEND_MAX = numbers.get("IOCP_SEND_MAX")!;
const LARGE = 32 * 1024 * 1024;

for (const sendConcurrency of [1, 2, 7, 64]) {
  test(`${sendConcurrency} sends are pending for a slow reader`, async () => {
    using ends = await pair({ sendConcurrency });
    const { client, server } = ends;
    const bytes = pattern(LARGE);
    const written = client.write(bytes);
    await settled("the sender has stopped", () => client.stats().bytesSent);
    const { sends, bytesUnsent } = client.stats();
    assert.equal(sends, sendConcurrency);
    assert.ok(bytesUnsent <= sendConcurrency * SEND_MAX, `${bytesUnsent}`);
    assert.ok(bytesUnsent > (sendConcurrency - 1) * SEND_MAX, `${bytesUnsent}`);
    const received = receiveByLoop(server);
    assert.equal(await within("the write", written), LARGE);
    assert.equal(client.stats().sends, 0);
    assert.equal(client.stats().bytesUnsent, 0);
    client.close();
    assert.equal(await within("the bytes", received), digest(bytes));
  });
}

test("isWhole() is false for a large write that was copied in part", () => {
  assert.equal(isWhole(PENDING | SEND_MAX, PENDING + SEND_MAX), false);
  assert.equal(isWhole(SEND_MAX, SEND_MAX), true);
  assert.equal(isWhole(0, 0), true);
  assert.equal(isWhole(-1, 1), false);
});

describe("Several pending sends keep the order", () => {
  const sends = { sendWhole, sendUnawaited, sendByStream };
  for (const [name, send] of Object.entries(sends)) {
    test(name, async () => {
      using ends = await pair({ sendConcurrency: 4 });
      const received = receiveByLoop(ends.server);
      await within("the sends", send(ends.client, LARGE, 3));
      const expected = digest(pattern(LARGE, 3));
      assert.equal(await within("the bytes", received), expected);
    });
  }
});

test("Writes settle in order", async () => {
  using ends = await pair({ sendConcurrency: 5 });
  const { client, server } = ends;
  const order: number[] = [];
  const writes = Array.from(
    { length: 40 },
    (_, i) =>
      client.write(pattern(SEND_MAX + i * 1000, i)).then(() => order.push(i)),
  );
  const received = receiveByLoop(server);
  await within("the writes", Promise.all(writes));
  assert.deepEqual(order, [...order].sort((a, b) => a - b));
  client.close();
  await received;
});

test("All pending writes fail when the connection fails", async () => {
  using ends = await pair({ sendConcurrency: 4 });
  const { client, server } = ends;
  const writes = Array.from(
    { length: 8 },
    () => outcome(() => client.write(pattern(LARGE / 2))),
  );
  await settled("the sender has stopped", () => client.stats().bytesSent);
  server.reset();
  const codes = new Set(await within("the writes", Promise.all(writes)));
  assert.deepEqual([...codes], ["ECONNRESET"]);
  assert.equal((client.lastError as { code?: string }).code, "ECONNRESET");
});

test("closeWrite() and close() wait for all pending sends", async () => {
  for (const close of ["close", "closeWrite"] as const) {
    using ends = await pair({ sendConcurrency: 4 });
    const bytes = pattern(LARGE, 8);
    const written = ends.client.write(bytes);
    const closed = ends.client[close]();
    const received = receiveByLoop(ends.server);
    assert.equal(await within("the bytes", received), digest(bytes));
    await within("the close", Promise.all([written, closed]));
  }
});

test("sendConcurrency can change while sends are pending", async () => {
  using ends = await pair({ sendConcurrency: 2 });
  const { client, server } = ends;
  const bytes = pattern(LARGE);
  const written = client.write(bytes);
  await settled("the sender has stopped", () => client.stats().bytesSent);
  assert.equal(client.stats().sends, 2);
  client.setOptions({ sendConcurrency: 6 });
  assert.equal(client.options.sendConcurrency, 6);
  /* The next part that is sent makes room for the others. */
  const chunks = server[Symbol.asyncIterator]();
  let count = 0;
  while (client.stats().sends !== 6) {
    count += (await within("a chunk", chunks.next())).value!.length;
    assert.ok(count < LARGE);
  }
  client.reset();
  assert.equal((await errorFrom(written)).code, "EINTR");
});

/* An owner whose library copies at most this many bytes of a write. */
function ownerCopying(bytes: number): SendOwner {
  const port = { send: () => bytes | PENDING };
  const loop = { port, allowance: new Allowance() };
  return {
    loop: loop as unknown as SendOwner["loop"],
    id: 1,
    settings: { sendConcurrency: 1 },
    failure: () => new SocketError("ECONNRESET", { syscall: "write" }),
    writesPending() {},
    writesDone() {},
    reset() {},
  };
}

test("SendQueue.sent() ignores a completion after the failure", async () => {
  const queue = new SendQueue(ownerCopying(8));
  const written = queue.write(new Uint8Array(8));
  queue.fail(new SocketError("EINTR", { syscall: "write" }));
  queue.sent(8, 0);
  await assert.rejects(written, { code: "EINTR" });
  assert.equal(queue.isBusy, false);
});

test("SendQueue.isAllAccepted is true once the library has accepted all bytes", async () => {
  const whole = new SendQueue(ownerCopying(8));
  assert.equal(whole.isAllAccepted, true);
  const written = whole.write(new Uint8Array(8));
  assert.equal(whole.isAllAccepted, true);
  assert.equal(whole.offset, 8);
  whole.write(new Uint8Array(1)).catch(() => {});
  assert.equal(whole.isAllAccepted, false);
  const part = new SendQueue(ownerCopying(4));
  part.write(new Uint8Array(8)).catch(() => {});
  assert.equal(part.isAllAccepted, false);
  assert.equal(part.offset, 4);
  whole.sent(8, 0);
  assert.equal(await written, 8);
});
