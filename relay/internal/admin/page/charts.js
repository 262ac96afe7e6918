// The two charts. Their colours come from the style sheet, for light and dark mode.
import { $, num, rate } from "./dom.js";
import { get } from "./api.js";

let range = "1h";
let depth = null;
let rates = null;
let points = [];

const wholeSteps = [1, 2, 5].flatMap((n) => Array.from({ length: 12 }, (_, e) => n * 10 ** e)).sort((a, b) => a - b);

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export function setupCharts() {
  for (const b of document.querySelectorAll("[data-range]")) {
    b.onclick = () => {
      range = b.dataset.range;
      for (const o of document.querySelectorAll("[data-range]")) o.setAttribute("aria-pressed", String(o === b));
      readHistory();
    };
  }
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", build);
  new ResizeObserver(() => {
    for (const [c, id] of [[depth, "chart-depth"], [rates, "chart-rates"]]) if (c) c.setSize(size(id));
  }).observe($("chart-depth"));
  build();
  readHistory();
  setInterval(readHistory, 10000);
}

/** shownTime returns the time range shown: from the first point, at least five minutes, at most the range. */
function shownTime() {
  const now = Date.now() / 1000;
  const first = points.length ? new Date(points[0].at).getTime() / 1000 : now;
  return [Math.max(now - (range === "1h" ? 3600 : 86400), Math.min(first, now - 300)), now];
}

const size = (id) => ({ width: Math.max(120, $(id).clientWidth), height: 172 });

function build() {
  for (const c of [depth, rates]) if (c) c.destroy();
  const ink = css("--muted"), grid = css("--line"), accent = css("--accent");
  const font = "12px " + css("--sans");
  const axis = { stroke: ink, font, grid: { stroke: grid, width: 1 }, ticks: { show: false } };
  const options = (id, series, values, whole) => ({
    ...size(id), legend: { show: false }, padding: [10, 8, 0, 0],
    cursor: { y: false, points: { size: 7 }, drag: { x: false, y: false }, sync: { key: "relay" } },
    scales: { x: { range: shownTime }, y: { range: (u, min, max) => [0, Math.max(1, max * 1.1)] } },
    axes: [{ ...axis, grid: { show: false }, size: 28, space: 70, values: (u, ts) => ts.map(hour) }, { ...axis, size: 56, space: 38, values, ...(whole ? { incrs: wholeSteps } : {}) }],
    series: [{}, ...series], plugins: [reader(values)],
  });
  const short = (u, vs) => vs.map((v) => num(v));
  const per = (u, vs) => vs.map((v) => (v < 10 && v % 1 ? v.toFixed(1) : num(v)));
  depth = new uPlot(options("chart-depth", [{ label: "waiting", stroke: accent, width: 2, fill: accent + "1f", points: { show: false } }], short, true), [[], []], $("chart-depth"));
  rates = new uPlot(options("chart-rates", [
    { label: "arriving", stroke: css("--in"), width: 2, dash: [5, 3], points: { show: false } },
    { label: "delivered", stroke: accent, width: 2, points: { show: false } }], per), [[], [], []], $("chart-rates"));
  draw();
}

const hm = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const hour = (s) => hm.format(new Date(s * 1000));

/** reader shows the values under the pointer in the corner of the chart. */
function reader() {
  let box = null;
  return { hooks: {
    init: (u) => { box = document.createElement("div"); box.className = "u-read"; u.over.append(box); },
    setCursor: (u) => {
      const i = u.cursor.idx;
      if (i === null || i === undefined || u.cursor.left < 0 || !u.data[0].length) { box.textContent = ""; return; }
      box.textContent = hour(u.data[0][i]) + "  " + u.series.slice(1).map((s, n) => `${s.label} ${n || u.series.length > 2 ? rate(u.data[n + 1][i]) : num(u.data[n + 1][i])}`).join("  ");
    },
  } };
}

async function readHistory() {
  try {
    points = await get("/api/v1/history?range=" + range);
    draw();
  } catch { /* the live indicator shows that relay is unreachable */ }
}

function draw() {
  const t = points.map((p) => new Date(p.at).getTime() / 1000);
  depth.setData([t, points.map((p) => p.pending)]);
  rates.setData([t, points.map((p) => p.in), points.map((p) => p.delivered)]);
  const last = points[points.length - 1];
  if (last) {
    $("chart-depth").setAttribute("aria-label", `Conversions waiting over time; now ${num(last.pending)}, most ${num(Math.max(...points.map((p) => p.pending)))}`);
    $("chart-rates").setAttribute("aria-label", `Rates over time; now ${rate(last.in)} events arriving and ${rate(last.delivered)} conversions delivered per second`);
  }
}
