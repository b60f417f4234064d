// Copyright the iocp authors. MIT license.

/** Those of `all` that an option names, separated by commas. */
export function chooseByName(option, wanted, all) {
  if (wanted === undefined || wanted === "all") return all;
  return wanted.split(",").map((name) => {
    const found = all.find((one) => one.name === name.trim());
    if (found) return found;
    const names = all.map((one) => one.name).join(", ");
    throw new Error(`${option} knows no "${name}"; it has ${names}`);
  });
}
