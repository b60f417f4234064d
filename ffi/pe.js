// Copyright the iocp authors. MIT license.

// Reads what is to be known of a 64-bit PE file (a DLL), without any tool. The
// offsets are those of Microsoft's "PE Format" page.

const magicPe32Plus = 0x20b;

/** Reads a PE file; throws when it is not a 64-bit one. */
export function readPe(bytes) {
  const file = Buffer.from(bytes);
  const header = file.readUInt32LE(0x3c);
  if (file.toString("latin1", header, header + 4) !== "PE\0\0") {
    throw new Error("not a PE file");
  }
  const coff = header + 4;
  const optional = coff + 20;
  if (file.readUInt16LE(optional) !== magicPe32Plus) {
    throw new Error("not a 64-bit PE file");
  }
  const sections = readSections(
    file,
    optional + file.readUInt16LE(coff + 16),
    file.readUInt16LE(coff + 2),
  );
  const at = (address) => fileOffset(sections, address);
  const directory = (index) => file.readUInt32LE(optional + 112 + 8 * index);
  return {
    machine: file.readUInt16LE(coff),
    characteristics: file.readUInt16LE(coff + 18),
    dllCharacteristics: file.readUInt16LE(optional + 70),
    entryPoint: file.readUInt32LE(optional + 16),
    sections,
    relocations: directory(5) !== 0,
    unwindTables: directory(3) !== 0,
    threadLocal: directory(9) !== 0,
    exports: readExports(file, directory(0), at),
    imports: readImports(file, directory(1), at),
  };
}

function readSections(file, offset, count) {
  return Array.from({ length: count }, (_, index) => {
    const entry = offset + 40 * index;
    return {
      name: file.toString("latin1", entry, entry + 8).replace(/\0+$/, ""),
      size: file.readUInt32LE(entry + 8),
      address: file.readUInt32LE(entry + 12),
      rawSize: file.readUInt32LE(entry + 16),
      rawOffset: file.readUInt32LE(entry + 20),
      flags: file.readUInt32LE(entry + 36),
    };
  });
}

function fileOffset(sections, address) {
  const section = sections.find((one) =>
    address >= one.address &&
    address < one.address + Math.max(one.size, one.rawSize)
  );
  if (!section) throw new Error(`no section at ${address.toString(16)}`);
  return address - section.address + section.rawOffset;
}

function readExports(file, address, at) {
  if (address === 0) return [];
  const table = at(address);
  const names = at(file.readUInt32LE(table + 32));
  const count = file.readUInt32LE(table + 24);
  return Array.from(
    { length: count },
    (_, index) => readText(file, at(file.readUInt32LE(names + 4 * index))),
  ).sort();
}

function readImports(file, address, at) {
  if (address === 0) return [];
  const imports = [];
  for (let entry = at(address);; entry += 20) {
    const name = file.readUInt32LE(entry + 12);
    if (name === 0) return imports;
    const lookup = file.readUInt32LE(entry) || file.readUInt32LE(entry + 16);
    imports.push({
      library: readText(file, at(name)),
      names: readLookup(file, at(lookup), at),
    });
  }
}

function readLookup(file, offset, at) {
  const names = [];
  for (let entry = offset;; entry += 8) {
    const value = file.readBigUInt64LE(entry);
    if (value === 0n) return names;
    const ordinal = value >> 63n === 1n;
    names.push(
      ordinal
        ? `#${value & 0xffffn}`
        : readText(file, at(Number(value & 0x7fffffffn)) + 2),
    );
  }
}

function readText(file, offset) {
  return file.toString("latin1", offset, file.indexOf(0, offset));
}
