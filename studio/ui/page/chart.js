// The curves of a training on a canvas: two or one of them, with an axis, and what they are worth
// where a hand points.

import { contextOf } from "./canvases.js";
import { button, make } from "./elements.js";
import { axis, isNumber, quantile, shownOf, smoothed } from "./train-numbers.js";
import { amount, number } from "./train-words.js";

/** @import { Point, Training } from "./types.d.ts" */
/** @typedef {Pick<Training, "curve" | "looks">} Data */
/** @typedef {[label: string, name: string][]} Lines the curves, by the names of their numbers */
/** @typedef {{ lines: Lines, range?: [low: number, high: number] }} Curves */
/** @typedef {Curves & { title: string, of: (data: Data) => Point[], empty: string }} Chart */
/** @typedef {ReturnType<typeof prepared>} Prepared */
/** @typedef {(value: number) => number} Scale */

const HEIGHT = 132, LEFT = 38, RIGHT = 5, TOP = 6, BOTTOM = 18; // CSS pixels
const SPAN = 1 / 16; // of a curve: what smoothing averages over
const COLOURS = ["--ink", "--ochre"]; // of the curves, at most as many
const OUTSIDE = 0.02; // share of raw values at each end that may leave the picture
/** @type {Record<string, Chart>} */
const CHARTS = {
  losses: {
    title: "Losses",
    of: ({ curve }) => curve,
    lines: [
      ["generator", "loss_g"], ["discriminator", "loss_d"],
      ["distance in features", "feature_distance"],
    ],
    empty: "The curves come with the first five hundred photos.",
  },
  scores: {
    title: "Scores",
    of: ({ curve }) => curve,
    lines: [
      ["real photos", "real_score"], ["its designs", "fake_score"],
      ["photos to the critic", "critic_real"], ["designs to the critic", "critic_fake"],
    ],
    range: [0, 1],
    empty: "The curves come with the first five hundred photos.",
  },
  distance: {
    title: "Distance",
    of: ({ looks }) => looks,
    lines: [["from the photos", "distance"]],
    empty: "The distance is measured now and then, the first time soon after the start.",
  },
};

/**
 * Make the chart in `element`; the result's `show({curve, looks})` draws it.
 * @param {HTMLElement} element
 */
export function mountChart(element) {
  let kind = "losses", smooth = true, logarithmic = false;
  /** @type {Data} */
  let data = { curve: [], looks: [] };
  /** @type {number | null} index of the point under the hand */
  let pointed = null;
  let drawn = prepared(CHARTS[kind], [], smooth, logarithmic);

  const tabs = Object.entries(CHARTS).map(([name, { title }]) => {
    const tab = button(title, "at-chart-tab", () => {
      [kind, pointed] = [name, null];
      draw();
    });
    tab.dataset.kind = name;
    return tab;
  });
  const smoothing = button("Smooth", "at-chart-option", () => ((smooth = !smooth), draw()));
  const log = button("Log", "at-chart-option", () => ((logarithmic = !logarithmic), draw()));
  log.title = "Logarithmic: equal steps are equal factors";
  const canvas = make("canvas", "at-chart-canvas");
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "img");
  const empty = make("p", "at-chart-empty");
  const legend = make("p", "at-chart-legend");
  const choice = make("div", "at-chart-tabs", ...tabs);
  choice.setAttribute("role", "group");
  choice.setAttribute("aria-label", "What the chart shows");
  element.append(
    make("div", "at-chart-top", choice, make("span", "at-chart-options", smoothing, log)),
    make("div", "at-chart-plot", canvas, empty),
    legend,
  );

  function draw() {
    const chart = CHARTS[kind];
    drawn = prepared(chart, chart.of(data), smooth, logarithmic);
    for (const tab of tabs) tab.setAttribute("aria-pressed", String(tab.dataset.kind === kind));
    smoothing.setAttribute("aria-pressed", String(smooth));
    log.setAttribute("aria-pressed", String(logarithmic));
    log.disabled = !drawn.canBeLog;
    empty.textContent = drawn.points.length ? "" : chart.empty;
    if (pointed !== null) pointed = Math.min(pointed, drawn.points.length - 1);
    paint(canvas, drawn, pointed);
    read();
  }

  function read() {
    const { points, series } = drawn;
    const at = pointed !== null && pointed >= 0 ? pointed : points.length - 1;
    const entries = series.map(({ label, values }) => {
      const value = make("b", "", points.length ? number(values[at] ?? NaN) || "–" : "–");
      return make("span", "at-chart-entry", make("i", ""), `${label} `, value);
    });
    legend.replaceChildren(...entries);
    const said = entries.map((each) => each.textContent).join(", ");
    const where = points.length ? ` after ${amount(points[at].images_shown)} photos shown` : "";
    canvas.setAttribute("aria-label", `${CHARTS[kind].title}: ${said}${where}`);
  }

  /** @param {number | null} index */
  function point(index) {
    pointed = index;
    paint(canvas, drawn, pointed);
    read();
  }

  /** @param {PointerEvent} event */
  const under = (event) => point(nearest(drawn, canvas.clientWidth, event.offsetX));
  canvas.addEventListener("pointermove", under);
  canvas.addEventListener("pointerdown", under);
  canvas.addEventListener("pointerleave", () => point(null));
  canvas.addEventListener("blur", () => point(null));
  canvas.addEventListener("keydown", (event) => {
    const last = drawn.points.length - 1;
    const step = Math.max(1, Math.round(last / 40));
    const from = pointed ?? last;
    const to = { ArrowLeft: from - step, ArrowRight: from + step, Home: 0, End: last }[event.key];
    if (to === undefined || last < 0) return;
    event.preventDefault();
    point(Math.max(0, Math.min(last, to)));
  });
  new ResizeObserver(() => paint(canvas, drawn, pointed)).observe(canvas);
  // The colours are those of the look.
  new MutationObserver(() => paint(canvas, drawn, pointed))
    .observe(document.body, { attributes: true, attributeFilter: ["class"] });

  draw();
  return {
    /** @param {Data} now */
    show(now) {
      data = now;
      draw();
    },
  };
}

/**
 * What `paint` needs: points, series of raw and smooth values, and both axes.
 * @param {Curves} chart
 * @param {Point[]} all
 * @param {boolean} smooth
 * @param {boolean} logarithmic
 */
export function prepared(chart, all, smooth, logarithmic) {
  const points = all.filter((each) => chart.lines.some(([, name]) => isNumber(each[name])));
  const span = smooth ? points.length * SPAN : 1;
  const lines = shownOf(chart.lines, points, COLOURS.length);
  const raws = lines.map(([, name]) => points.map((each) => each[name]));
  const flat = raws.flat().filter(isNumber).sort((one, two) => one - two);
  const canBeLog = flat.length > 0 && flat[0] > 0 && !chart.range;
  const inLog = logarithmic && canBeLog;
  const series = raws.map((raw, at) => {
    // In logarithms, the mean that belongs to the picture is the geometric one.
    const values = inLog
      ? smoothed(raw.map((value) => (isNumber(value) ? Math.log(value) : null)), span)
        .map((value) => (value === null ? null : Math.exp(value)))
      : smoothed(raw, span);
    return { label: lines[at][0], raw, values };
  });
  const means = series.flatMap((each) => each.values).filter(isNumber);
  const [low, high] = chart.range ?? (flat.length ? [
    Math.min(quantile(flat, OUTSIDE), ...means), Math.max(quantile(flat, 1 - OUTSIDE), ...means),
  ] : [0, 1]);
  const most = points.at(-1)?.images_shown || 1;
  return { points, series, canBeLog, inLog, smooth: span > 1, most, y: axis(low, high, inLog) };
}

/** @type {(drawn: Prepared, width: number) => Scale} */
function across({ most }, width) {
  return (images) => LEFT + ((width - LEFT - RIGHT) * images) / most;
}

/**
 * The index of the point nearest to `x`, in CSS pixels from the left; null without points.
 * @type {(drawn: Prepared, width: number, x: number) => number | null}
 */
export function nearest(drawn, width, x) {
  const place = across(drawn, width);
  /** @type {number | null} */
  let best = null;
  let least = Infinity;
  drawn.points.forEach((each, at) => {
    const far = Math.abs(place(each.images_shown) - x);
    if (far < least) [best, least] = [at, far];
  });
  return best;
}

/** @type {(canvas: HTMLCanvasElement, drawn: Prepared, pointed: number | null) => void} */
function paint(canvas, drawn, pointed) {
  const width = canvas.clientWidth;
  if (!width) return;
  const scale = devicePixelRatio;
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(HEIGHT * scale);
  const context = contextOf(canvas);
  context.scale(scale, scale);
  const style = getComputedStyle(canvas);
  const colour = (/** @type {string} */ name) => style.getPropertyValue(name).trim();
  context.font = `11px ${style.fontFamily}`;
  const { points, series, y, inLog } = drawn;
  if (!points.length) return;
  const x = across(drawn, width);
  /** @type {Scale} */
  const turn = (value) => (inLog ? Math.log(value) : value);
  const [bottom, top] = [turn(y.low), turn(y.high)];
  /** @type {Scale} */
  const up = (value) => HEIGHT - BOTTOM - ((turn(value) - bottom) / (top - bottom)) * (HEIGHT - TOP - BOTTOM);
  /** @type {Scale} */
  const snap = (value) => (Math.round(value * scale - 0.5) + 0.5) / scale;

  context.fillStyle = colour("--quiet");
  context.strokeStyle = colour("--line");
  context.lineWidth = 1 / scale;
  context.textAlign = "right";
  context.textBaseline = "middle";
  const places = Math.max(...y.ticks.map((each) => String(each).split(".")[1]?.length ?? 0));
  for (const tick of y.ticks) {
    rule(context, LEFT, snap(up(tick)), width - RIGHT, snap(up(tick)));
    const text = inLog ? String(tick) : tick.toFixed(places);
    context.fillText(text, LEFT - 8, up(tick));
  }
  context.textBaseline = "alphabetic";
  const at = pointed === null ? undefined : points[pointed];
  context.textAlign = "left";
  if (!at) context.fillText("0", LEFT, HEIGHT - 2);
  context.textAlign = "right";
  const text = `${at ? "after " : ""}${amount(at?.images_shown ?? drawn.most)} photos shown`;
  const end = at ? x(at.images_shown) + context.measureText(text).width / 2 : Infinity;
  const least = LEFT + context.measureText(text).width;
  context.fillText(text, Math.max(least, Math.min(width - RIGHT, end)), HEIGHT - 2);

  context.save();
  context.beginPath();
  context.rect(LEFT - 4, TOP - 5, width - LEFT - RIGHT + 8, HEIGHT - TOP - BOTTOM + 8);
  context.clip();
  context.lineJoin = "round";
  const colours = COLOURS.map(colour);
  series.forEach(({ raw, values }, which) => {
    context.strokeStyle = context.fillStyle = colours[which];
    if (drawn.smooth) {
      context.globalAlpha = 0.22;
      context.lineWidth = 1;
      trace(context, points, raw, x, up);
      context.globalAlpha = 1;
    }
    context.lineWidth = 1.6;
    trace(context, points, values, x, up);
  });
  context.restore();

  if (!at || pointed === null) return;
  const left = x(at.images_shown);
  context.strokeStyle = colour("--quiet");
  rule(context, snap(left), TOP, snap(left), HEIGHT - BOTTOM);
  series.forEach(({ values }, which) => {
    const value = values[pointed];
    if (!isNumber(value)) return;
    context.fillStyle = colours[which];
    dot(context, left, up(value), 3.5);
  });
}

/** @type {(context: CanvasRenderingContext2D, x0: number, y0: number, x1: number, y1: number) => void} */
function rule(context, x0, y0, x1, y1) {
  context.beginPath();
  context.moveTo(x0, y0);
  context.lineTo(x1, y1);
  context.stroke();
}

/** @type {(context: CanvasRenderingContext2D, x: number, y: number, radius: number) => void} */
function dot(context, x, y, radius) {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fill();
}

/**
 * A line through the numbers among `values`; one that has no neighbour is a dot.
 * @param {CanvasRenderingContext2D} context
 * @param {Point[]} points
 * @param {(number | null | undefined)[]} values
 * @param {Scale} x
 * @param {Scale} up
 */
function trace(context, points, values, x, up) {
  context.beginPath();
  const has = (/** @type {number} */ at) => isNumber(values[at]);
  /** @type {[left: number, top: number][]} */
  const lonely = [];
  values.forEach((value, at) => {
    if (!isNumber(value)) return;
    const [left, top] = [x(points[at].images_shown), up(value)];
    if (has(at - 1)) context.lineTo(left, top);
    else context.moveTo(left, top);
    if (!has(at - 1) && !has(at + 1)) lonely.push([left, top]);
  });
  context.stroke();
  for (const [left, top] of lonely) dot(context, left, top, 2.2);
}
