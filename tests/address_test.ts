// Copyright the iocp authors. MIT license.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  asciiHostname,
  decodeAddress,
  decodeIp,
  encodeAddress,
  formatIp,
  parseIp,
} from "../src/native/address.ts";

/* Texts of addresses, and their canonical form (RFC 5952). */
const VALID: [text: string, canonical: string][] = [
  ["0.0.0.0", "0.0.0.0"],
  ["127.0.0.1", "127.0.0.1"],
  ["255.255.255.255", "255.255.255.255"],
  ["1.20.3.200", "1.20.3.200"],
  ["::", "::"],
  ["::1", "::1"],
  ["1::", "1::"],
  ["[::1]", "::1"],
  ["fe80::1%3", "fe80::1%3"],
  ["[fe80::1%12]", "fe80::1%12"],
  ["fe80::1%0", "fe80::1"],
  ["2001:DB8::ABCD", "2001:db8::abcd"],
  ["2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1"],
  ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
  ["2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
  ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"],
  ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
  ["1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"],
  ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"],
  ["::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"],
  ["::ffff:127.0.0.1", "::ffff:127.0.0.1"],
  ["::ffff:7f00:1", "::ffff:127.0.0.1"],
  ["::1.2.3.4", "::102:304"],
  ["1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"],
  ["64:ff9b::192.0.2.33", "64:ff9b::c000:221"],
  ["0:0:0:0:0:0:0:0", "::"],
  ["ff02::fb", "ff02::fb"],
];

const INVALID = [
  "",
  " ",
  "localhost",
  "1",
  "1.2",
  "1.2.3",
  "1.2.3.4.5",
  "1.2.3.256",
  "1.2.3.-4",
  "01.2.3.4",
  "1.2.3.04",
  "0x7f.0.0.1",
  "1.2.3.4 ",
  " 1.2.3.4",
  "1.2.3.4\n",
  "1..3.4",
  "1.2.3.4:80",
  "[1.2.3.4]",
  ":",
  ":::",
  "1:",
  ":1",
  "1::2::3",
  "12345::",
  "g::",
  "1:2:3:4:5:6:7",
  "1:2:3:4:5:6:7:8:9",
  "1:2:3:4:5:6:7:8::",
  "1:2:3:4::5:6:7:8",
  "::1.2.3",
  "::1.2.3.256",
  "::01.2.3.4",
  "1.2.3.4::",
  "1.2.3.4::1",
  "::1.2.3.4:5",
  "1:2:3:4:5:6:7:1.2.3.4",
  "fe80::1%",
  "fe80::1%eth0",
  "fe80::1%1%2",
  "fe80::1%-1",
  "fe80::1%9999999999",
  "127.0.0.1%1",
  "[::1",
  "::1]",
  "[::1]:80",
  "[[::1]]",
];

test("parseIp() and formatIp() give the canonical text of RFC 5952", () => {
  for (const [text, canonical] of VALID) {
    const ip = parseIp(text);
    assert.ok(ip, text);
    assert.equal(formatIp(ip), canonical, text);
    assert.deepEqual(parseIp(formatIp(ip)), ip, text);
    assert.equal(ip.family, canonical.includes(":") ? 6 : 4, text);
  }
});

test("parseIp() returns undefined for other text", () => {
  for (const text of INVALID) assert.equal(parseIp(text), undefined, text);
});

test("encodeAddress() writes a struct iocp_address", () => {
  const v4 = encodeAddress(parseIp("1.2.3.4")!, 0x1234);
  assert.deepEqual(
    [...v4],
    [4, 0, 0x34, 0x12, 0, 0, 0, 0, 1, 2, 3, 4, ...new Array(12).fill(0)],
  );
  const v6 = encodeAddress(parseIp("102::f%258")!, 65535);
  assert.deepEqual(
    [...v6],
    [6, 0, 255, 255, 2, 1, 0, 0, 1, 2, ...new Array(13).fill(0), 15],
  );
});

test("decodeAddress() reads what encodeAddress() wrote", () => {
  for (const [text, canonical] of VALID) {
    const bytes = encodeAddress(parseIp(text)!, 4321);
    assert.deepEqual(decodeAddress(bytes), {
      transport: "tcp",
      hostname: canonical,
      port: 4321,
    });
    assert.deepEqual(decodeIp(bytes), parseIp(canonical));
    const inside = new Uint8Array(64);
    inside.set(bytes, 8);
    assert.deepEqual(decodeAddress(inside.subarray(8, 32)), {
      transport: "tcp",
      hostname: canonical,
      port: 4321,
    });
  }
});

test("asciiHostname() returns the name in ASCII, as in DNS", () => {
  const names = [
    ["localhost", "localhost"],
    ["LOCALHOST", "localhost"],
    ["example.com.", "example.com"],
    ["bücher.example", "xn--bcher-kva.example"],
    ["BÜCHER.example", "xn--bcher-kva.example"],
    ["xn--bcher-kva.example", "xn--bcher-kva.example"],
    ["例え.テスト", "xn--r8jz45g.xn--zckzah"],
    ["my_host", "my_host"],
    ["a-b.c", "a-b.c"],
    [`${"a.".repeat(126)}a.`, `${"a.".repeat(126)}a`],
  ] as const;
  for (const [name, ascii] of names) assert.equal(asciiHostname(name), ascii);
});

describe("asciiHostname() refuses", () => {
  const wrong = [
    "a b",
    "a/b",
    "a?b",
    "a#b",
    "user@host",
    "host:80",
    "a\\b",
    "[::1]x",
    "a%zz",
    "a\tb",
    "a\nb",
    "http://x",
    ".",
    "..",
    "a..b",
    ".a",
    `${"a.".repeat(127)}a`,
  ];
  for (const name of wrong) {
    test(JSON.stringify(name), () => {
      assert.throws(() => asciiHostname(name), {
        name: "TypeError",
        message: /"hostname"/,
      });
    });
  }
});
