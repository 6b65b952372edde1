// Numbers of a training: made smooth, thinned and put on an axis. No page, no state.

/** @import { Point, Status } from "./types.d.ts" */
/** @typedef {{ low: number, high: number, ticks: number[] }} Axis */

/**
 * Whether a value is a number that can be shown.
 * @param {unknown} value
 * @returns {value is number}
 */
export function isNumber(value) {
  return Number.isFinite(value);
}

/**
 * A curve without its jitter: the exponential moving average over about `span` values, corrected
 * for its start as in Adam (Kingma and Ba, 2015). What is not a number is left out and stays null.
 * @type {(values: (number | null | undefined)[], span: number) => (number | null)[]}
 */
export function smoothed(values, span) {
  const keep = 1 - 1 / Math.max(1, span);
  let mean = 0, weight = 0;
  return values.map((value) => {
    if (!isNumber(value)) return null;
    mean = keep * mean + (1 - keep) * value;
    weight = keep * weight + (1 - keep);
    return mean / weight;
  });
}

/**
 * The curves that there are numbers of, at most `most`: what a training learns from decides which
 * it has. Until some came it is the first ones.
 * @param {[label: string, name: string][]} lines
 * @param {Point[]} points
 * @param {number} most
 */
export function shownOf(lines, points, most) {
  const known = lines.filter(([, name]) => points.some((each) => isNumber(each[name])));
  return (known.length ? known : lines).slice(0, most);
}

/**
 * At most `most` of the points, evenly spread; the first and the last stay.
 * @template T
 * @param {T[]} points
 * @param {number} most
 */
export function thin(points, most) {
  if (points.length <= most) return points;
  const wanted = Math.ceil(most / 2);
  return Array.from({ length: wanted }, (_, at) =>
    points[Math.round((at * (points.length - 1)) / (wanted - 1))]);
}

/**
 * A range and round numbers in it for an axis that is to show `low` to `high`, {low, high, ticks}.
 * On a logarithmic axis both are above 0. The range changes in steps, so that an axis rests while
 * its curve grows.
 * @type {(low: number, high: number, logarithmic: boolean, count?: number) => Axis}
 */
export function axis(low, high, logarithmic, count = 4) {
  return logarithmic ? logAxis(low, high, count) : linearAxis(low, high, count);
}

/** @type {(low: number, high: number, count: number) => Axis} */
function linearAxis(low, high, count) {
  if (high === low) [low, high] = low ? [Math.min(0, 2 * low), Math.max(0, 2 * low)] : [0, 1];
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].find((each) => each * power >= rough * 0.999) ?? 10);
  const first = Math.floor(low / step + 1e-9), last = Math.ceil(high / step - 1e-9);
  const ticks = Array.from({ length: last - first + 1 }, (_, at) => round((first + at) * step));
  return { low: ticks[0], high: ticks[ticks.length - 1], ticks };
}

/** @type {(low: number, high: number, count: number) => Axis} */
function logAxis(low, high, count) {
  const fine = [];
  for (let power = Math.floor(Math.log10(low)) - 1; power <= Math.ceil(Math.log10(high)); power++) {
    for (const digit of [1, 2, 5]) fine.push(round(digit * 10 ** power));
  }
  const first = fine.findLastIndex((each) => each <= low * 1.0001);
  let last = fine.findIndex((each) => each >= high * 0.9999);
  if (last <= first) last = first + 1;
  const inside = fine.slice(first, last + 1);
  const tens = inside.filter((each) => Number.isInteger(round(Math.log10(each))));
  let ticks = inside.length <= count + 2 ? inside : tens;
  if (ticks.length > count + 2) {
    const every = Math.ceil(ticks.length / count);
    ticks = ticks.filter((_, at) => at % every === 0);
  }
  return { low: inside[0], high: inside[inside.length - 1], ticks };
}

/** @param {number} value */
function round(value) {
  return Number(value.toPrecision(12));
}

/**
 * The value below which the share `part` (0..1) of the sorted `values` lies.
 * @type {(values: number[], part: number) => number}
 */
export function quantile(values, part) {
  const at = part * (values.length - 1);
  const below = Math.floor(at);
  const above = values[Math.min(below + 1, values.length - 1)];
  return values[below] + (at - below) * (above - values[below]);
}

/**
 * Where a run stood at a step, {images, seconds}, between two points of its curve.
 * @type {(curve: Point[], status: Status, step: number) => { images: number, seconds: number }}
 */
export function moment(curve, status, step) {
  const start = { step: 0, images_shown: 0, seconds: 0 };
  /**
   * @param {Point | Status} each
   * @returns {each is Point}
   */
  const known = (each) => isNumber(each?.images_shown) && isNumber(each?.step);
  const points = [start, ...curve.filter(known), ...(known(status) ? [status] : [])];
  let above = points.findIndex((each) => each.step >= step);
  if (above < 0) above = points.length - 1;
  const [one, two] = [points[Math.max(0, above - 1)], points[above]];
  const part = two.step > one.step ? Math.min(1, (step - one.step) / (two.step - one.step)) : 1;
  /** @param {"images_shown" | "seconds"} name */
  const between = (name) => (one[name] ?? 0) + part * ((two[name] ?? 0) - (one[name] ?? 0));
  return { images: Math.round(between("images_shown")), seconds: between("seconds") };
}

/**
 * What the tab's session storage holds under a name, or null.
 * @param {string} name
 */
export function remembered(name) {
  try {
    return JSON.parse(sessionStorage.getItem(name) ?? "null");
  } catch {
    return null;
  }
}
