// Who draws in the page: a painter with WebAssembly first, and from then on one with WebGPU where
// that has proven faster. It changes while pictures are asked for, and without a word: if one fails,
// the studio's picture is shown.

import { ENOUGH, beats, hasGpu, outcome, remember, slow } from "./gpu.js";
import { Painter } from "./painter.js";

/** @import { Drawing, Drawn, Engine, Job } from "./types.d.ts" */

/** @type {Painter | null} */
let painter = null;
/** @type {Job | null} the one of the generator that the painter draws with */
let held = null;
let gpu = Boolean(navigator.gpu) && outcome() !== "lost"; // WebGPU draws, or may come to draw
let timed = false; // the two were compared, or need not be
/** @type {number[]} milliseconds of the first drawings with this generator */
let times = [];
/** @type {Promise<void>} */
let turn = Promise.resolve();

/** Whether a generator can be drawn with right now. */
export function paints() {
  return held !== null;
}

/**
 * Draw with a generator from now on: its file's bytes, its input's shape, where runtimes lie.
 * @param {Job & { bytes: ArrayBuffer }} job
 */
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

/**
 * { pixels, width, height } from styles.
 * @type {(styles: Float32Array, patient: boolean) => Promise<Drawn>}
 */
export async function draw(styles, patient) {
  const [by, job] = [painter, held];
  if (!by || !job) throw new Error("There is no generator to draw with.");
  try {
    const drawn = await by.draw(styles, job.shape, patient);
    if (held === job) time({ ...drawn, styles, shape: job.shape });
    return drawn;
  } catch (error) {
    if (held !== job) throw error; // it was meant for the generator before
    if (painter && painter !== by) return painter.draw(styles, job.shape, patient);
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

/**
 * One after the other, so that nobody is replaced while learning a generator.
 * @param {() => Promise<void>} work
 */
function inTurn(work) {
  turn = turn.catch(() => {}).then(work);
  return turn;
}

/** @returns {Promise<Engine>} */
async function first() {
  if (outcome() !== "won") return "wasm";
  timed = true;
  if (await hasGpu()) return "webgpu";
  gpu = false;
  return "wasm";
}

/**
 * WebGPU failed: back to WebAssembly for this visit. The next one may compare them anew.
 * @param {Job} job
 */
async function withoutGpu(job) {
  painter?.stop();
  remember(null);
  gpu = false;
  painter = new Painter("wasm", job.local);
  await painter.load(bytesOf(job));
}

/** @param {Job} job */
async function replace(job) {
  if (painter?.engine !== "webgpu") return;
  await withoutGpu(job);
  held = job;
}

/** @param {Drawing} drawn */
function time(drawn) {
  if (!held || !gpu || timed || times.length >= ENOUGH) return;
  times.push(drawn.milliseconds);
  if (!slow(times)) return;
  timed = true;
  // A copy, as the picture is its painter's to give away.
  compare({ ...drawn, pixels: drawn.pixels.slice() }, held, times);
}

/**
 * Let WebGPU draw the same picture, in the background, and take over if it does so faster.
 * @type {(picture: Drawing, job: Job, before: number[]) => Promise<void>}
 */
async function compare(picture, job, before) {
  if (await hasGpu()) {
    const challenger = new Painter("webgpu", job.local);
    if (await wins(challenger, picture, job, before)) return;
    challenger.stop();
  }
  gpu = false;
  if (held) held.bytes = null; // nobody else will need them
}

/** @type {(challenger: Painter, picture: Drawing, job: Job, before: number[]) => Promise<boolean>} */
async function wins(challenger, picture, job, before) {
  try {
    await challenger.begun; // failing here says nothing about the graphics card
    const won = await challenger.load(bytesOf(job), { keep: true })
      .then(() => beats(challenger, picture, before))
      .catch(() => false);
    remember(won ? "won" : "lost");
    if (won) await inTurn(() => takeOver(challenger, job));
    return won;
  } catch {
    return false;
  }
}

/** @type {(challenger: Painter, job: Job) => Promise<void>} */
async function takeOver(challenger, job) {
  if (held !== job) await challenger.load(bytesOf(held), { keep: true }); // another generator by now
  painter?.stop();
  painter = challenger;
}

/** @param {Job | null} job */
function bytesOf(job) {
  if (!job?.bytes) throw new Error("There is no generator to learn.");
  return job.bytes;
}
