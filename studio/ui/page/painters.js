// Who draws in the page: a painter with WebAssembly first, and from then on one with WebGPU where
// that has proven faster. It changes while pictures are asked for, and without a word: if one fails,
// the studio's picture is shown.

import { ENOUGH, beats, hasGpu, outcome, remember, slow } from "./gpu.js";
import { Painter } from "./painter.js";

let painter = null;
let held = null; // the job { bytes, shape, local } of the generator that the painter draws with
let gpu = Boolean(navigator.gpu) && outcome() !== "lost"; // WebGPU draws, or may come to draw
let timed = false; // the two were compared, or need not be
let times = []; // milliseconds of the first drawings with this generator
let turn = Promise.resolve();

/** Whether a generator can be drawn with right now. */
export function paints() {
  return held !== null;
}

/** Draw with a generator from now on: its file's bytes, its input's shape, where runtimes lie. */
export function load(job) {
  return inTurn(async () => {
    held = null;
    times = [];
    painter ??= new Painter(await first(), job.local);
    try {
      await painter.load(job.bytes, { keep: gpu });
    } catch (error) {
      if (painter.engine === "wasm") throw error;
      await withoutGpu(job);
    }
    held = job;
  });
}

/** { pixels, width, height } from styles. */
export async function draw(styles, patient) {
  const [by, job] = [painter, held];
  try {
    const drawn = await by.draw(styles, job.shape, patient);
    if (held === job) time({ ...drawn, styles, shape: job.shape });
    return drawn;
  } catch (error) {
    if (!job || held !== job) throw error; // it was meant for the generator before
    if (painter !== by) return painter.draw(styles, job.shape, patient);
    if (by.engine === "webgpu" || by.stopped) held = null;
    if (by.engine === "webgpu") inTurn(() => replace(job)).catch(() => {});
    throw error;
  }
}

/** Nothing is drawn here any more. */
export function stop() {
  held = null;
  painter?.stop();
}

/** One after the other, so that nobody is replaced while learning a generator. */
function inTurn(work) {
  turn = turn.catch(() => {}).then(work);
  return turn;
}

async function first() {
  if (outcome() !== "won") return "wasm";
  timed = true;
  if (await hasGpu()) return "webgpu";
  gpu = false;
  return "wasm";
}

/** WebGPU failed: back to WebAssembly for this visit. The next one may compare them anew. */
async function withoutGpu(job) {
  painter.stop();
  remember(null);
  gpu = false;
  painter = new Painter("wasm", job.local);
  await painter.load(job.bytes);
}

async function replace(job) {
  if (painter.engine !== "webgpu") return;
  await withoutGpu(job);
  held = job;
}

function time(drawn) {
  if (!gpu || timed || times.length >= ENOUGH) return;
  times.push(drawn.milliseconds);
  if (!slow(times)) return;
  timed = true;
  // A copy, as the picture is its painter's to give away.
  compare({ ...drawn, pixels: drawn.pixels.slice() }, held, times);
}

/** Let WebGPU draw the same picture, in the background, and take over if it does so faster. */
async function compare(picture, job, before) {
  if (await hasGpu()) {
    const challenger = new Painter("webgpu", job.local);
    if (await wins(challenger, picture, job, before)) return;
    challenger.stop();
  }
  gpu = false;
  if (held) held.bytes = null; // nobody else will need them
}

async function wins(challenger, picture, job, before) {
  try {
    await challenger.begun; // failing here says nothing about the graphics card
    const won = await challenger.load(job.bytes, { keep: true })
      .then(() => beats(challenger, picture, before))
      .catch(() => false);
    remember(won ? "won" : "lost");
    if (won) await inTurn(() => takeOver(challenger, job));
    return won;
  } catch {
    return false;
  }
}

async function takeOver(challenger, job) {
  if (held !== job) await challenger.load(held.bytes, { keep: true }); // another generator by now
  painter.stop();
  painter = challenger;
}
