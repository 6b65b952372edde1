// Numbers of a training: made smooth, thinned and put on an axis. No page, no state.

/**
 * A curve without its jitter: the exponential moving average over about `span` values, corrected
 * for its start as in Adam (Kingma and Ba, 2015). What is not a number is left out and stays null.
 */
export function smoothed(values, span) {
  const keep = 1 - 1 / Math.max(1, span);
  let mean = 0, weight = 0;
  return values.map((value) => {
    if (!Number.isFinite(value)) return null;
    mean = keep * mean + (1 - keep) * value;
    weight = keep * weight + (1 - keep);
    return mean / weight;
  });
}

/** At most `most` of the points, evenly spread; the first and the last stay. */
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
 */
export function axis(low, high, logarithmic, count = 4) {
  return logarithmic ? logAxis(low, high, count) : linearAxis(low, high, count);
}

function linearAxis(low, high, count) {
  if (high === low) [low, high] = low ? [Math.min(0, 2 * low), Math.max(0, 2 * low)] : [0, 1];
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].find((each) => each * power >= rough * 0.999) ?? 10);
  const first = Math.floor(low / step + 1e-9), last = Math.ceil(high / step - 1e-9);
  const ticks = Array.from({ length: last - first + 1 }, (_, at) => round((first + at) * step));
  return { low: ticks[0], high: ticks.at(-1), ticks };
}

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
  return { low: inside[0], high: inside.at(-1), ticks };
}

function round(value) {
  return Number(value.toPrecision(12));
}

/** The value below which the share `part` (0..1) of the sorted `values` lies. */
export function quantile(values, part) {
  const at = part * (values.length - 1);
  const below = Math.floor(at);
  const above = values[Math.min(below + 1, values.length - 1)];
  return values[below] + (at - below) * (above - values[below]);
}

/** Where a run stood at a step, {images, seconds}, between two points of its curve. */
export function moment(curve, status, step) {
  const start = { step: 0, images_shown: 0, seconds: 0 };
  const known = (each) => Number.isFinite(each?.images_shown) && Number.isFinite(each?.step);
  const points = [start, ...curve.filter(known), ...(known(status) ? [status] : [])];
  let above = points.findIndex((each) => each.step >= step);
  if (above < 0) above = points.length - 1;
  const [one, two] = [points[Math.max(0, above - 1)], points[above]];
  const part = two.step > one.step ? Math.min(1, (step - one.step) / (two.step - one.step)) : 1;
  const between = (name) => (one[name] ?? 0) + part * ((two[name] ?? 0) - (one[name] ?? 0));
  return { images: Math.round(between("images_shown")), seconds: between("seconds") };
}

/** What the tab's session storage holds under a name, or null. */
export function remembered(name) {
  try {
    return JSON.parse(sessionStorage.getItem(name));
  } catch {
    return null;
  }
}
