// Copyright the iocp authors. MIT license.

import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { cellNames, openCell } from "../cells.js";
import { serve } from "../server.js";
import { argv, ensureDebian, inTemporaryFolder, problemsOf } from "../setup.js";

const timeout = 90_000;
const denoFlags = argv`run --quiet --no-check --no-lock --allow-ffi --allow-net
  --allow-read`;
const BIG = 32 * 1024 * 1024 + 1;

const page = `<!doctype html>
<title>page</title>
<p id="result">not yet</p>
<script type="module">
  const answer = await fetch("/data/words.json");
  const words = await answer.json();
  document.querySelector("#result").textContent = words.join(" and ");
</script>
`;

const html = "text/html; charset=utf-8";
const plain = "text/plain; charset=utf-8";

/** The name, the type and the content of each file. */
const files = [
  ["index.html", html, page],
  ["data/words.json", "application/json", '["here", "there"]\n'],
  ["data/index.html", html, "<p>data</p>\n"],
  ["a b.txt", plain, "a space\n"],
  ["empty.txt", plain, ""],
  // Random, so that a part that is lost or repeated is found.
  ["big.bin", "application/octet-stream", randomBytes(BIG)],
];

/**
 * examples/http.ts in each cell, as its clients see it: curl, which checks what
 * it receives, wrk, which sends requests as fast as it can, and a browser.
 */
export async function httpStage({ report, root, cells = cellNames, jobs }) {
  const { debian, reason } = await ensureDebian("web");
  if (!debian) return report.missing("http", reason);
  await inTemporaryFolder("iocp-http-", async (scratch) => {
    const site = join(scratch, "site");
    for (const [name, , content] of files) {
      await mkdir(dirname(join(site, name)), { recursive: true });
      await writeFile(join(site, name), content);
    }
    const checks = {};
    for (const name of cells) {
      const title = `http ${name.replace("-", " ")}`;
      const { cell, reason } = await openCell(name);
      if (!cell) report.missing(title, reason);
      for (const isSecure of cell ? [false, true] : []) {
        const context = { cell, debian, root, scratch, site, isSecure };
        checks[title + (isSecure ? ", TLS" : "")] = () => testServer(context);
      }
    }
    // Each server has a port of its own, so they can share a network. The load
    // lasts for a fixed time, so more of them at once take less time in all.
    await report.checks(2 * jobs, checks);
  });
}

async function testServer({ cell, debian, root, scratch, site, isSecure }) {
  const [key, cert] = ["key.pem", "cert.pem"]
    .map((name) => join(root, "tests", "shared", "certificate", name));
  const secure = ["--key", cell.path(key), "--cert", cell.path(cert)];
  const program = cell.path(join(root, "examples", "http.ts"));
  const server = await serve(cell, /^listening on (\S+)/m, [
    ...cell.runtime === "deno" ? denoFlags : [],
    ...[program, "--port", "0", "--root", cell.path(site)],
    ...isSecure ? secure : [],
  ], { cwd: root, timeout: 600_000 });
  const client = { debian, scratch, cert, origin: server.match[1] };
  const problems = [];
  for (const check of [checkByCurl, checkByWrk, checkByBrowser]) {
    const found = await check(client);
    problems.push(...found.map((problem) => `${check.name}: ${problem}`));
  }
  const { output } = await server.stop();
  if (output.includes("panicked")) problems.push(output);
  return problems;
}

async function checkByCurl({ debian, scratch, cert, origin }) {
  const problems = [];
  const same = (what, found, expected) => {
    if (found !== expected) problems.push(`${what}: ${found}, not ${expected}`);
  };
  const folder = await mkdtemp(join(scratch, "fetched-"));
  const curl = async (args) => {
    const all = argv`--silent --show-error --max-time 60 --cacert ${cert}
      --path-as-is ${args}`;
    const ran = await debian.run("curl", all, { timeout, folders: [scratch] });
    if (!ran.ok) problems.push(`curl ${args.join(" ")}: ${ran.output}`);
    return ran.stdout;
  };

  // All files over one connection.
  const paths = files.map((_, i) => join(folder, String(i)));
  const format = "%{http_code} %{num_connects} %{content_type}\\n";
  const fetched = files.flatMap(([name], i) =>
    argv`${origin}/${encodeURI(name)} --output ${paths[i]}`
  );
  const lines = (await curl([...fetched, "--write-out", format])).split("\n");
  for (const [i, [name, type, content]] of files.entries()) {
    const received = await readFile(paths[i]).catch(() => null);
    same(`${name}: equal`, received?.equals(Buffer.from(content)), true);
    same(name, lines[i], `200 ${i === 0 ? 1 : 0} ${type}`);
  }

  const head = await curl(["--head", `${origin}/big.bin`]);
  same("HEAD: status", head.split("\r\n")[0], "HTTP/1.1 200 OK");
  const length = /^content-length: (\d+)/im.exec(head)?.[1];
  same("HEAD: length", length, String(BIG));
  const onlyStatus = argv`--output /dev/null --write-out ${"%{http_code}"}`;
  const statuses = {
    "/": 200,
    "/data/": 200,
    "/data": 301,
    "/missing": 404,
    "/../../etc/passwd": 404,
    "/..%2f..%2fetc%2fpasswd": 404,
    "/data%5c..%5cindex.html": 404,
  };
  for (const [path, status] of Object.entries(statuses)) {
    same(path, await curl([...onlyStatus, origin + path]), String(status));
  }
  const posted = [...onlyStatus, "--data", "x", `${origin}/big.bin`];
  same("POST", await curl(posted), "405");
  return problems;
}

// wrk does not report what did not happen, so any line about errors counts. A
// request that is stalled for five seconds is one, however busy the machine is.
async function checkByWrk({ debian, origin }) {
  const args = argv`-t2 -c100 -d6s --timeout 5s ${origin}/data/words.json`;
  const ran = await debian.run("wrk", args, { timeout });
  const requests = Number(/(\d+) requests in/.exec(ran.output)?.[1] ?? 0);
  const isRight = requests > 0 && !/errors|Non-2xx/.test(ran.output);
  return ran.ok && !isRight ? [ran.output] : problemsOf(ran);
}

async function checkByBrowser({ debian, scratch, origin }) {
  const profile = await mkdtemp(join(scratch, "profile-"));
  // The certificate is its own authority, which no browser knows.
  const args = argv`--headless --no-sandbox --disable-gpu --disable-quic
    --disable-dev-shm-usage --no-first-run --disable-background-networking
    --disable-component-update --disable-sync --ignore-certificate-errors
    --log-level=3 --user-data-dir=${profile} --virtual-time-budget=10000
    --dump-dom ${origin}/`;
  const ran = await debian.run("chromium", args, { timeout });
  const isRight = ran.stdout.includes(">here and there</p>");
  return ran.ok && !isRight ? [ran.output] : problemsOf(ran);
}
