// Copyright the iocp authors. MIT license.

import { createHash, randomBytes } from "node:crypto";
import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { cellNames, openCell } from "../cells.js";
import { describeEnd, ensureDebian, inTemporaryFolder } from "../setup.js";

const timeout = 90_000;

const page = `<!doctype html>
<title>page</title>
<p id="result">not yet</p>
<script type="module">
  const answer = await fetch("/data/words.json");
  const words = await answer.json();
  document.querySelector("#result").textContent = words.join(" and ");
</script>
`;

/**
 * examples/http.ts in each cell, as its clients see it: curl, which checks what
 * it gets, wrk, which asks as fast as it can, and a browser.
 */
export async function httpStage({ report, root, cells }) {
  const { debian, reason } = await ensureDebian("web");
  const allowed = process.platform !== "linux";
  if (!debian) {
    report.missing("http", reason, { allowed });
    return;
  }
  await inTemporaryFolder("iocp-http-", async (scratch) => {
    const site = await makeSite(join(scratch, "site"));
    for (const name of cells ?? cellNames) {
      const title = `http ${name.replace("-", " ")}`;
      const { cell, reason } = await openCell(name);
      if (!cell) report.missing(title, reason, { allowed });
      else await testCell(report, title, { cell, debian, root, scratch, site });
    }
  });
}

async function makeSite(folder) {
  const files = {
    "index.html": page,
    "data/words.json": '["here", "there"]\n',
    "data/index.html": "<p>data</p>\n",
    "a b.txt": "a name with a space\n",
    "empty.txt": "",
    // Random, so that a part that is lost or repeated is seen.
    "big.bin": randomBytes(32 * 1024 * 1024 + 1),
  };
  for (const [name, content] of Object.entries(files)) {
    await mkdir(join(folder, name, ".."), { recursive: true });
    await writeFile(join(folder, name), content);
  }
  return { folder, files };
}

async function testCell(report, title, context) {
  const certificate = join(context.root, "tests", "shared", "certificate");
  const key = join(certificate, "key.pem");
  const cert = join(certificate, "cert.pem");
  const { cell, debian, scratch, site } = context;
  for (const scheme of ["http", "https"]) {
    const name = `${title}${scheme === "https" ? ", TLS" : ""}`;
    const secure = ["--key", cell.path(key), "--cert", cell.path(cert)];
    let server;
    try {
      server = await serve(context, scheme === "https" ? secure : []);
    } catch (error) {
      await report.check(name, () => [error.message]);
      continue;
    }
    const client = { debian, site, scratch, cert, origin: server.origin };
    await report.check(`${name}: curl`, () => checkByCurl(client));
    await report.check(`${name}: wrk`, () => checkByWrk(client));
    await report.check(`${name}: Chromium`, () => checkByBrowser(client));
    await server.stop();
    if (server.output().includes("panicked")) {
      await report.check(`${name}: output`, () => [server.output()]);
    }
  }
}

/** Starts the example; resolves with its origin and a way to stop it. */
async function serve({ cell, root, site }, args) {
  const stopper = new AbortController();
  const file = cell.path(join(root, "examples", "http.ts"));
  const run = cell.runtime === "deno"
    ? ["run", "--quiet", "--no-check", "--no-lock", "--allow-ffi"]
      .concat("--allow-net", "--allow-read")
    : [];
  const all = [file, "--port", "0", "--root", cell.path(site.folder), ...args];
  let output = "";
  let onOrigin;
  const listening = new Promise((resolve) => onOrigin = resolve);
  const ended = cell.run([...run, ...all], {
    cwd: root,
    signal: stopper.signal,
    timeout: 600_000,
    onStdout(text) {
      output += text;
      const origin = /^listening on (\S+)/m.exec(output)?.[1];
      if (origin) onOrigin(origin);
    },
  });
  const origin = await Promise.race([listening, ended]);
  if (typeof origin !== "string") {
    throw new Error(
      `it does not serve (${describeEnd(origin)})\n` +
        origin.output,
    );
  }
  return {
    origin,
    output: () => output,
    stop: async () => (stopper.abort(), await ended),
  };
}

async function checkByCurl({ debian, site, scratch, cert, origin }) {
  const problems = [];
  const same = (what, got, wanted) => {
    if (got !== wanted) problems.push(`${what}: ${got}, not ${wanted}`);
  };
  const curl = async (args) => {
    const fixed = ["--silent", "--show-error", "--max-time", "60"];
    const tls = ["--cacert", cert, "--path-as-is"];
    const all = [...fixed, ...tls, ...args];
    const ran = await debian.run("curl", all, { timeout, folders: [scratch] });
    if (!ran.ok) problems.push(`curl ${args.join(" ")}: ${ran.output}`);
    return ran.stdout;
  };

  // All files over one connection, each with its hash.
  const names = Object.keys(site.files);
  const fetched = names.flatMap((name, i) => [
    `${origin}/${encodeURI(name)}`,
    "--output",
    join(scratch, `fetched-${i}`),
  ]);
  const format = "%{http_code} %{num_connects} %{content_type}\\n";
  const lines = (await curl([...fetched, "--write-out", format]))
    .trim().split("\n");
  const sums = await debian.run(
    "sha256sum",
    names.map((_, i) => join(scratch, `fetched-${i}`)),
    { timeout },
  );
  const hashes = sums.stdout.split("\n").map((line) => line.slice(0, 64));
  names.forEach((name, i) => {
    const hash = createHash("sha256").update(site.files[name]).digest("hex");
    same(`${name}: SHA-256`, hashes[i], hash);
    const connects = i === 0 ? 1 : 0;
    same(name, lines[i], `200 ${connects} ${types[name]}`);
  });

  const head = await curl(["--head", `${origin}/big.bin`]);
  same("HEAD: status", head.split("\r\n")[0], "HTTP/1.1 200 OK");
  same(
    "HEAD: length",
    /^content-length: (\d+)/im.exec(head)?.[1],
    String(site.files["big.bin"].length),
  );
  const status = async (path, wanted, ...args) => {
    const url = origin + path;
    const write = ["--output", "/dev/null", "--write-out", "%{http_code}"];
    same(path, await curl([...args, ...write, url]), wanted);
  };
  await status("/", "200");
  await status("/data/", "200");
  await status("/data", "301");
  await status("/missing", "404");
  await status("/../../etc/passwd", "404");
  await status("/..%2f..%2fetc%2fpasswd", "404");
  await status("/data%5c..%5cindex.html", "404");
  await status("/big.bin", "405", "--data", "x");
  return problems;
}

const types = {
  "index.html": "text/html; charset=utf-8",
  "data/words.json": "application/json",
  "data/index.html": "text/html; charset=utf-8",
  "a b.txt": "text/plain; charset=utf-8",
  "empty.txt": "text/plain; charset=utf-8",
  "big.bin": "application/octet-stream",
};

// wrk says nothing of what did not happen, so any word of errors is one.
async function checkByWrk({ debian, origin }) {
  const args = ["-t2", "-c100", "-d10s", `${origin}/data/words.json`];
  const ran = await debian.run("wrk", args, { timeout });
  const requests = Number(/(\d+) requests in/.exec(ran.output)?.[1] ?? 0);
  if (ran.ok && requests > 0 && !/errors|Non-2xx/.test(ran.output)) return [];
  return [`${ran.output}${describeEnd(ran)}`];
}

async function checkByBrowser({ debian, scratch, origin }) {
  const profile = await mkdtemp(join(scratch, "profile-"));
  const args = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    // The certificate is its own authority, which no browser knows.
    "--ignore-certificate-errors",
    "--log-level=3",
    `--user-data-dir=${profile}`,
    "--virtual-time-budget=10000",
    "--dump-dom",
    `${origin}/`,
  ];
  const ran = await debian.run("chromium", args, { timeout });
  if (ran.ok && ran.stdout.includes(">here and there</p>")) return [];
  return [`${ran.output}${describeEnd(ran)}`];
}
