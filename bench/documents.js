// Copyright the iocp authors. MIT license.

import { mkdir, rm, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { repository } from "../scripts/setup.js";
import { describeDisturbance } from "./disturbance.js";
import { describeUnit, describeWorkload } from "./kinds.js";
import { drawPlots } from "./plots.js";
import { encodeResults } from "./results.js";
import { formatMarkdown, goalRows, workloadRows } from "./tables.js";

/** Calls that are fewer for a message are not listed. */
const RARE = 0.005;

/**
 * Writes docs/benchmarks.md, .json and the plots, or, with another `root`, the
 * same in a folder `docs` there; returns the names of the files.
 */
export async function writeDocuments(results, verdicts, root = repository) {
  const docs = join(root, "docs");
  const folder = join(docs, "benchmarks");
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const plots = await drawPlots(results);
  const files = {
    [join(docs, "benchmarks.md")]: describe(results, verdicts, plots),
    [join(docs, "benchmarks.json")]: encodeResults(results),
  };
  for (const { name, svg } of plots) files[join(folder, `${name}.svg`)] = svg;
  for (const [file, text] of Object.entries(files)) await writeFile(file, text);
  return Object.keys(files).map((file) => relative(root, file));
}

function describe(results, verdicts, plots) {
  return [
    "# Benchmarks",
    "This page, its plots and [`benchmarks.json`](benchmarks.json), which has " +
    "every figure of every round, are written by the command below. Do not " +
    "edit them.",
    `\`\`\`sh\n${results.command}\n\`\`\``,
    machineTable(results),
    ...caution(results),
    "## Goals",
    ...goalsText(verdicts),
    ...(plots.length > 0 ? ["## In pictures"] : []),
    ...plots.map(({ name, title }) =>
      `![${title}](benchmarks/${name}.svg)\n\n_${sentence(title)}_`
    ),
    "## Servers",
    serverTable(results),
    "## Workloads",
    "CPU is that of the server's process. Figures are medians of the rounds; " +
    "`min` and `max` are of the first column, as are the ratios: `x C` over " +
    "the C floor, `x own` over the runtime's own sockets, `x node:net` over " +
    "node:net in the same runtime, each the median of the ratios of the " +
    "rounds. `busy` is the share of a core that the server used, `load busy` " +
    "that of the load: where only the load is near 100 %, it is the limit, and " +
    "throughput says nothing of the server. `peak` is the most memory that " +
    "was ever resident (VmHWM).",
    ...results.workloads.flatMap((workload) =>
      workloadText(workload, results.servers)
    ),
    ...howText(results),
  ].join("\n\n") + "\n";
}

function machineTable({ machine, commit, date, settings }) {
  const { rounds, seconds, realtime } = settings;
  return formatMarkdown([
    ["what", "value"],
    ["processor", `${machine.cpu}, ${machine.cores} cores`],
    ["memory", `${machine.memoryGib} GiB`],
    ["system", machine.system],
    [
      "versions",
      `Deno ${machine.deno}, Bun ${machine.bun}, Node ${machine.node}`,
    ],
    ["commit", commit.hash + (commit.isChanged ? ", with changes" : "")],
    ["date", date],
    ["rounds", `${rounds}, of ${seconds} s each`],
    [
      "other programs",
      realtime ? "kept off both cores (SCHED_RR)" : "not kept off",
    ],
  ], 2);
}

function caution({ settings }) {
  return settings.quick
    ? [
      "**These are from a quick look (`--quick`): too short to be trusted.**",
    ]
    : [];
}

function goalsText(verdicts) {
  const measured = verdicts.filter(({ isMet }) => isMet !== undefined);
  const met = measured.filter(({ isMet }) => isMet).length;
  return [
    `${met} met, ${measured.length - met} not met, ` +
    `${verdicts.length - measured.length} not measured. Ratios are the ` +
    "medians of those of the rounds.",
    formatMarkdown(goalRows(verdicts), 5),
  ];
}

function serverTable({ servers }) {
  return formatMarkdown([
    ["name", "what", "runtime"],
    ...servers.map(({ name, title, runtime }) => [name, title, runtime]),
  ], 3);
}

function workloadText(workload, servers) {
  const failures = workload.servers
    .filter(({ failure }) => failure !== undefined)
    .map(({ name, failure }) => `- ${name}: ${failure.split("\n")[0]}`);
  return [
    `### ${workload.name}`,
    sentence(describeWorkload(workload) + describeUnit(workload)),
    formatMarkdown(workloadRows(workload, servers)),
    ...callsText(workload),
    ...disturbanceText(workload, servers),
    ...(failures.length > 0 ? [`Failed:\n\n${failures.join("\n")}`] : []),
  ];
}

function disturbanceText(workload, servers) {
  const text = describeDisturbance(workload, servers);
  return text === undefined ? [] : [sentence(text)];
}

function callsText({ servers }) {
  const lines = servers.filter(({ calls }) => calls?.byName !== undefined)
    .map(({ name, calls }) => {
      const often = Object.entries(calls.byName)
        .filter(([, count]) => count >= RARE)
        .map(([call, count]) => `${call} ${count.toFixed(2)}`);
      /* io_uring can do with hardly any. */
      const text = often.length > 0 ? often.join(", ") : `less than ${RARE}`;
      return `- ${name}: ${text}`;
    });
  return lines.length > 0
    ? [`System calls a message:\n\n${lines.join("\n")}`]
    : [];
}

function howText({ leftOut, settings }) {
  return [
    "## How it is measured",
    [
      "- A round is a new process of the server, on a core of its own, and a " +
      "load in C on another one. All of its threads are on that core.",
      "- The servers take turns in each round, in an order that changes from " +
      "round to round, so that none is always first or after the same one.",
      "- After a warm-up, the CPU clock of the server's process is read at " +
      "both ends of just the interval that counts.",
      "- The load checks every byte that comes back, and the counts of an " +
      "upload. A server that gets one wrong has no figures there.",
      "- Latencies are in a histogram whose buckets are at most 1/64 wide. " +
      "Those of echoes are of a closed loop: the next message waits for the " +
      "answer. At the fixed rate they count from the moment that was planned " +
      "for a message, also when the load or the server is late, so nothing is " +
      "omitted; `load late` is how late the load itself was.",
      "- The memory of idle connections is the growth of VmRSS from just " +
      `before they come until they have been silent for ${settings.settle} s. ` +
      "It contains what a runtime takes for other reasons meanwhile, so the " +
      "figure for more connections is the better one. Some collectors give " +
      "memory back only after ten seconds. The servers wait side by side.",
    ].join("\n"),
    "## What is not fair, or not measured",
    [
      "- The echo for Deno.listen keeps a buffer of 64 KiB for each " +
      "connection, which is the fast way of writing it; idle connections show " +
      "that.",
      "- Everything is on the loopback interface of one machine: there is no " +
      "network card, and the kernel copies what a card would not.",
      "- On loopback the kernel does both sides of a handshake in the connect " +
      "of the load, so with churn the load can be the limit of the cheapest " +
      "servers; their CPU time shows what they could do.",
      "- One thread serves. How the runtimes scale over cores is not measured.",
      "- Windows is not measured: under Wine the speed would be Wine's.",
      "- HTTP is served by this module through node:http, which is written in " +
      "JavaScript, and by Deno.serve and Bun.serve in native code.",
      ...leftOut.map((line) => `- Left out here: ${line}.`),
    ].join("\n"),
    "## How to repeat it",
    "```sh\nnpm run bench -- --write   # all of it, on a quiet machine\n" +
    "npm run bench -- --quick   # a look\n" +
    "npm run bench -- --from docs/benchmarks.json --write\n```",
    "The servers are in [`bench/servers`](../bench/servers), one file a " +
    "library, the load is in [`bench/load`](../bench/load), the goals are in " +
    "[`bench/goals.js`](../bench/goals.js).",
  ];
}

function sentence(text) {
  return `${text[0].toUpperCase()}${text.slice(1)}.`;
}
