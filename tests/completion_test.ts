// Copyright the iocp authors. MIT license.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ADDRESS_BYTES } from "../src/native/address.ts";
import * as completion from "../src/native/completion.ts";
import { TCP_INFO_FIELDS } from "../src/native/tcp_info.ts";
import {
  definedNumbers,
  fieldsOf,
  nativeOptions,
  readHeader,
} from "./shared/header.ts";

const header = readHeader();

/* Numbers that only completion.ts has, and those that the module does not use. */
const OWN = [
  "HEADER_",
  "RECORD_",
  "INDEX_MASK",
  "STATS_FIELDS",
  "SOCKET_STATS_FIELDS",
  "DATAGRAM_BYTES",
];
/* Those of addresses are in path.ts and address.ts. */
const UNUSED = [
  "ABI",
  "ACCEPT_MAX",
  "BACKLOG_MAX",
  "CONCURRENCY_MAX",
  "DATAGRAM_MAX",
  "FILE_PATH_MAX",
  "GROUP_MAX",
  "IPV4",
  "IPV6",
  "LINGER_MS",
  "PATH_MAX",
  "PIPE",
  "RECEIVE_BUFFER_MAX",
  "RECEIVE_MAX",
  "SEND_MAX",
  "SHARES_MAX",
  "SHARE_PART_MAX",
  "SHARE_QUEUE_MAX",
  "SYSTEM_BUFFER_MAX",
  "UNIX",
  "WAIT_HERE_MAX",
];

test("completion.ts has the numbers of iocp.h", () => {
  const numbers = definedNumbers(header);
  for (const [name, value] of Object.entries(completion)) {
    if (OWN.some((own) => name.startsWith(own))) continue;
    assert.equal(value, numbers.get(`IOCP_${name}`), name);
    numbers.delete(`IOCP_${name}`);
  }
  /* Options are compared in option_table_test.ts. */
  for (const { name } of nativeOptions()) numbers.delete(`IOCP_${name}`);
  const rest = [...numbers.keys()].map((name) => name.slice("IOCP_".length));
  assert.deepEqual(rest.sort(), UNUSED);
});

function snake(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

test("completion.ts has the layout of the queue header and of the record of iocp.h", () => {
  const head = fieldsOf(header, "iocp_header");
  assert.equal(head.length, completion.HEADER_WORDS);
  assert.deepEqual(
    head.map(({ name }) => name),
    ["slab_end", "flags", "timeout_ms", "sockets"],
  );
  assert.equal(head[completion.HEADER_SLAB_END]!.name, "slab_end");
  assert.equal(head[completion.HEADER_FLAGS]!.name, "flags");
  assert.equal(head[completion.HEADER_TIMEOUT_MS]!.name, "timeout_ms");
  assert.equal(head[completion.HEADER_SOCKETS]!.name, "sockets");
  const record = fieldsOf(header, "iocp_record");
  assert.equal(record.length, completion.RECORD_WORDS);
  assert.deepEqual(
    record.map(({ name }) => name),
    ["socket", "kind", "result", "detail"],
  );
  for (const { type } of [...head, ...record]) assert.equal(type, "int32_t");
});

test("completion.ts has the counters of iocp.h", () => {
  const fields = fieldsOf(header, "iocp_stats");
  assert.deepEqual(
    fields.map(({ name }) => name),
    completion.STATS_FIELDS.map(snake),
  );
  for (const { type } of fields) assert.equal(type, "double");
});

test("completion.ts has the counters of a socket of iocp.h", () => {
  const fields = fieldsOf(header, "iocp_socket_stats");
  assert.deepEqual(
    fields.map(({ name }) => name),
    completion.SOCKET_STATS_FIELDS.map(snake),
  );
  for (const { type } of fields) assert.equal(type, "double");
});

test("tcp_info.ts has what iocp.h says of TCP", () => {
  const fields = fieldsOf(header, "iocp_tcp_info");
  assert.deepEqual(
    fields.map(({ name }) => name),
    TCP_INFO_FIELDS.map(snake),
  );
  for (const { type } of fields) assert.equal(type, "double");
});

test("address.ts has the size of a struct iocp_address", () => {
  const fields = fieldsOf(header, "iocp_address");
  assert.deepEqual(
    fields.map(({ type, name }) => `${type} ${name}`),
    ["uint16_t family", "uint16_t port", "uint32_t scope", "uint8_t bytes"],
  );
  assert.equal(ADDRESS_BYTES, 2 + 2 + 4 + 16);
});
