// Copyright the iocp authors. MIT license.

// Plots of results, as SVG. Each says how it is drawn in the language of Vega
// (https://vega.github.io/vega/docs/) and is given plain rows.

import { parse, View } from "vega";
import { kinds } from "./kinds.js";
import { entryOf, median, ratioOf, valuesOf } from "./summary.js";

const INK = "#333333";
const FONT = "Helvetica, Arial, sans-serif";
/* A runtime has a hue; this module is the strong one of it. */
const colors = {
  "c": "#999999",
  "iocp-deno": "#0f4c81",
  "iocp-deno-own": "#082c4c",
  "deno-listen": "#5b9bd0",
  "node-net-deno": "#b5d4ec",
  "iocp-bun": "#b23a22",
  "iocp-bun-own": "#611c0e",
  "bun-listen": "#e5856b",
  "node-net-bun": "#f3c3b5",
  "node-net": "#6aa84f",
};
/* For peers, which are not known beforehand. */
const spare = ["#7b5ea7", "#b19cd0", "#b8a038", "#3f8f8a", "#dd88bb"];

/** The plots that these results are enough for: `{ name, title, svg }`. */
export async function drawPlots(results) {
  const plots = [];
  for (const make of [cpuPlot, latencyPlot, memoryPlot]) {
    const plot = make(results);
    if (plot === undefined) continue;
    const view = new View(parse(plot.spec), { renderer: "none" });
    plots.push({ ...plot, svg: `${await view.toSVG()}\n` });
    view.finalize();
  }
  return plots;
}

/** CPU a message over the C floor, grouped by workload. */
function cpuPlot({ workloads, servers }) {
  const rows = workloads.flatMap((workload) => {
    const floor = entryOf(workload, "c");
    const { main } = kinds[workload.kind];
    if (floor === undefined || main !== "cpuUs") return [];
    return workload.servers.filter(({ name, rounds }) =>
      name !== "c" && rounds.length > 0
    ).map((entry) => ({
      workload: workload.name,
      server: entry.name,
      value: ratioOf(
        valuesOf(workload, entry, main),
        valuesOf(workload, floor, main),
      ),
    }));
  });
  if (rows.length === 0) return undefined;
  const scales = [
    band("group", "width", "workload", { paddingInner: 0.2 }),
    linear("y", "height", "value"),
    colorScale(servers, rows),
  ];
  const bars = {
    type: "group",
    from: { facet: { data: "rows", name: "group", groupby: "workload" } },
    encode: { enter: { x: { scale: "group", field: "workload" } } },
    signals: [{ name: "width", update: "bandwidth('group')" }],
    scales: [{
      name: "inner",
      type: "band",
      range: "width",
      domain: { data: "group", field: "server" },
    }],
    marks: [{
      type: "rect",
      from: { data: "group" },
      encode: {
        enter: {
          x: { scale: "inner", field: "server" },
          width: { scale: "inner", band: 1 },
          y: { scale: "y", field: "value" },
          y2: { scale: "y", value: 0 },
          fill: { scale: "color", field: "server" },
        },
      },
    }],
  };
  const floorLine = ruleAt({ y: { scale: "y", value: 1 }, x2: "width" });
  return {
    name: "cpu",
    title: "CPU time a message over that of the C floor (1.0, the line); " +
      "shorter is better",
    spec: frame({ width: 900, height: 300 }, rows, {
      scales,
      axes: [
        {
          orient: "bottom",
          scale: "group",
          labelAngle: -20,
          labelAlign: "right",
        },
        { orient: "left", scale: "y", title: "times the C floor", grid: true },
      ],
      marks: [bars, floorLine],
    }),
  };
}

/** Latency at the fixed rate, by percentile. */
function latencyPlot({ workloads, servers }) {
  const workload = workloads.find(({ kind }) => kind === "rate");
  if (workload === undefined) return undefined;
  const shares = { p50: "50 %", p90: "90 %", p99: "99 %", p999: "99.9 %" };
  const rows = workload.servers.filter(({ rounds }) => rounds.length > 0)
    .flatMap(({ name, rounds }) =>
      Object.entries(shares).map(([key, share]) => ({
        share,
        server: name,
        value: median(rounds.map(({ latencyUs }) => latencyUs[key])),
      }))
    );
  if (rows.length === 0) return undefined;
  const position = {
    x: { scale: "x", field: "share" },
    y: { scale: "y", field: "value" },
  };
  const lines = {
    type: "group",
    from: { facet: { data: "rows", name: "line", groupby: "server" } },
    marks: [{
      type: "line",
      from: { data: "line" },
      encode: {
        enter: {
          ...position,
          stroke: { scale: "color", field: "server" },
          strokeWidth: { value: 2 },
        },
      },
    }, {
      type: "symbol",
      from: { data: "line" },
      encode: {
        enter: { ...position, fill: { scale: "color", field: "server" } },
      },
    }],
  };
  return {
    name: "latency",
    title: `latency at ${workload.rate} messages a second: what a share of ` +
      "the messages do not exceed; lower is better",
    spec: frame({ width: 640, height: 320 }, rows, {
      scales: [
        {
          name: "x",
          type: "point",
          range: "width",
          padding: 0.3,
          domain: { data: "rows", field: "share" },
        },
        { ...linear("y", "height", "value"), type: "log", zero: false },
        colorScale(servers, rows),
      ],
      axes: [
        { orient: "bottom", scale: "x", title: "share of the messages" },
        {
          orient: "left",
          scale: "y",
          title: "microseconds",
          grid: true,
          values: steps(rows.map(({ value }) => value)),
          format: ",d",
        },
      ],
      marks: [lines],
    }),
  };
}

/** Resident memory of an idle connection. */
function memoryPlot({ workloads, servers }) {
  const idle = workloads.filter(({ kind }) => kind === "idle");
  const workload = idle.at(-1);
  if (workload === undefined) return undefined;
  const rows = workload.servers.filter(({ rounds }) => rounds.length > 0)
    .map((entry) => ({
      server: entry.name,
      // A log scale has no place for what has not grown at all.
      value: Math.max(median(valuesOf(workload, entry, "bytesEach")), 1),
    }));
  if (rows.length === 0) return undefined;
  const middle = { scale: "y", field: "server", band: 0.5 };
  const bars = {
    type: "rect",
    from: { data: "rows" },
    encode: {
      enter: {
        y: { scale: "y", field: "server" },
        height: { scale: "y", band: 1 },
        x: { scale: "x", value: 1 },
        x2: { scale: "x", field: "value" },
        fill: { scale: "color", field: "server" },
      },
    },
  };
  const labels = {
    type: "text",
    from: { data: "rows" },
    encode: {
      enter: {
        x: { signal: "width", offset: 8 },
        y: middle,
        baseline: { value: "middle" },
        fill: { value: INK },
        text: { signal: "format(datum.value, ',.0f')" },
      },
    },
  };
  const goal = ruleAt({ x: { scale: "x", value: 2048 }, y2: "height" });
  const scales = [
    band("y", "height", "server", { padding: 0.15 }),
    {
      name: "x",
      type: "log",
      range: "width",
      domain: [1, Math.max(10_000, ...rows.map(({ value }) => value * 2))],
      nice: true,
    },
    colorScale(servers, rows),
  ];
  return {
    name: "memory",
    title: `resident bytes for each of ${workload.connections} idle ` +
      "connections; the line is the goal of 2 KiB; shorter is better",
    spec: frame({ width: 640, height: 26 * rows.length }, rows, {
      scales,
      axes: [
        { orient: "left", scale: "y" },
        {
          orient: "bottom",
          scale: "x",
          title: "bytes",
          grid: true,
          tickCount: 5,
          format: ",d",
        },
      ],
      marks: [bars, labels, goal],
      legends: [],
    }),
  };
}

/* 1, 2, 5, 10, 20 ... as far as there are values. */
function steps(values) {
  const last = Math.ceil(Math.log10(Math.max(...values)));
  const first = Math.floor(Math.log10(Math.min(...values)));
  const powers = Array.from({ length: last - first + 1 }, (_, i) => first + i);
  return powers.flatMap((power) => [1, 2, 5].map((one) => one * 10 ** power));
}

function frame(size, values, parts) {
  const fonts = { font: FONT, labelFont: FONT, titleFont: FONT };
  return {
    $schema: "https://vega.github.io/schema/vega/v6.json",
    ...size,
    padding: 12,
    background: "white",
    autosize: "pad",
    data: [{ name: "rows", values }],
    legends: [{ fill: "color", orient: "right", symbolType: "square" }],
    config: {
      axis: {
        ...fonts,
        labelColor: INK,
        titleColor: INK,
        gridColor: "#e4e4e4",
        labelFontSize: 11,
        titleFontSize: 12,
        titlePadding: 10,
      },
      legend: { ...fonts, labelFontSize: 11, labelColor: INK },
      text: { font: FONT, fontSize: 11 },
    },
    ...parts,
  };
}

function band(name, range, field, padding) {
  return {
    name,
    type: "band",
    range,
    domain: { data: "rows", field },
    ...padding,
  };
}

function linear(name, range, field) {
  return {
    name,
    type: "linear",
    range,
    nice: true,
    zero: true,
    domain: { data: "rows", field },
  };
}

function colorScale(servers, rows) {
  const drawn = new Set(rows.map(({ server }) => server));
  const names = servers.map(({ name }) => name).filter((one) => drawn.has(one));
  let used = 0;
  return {
    name: "color",
    type: "ordinal",
    domain: names,
    range: names.map((name) => colors[name] ?? spare[used++ % spare.length]),
  };
}

/* A line through the whole plot, to the end that a signal names. */
function ruleAt({ x2, y2, ...place }) {
  const end = x2 === undefined
    ? { y: { value: 0 }, y2: { signal: y2 } }
    : { x: { value: 0 }, x2: { signal: x2 } };
  return {
    type: "rule",
    encode: {
      enter: {
        ...place,
        ...end,
        stroke: { value: INK },
        strokeDash: { value: [4, 3] },
      },
    },
  };
}
