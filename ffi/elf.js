// Copyright the iocp authors. MIT license.

// Reads what is to be known of a 64-bit ELF shared library, without any tool.
// The names of the constants are those of <elf.h>.

const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const PT_GNU_STACK = 0x6474e551;
const PT_GNU_RELRO = 0x6474e552;
const PF_X = 1;
const DT_NEEDED = 1;
const DT_HASH = 4;
const DT_STRTAB = 5;
const DT_SYMTAB = 6;
const DT_SONAME = 14;
const DT_RPATH = 15;
const DT_TEXTREL = 22;
const DT_RUNPATH = 29;
const DT_FLAGS = 30;
const DT_VERNEED = 0x6ffffffe;
const DT_VERNEEDNUM = 0x6fffffff;
const DF_TEXTREL = 4;
const DF_BIND_NOW = 8;
const SHN_UNDEF = 0;

/** Reads a shared library; throws when it is not a 64-bit one. */
export function readElf(bytes) {
  const file = Buffer.from(bytes);
  if (file.toString("latin1", 0, 6) !== "\x7fELF\x02\x01") {
    throw new Error("not a 64-bit little-endian ELF file");
  }
  const segments = readSegments(file);
  const at = (address) => fileOffset(segments, address);
  const dynamic = segments.find(({ type }) => type === PT_DYNAMIC);
  if (!dynamic) throw new Error("no dynamic section: not a shared library");
  const tags = readTags(file, dynamic);
  const value = (tag) => tags.find((one) => one.tag === tag)?.value;
  const strings = at(value(DT_STRTAB));
  const text = (offset) => readText(file, strings + offset);
  const texts = (tag) =>
    tags.filter((one) => one.tag === tag).map((one) => text(one.value));
  const flags = value(DT_FLAGS) ?? 0;
  const stack = segments.find(({ type }) => type === PT_GNU_STACK);
  return {
    machine: file.readUInt16LE(18),
    needed: texts(DT_NEEDED),
    soname: texts(DT_SONAME)[0],
    paths: [...texts(DT_RPATH), ...texts(DT_RUNPATH)],
    bindNow: (flags & DF_BIND_NOW) !== 0,
    textRelocations: (flags & DF_TEXTREL) !== 0 ||
      value(DT_TEXTREL) !== undefined,
    relro: segments.some(({ type }) => type === PT_GNU_RELRO),
    executableStack: !stack || (stack.flags & PF_X) !== 0,
    versions: readVersions(file, value, at, text),
    ...readSymbols(file, value, at, text),
  };
}

function readSegments(file) {
  const offset = Number(file.readBigUInt64LE(32));
  const size = file.readUInt16LE(54);
  return Array.from({ length: file.readUInt16LE(56) }, (_, index) => {
    const entry = offset + size * index;
    return {
      type: file.readUInt32LE(entry),
      flags: file.readUInt32LE(entry + 4),
      offset: Number(file.readBigUInt64LE(entry + 8)),
      address: Number(file.readBigUInt64LE(entry + 16)),
      size: Number(file.readBigUInt64LE(entry + 32)),
    };
  });
}

function fileOffset(segments, address) {
  const segment = segments.find((one) =>
    one.type === PT_LOAD &&
    address >= one.address && address < one.address + one.size
  );
  if (!segment) throw new Error(`no segment at ${address.toString(16)}`);
  return address - segment.address + segment.offset;
}

function readTags(file, { offset, size }) {
  const tags = [];
  for (let entry = offset; entry < offset + size; entry += 16) {
    const tag = Number(file.readBigUInt64LE(entry));
    if (tag === 0) break;
    tags.push({ tag, value: Number(file.readBigUInt64LE(entry + 8)) });
  }
  return tags;
}

// The symbol versions that are asked of other libraries, as "GLIBC_2.28".
function readVersions(file, value, at, text) {
  const versions = new Set();
  if (value(DT_VERNEED) === undefined) return versions;
  let entry = at(value(DT_VERNEED));
  for (let left = value(DT_VERNEEDNUM); left > 0; left -= 1) {
    let item = entry + file.readUInt32LE(entry + 8);
    for (let items = file.readUInt16LE(entry + 2); items > 0; items -= 1) {
      versions.add(text(file.readUInt32LE(item + 8)));
      item += file.readUInt32LE(item + 12);
    }
    entry += file.readUInt32LE(entry + 12);
  }
  return versions;
}

function readSymbols(file, value, at, text) {
  if (value(DT_HASH) === undefined) throw new Error("no DT_HASH");
  const count = file.readUInt32LE(at(value(DT_HASH)) + 4);
  const table = at(value(DT_SYMTAB));
  const symbols = { exports: [], undefined: [] };
  for (let index = 1; index < count; index += 1) {
    const entry = table + 24 * index;
    const defined = file.readUInt16LE(entry + 6) !== SHN_UNDEF;
    const name = text(file.readUInt32LE(entry));
    symbols[defined ? "exports" : "undefined"].push(name);
  }
  symbols.exports.sort();
  symbols.undefined.sort();
  return symbols;
}

function readText(file, offset) {
  return file.toString("latin1", offset, file.indexOf(0, offset));
}
