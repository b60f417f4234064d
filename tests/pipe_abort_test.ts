// Copyright the iocp authors. MIT license.
/* Pipes and streams that are aborted while a peer takes or sends nothing: they end
 * at once, whatever the transport. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { isSettled, within } from "./shared/deadline.ts";
import { errorFrom } from "./shared/outcome.ts";
import { pattern } from "./shared/pattern.ts";
import { assertReset, transports } from "./shared/transports.ts";

const reason = new RangeError("too slow");
const isReason = (error: unknown) => error === reason;

/** A source that never ends. */
function endless(): ReadableStream<Uint8Array> {
  return new ReadableStream({
    pull: (controller) => controller.enqueue(new Uint8Array(1024 * 1024)),
  });
}

for (const { name, open } of transports) {
  test(`An aborted pipe to a peer that takes nothing ends at once, over ${name}`, async () => {
    using ends = await open();
    const { client, server } = ends;
    const controller = new AbortController();
    const { signal } = controller;
    const writable = server.writable as WritableStream;
    const piped = endless().pipeTo(writable, { signal });
    assert.equal(await isSettled(piped), false);
    controller.abort(reason);
    await assert.rejects(within("the pipe", piped), isReason);
    await assertReset(name, client);
  });

  test(`A pipe with a signal that has aborted already writes nothing, over ${name}`, async () => {
    using ends = await open();
    const { client, server } = ends;
    const signal = AbortSignal.abort(reason);
    const writable = server.writable as WritableStream;
    const piped = endless().pipeTo(writable, { signal });
    await assert.rejects(within("the pipe", piped), isReason);
    await assertReset(name, client);
  });

  test(`writable.abort() ends at once while the peer takes nothing, over ${name}`, async () => {
    using ends = await open();
    const { client, server } = ends;
    const writer = server.writable.getWriter();
    writer.closed.catch(() => {});
    const written = errorFrom(writer.write(pattern(64 * 1024 * 1024)));
    assert.equal(await isSettled(written), false);
    await within("the abort", writer.abort(reason));
    assert.equal((await written).code, "EINTR");
    await assertReset(name, client);
  });

  test(`An aborted pipe from a peer that sends nothing ends at once, over ${name}`, async () => {
    using ends = await open();
    const { client, server } = ends;
    const controller = new AbortController();
    const { signal } = controller;
    const aborted = Promise.withResolvers<unknown>();
    const sink = new WritableStream({ abort: aborted.resolve });
    const readable = server.readable as ReadableStream;
    const piped = readable.pipeTo(sink, { signal });
    assert.equal(await isSettled(piped), false);
    controller.abort(reason);
    await assert.rejects(within("the pipe", piped), isReason);
    assert.equal(await within("the sink", aborted.promise), reason);
    assert.equal(await within("the end", client.read(new Uint8Array(1))), null);
  });

  test(`An aborted pipe between two connections ends at once, over ${name}`, async () => {
    using from = await open();
    using to = await open();
    const controller = new AbortController();
    const { signal } = controller;
    const readable = from.server.readable as ReadableStream;
    const writable = to.client.writable as WritableStream;
    const piped = readable.pipeTo(writable, { signal });
    const write = from.client.write(new Uint8Array(64 * 1024 * 1024));
    assert.equal(await isSettled(Promise.any([piped, write])), false);
    controller.abort(reason);
    await assert.rejects(within("the pipe", piped), isReason);
    await assertReset(name, to.server);
    /* The rest of it is read and discarded, or refused. */
    await within("the write", write.then(() => {}, () => {}));
  });
}
