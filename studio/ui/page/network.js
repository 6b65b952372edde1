// Generators that run in the page. The first pictures come from the studio; meanwhile the runtime
// and the generator's weights are loaded, checked and handed to a painter. From then on a design
// whose leaves are known is drawn here, and the hand gets its picture without a network in between.
// Photos are drawn by the studio only: their pictures have more than the styles that are drawn from.

import { Refusal, call } from "./api.js";
import { key, ofPhoto } from "./design.js";
import { notice } from "./notice.js";
import * as painters from "./painters.js";
import { leavesOf, placeOf } from "./place.js";
import { weightsOf } from "./store.js";

/** @import { Design, Form, NetworkFile, Place, SliderVectors } from "./types.d.ts" */

const LEAVES_KEPT = 600;
const root = window.gradio_config.root;
const saving = Boolean(navigator.connection?.saveData); // then megabytes are not to be loaded

let broken = saving; // nothing can be drawn here
/** @type {string | null} which weights are to be drawn with */
let wanted = null;
/** @type {{ weights: string, sliders: SliderVectors, form: Form } | null} what is drawn with */
let ready = null;
/** @type {Map<string, Place | Promise<Place>>} weights and leaf -> place; oldest first */
const leaves = new Map();
/** @type {Set<string>} weights that can't be drawn with here */
const refused = new Set();

/** Why a generator can't be drawn with: a sentence to say of it or "", and whether that is final. */
class Trouble extends Error {
  /**
   * @param {string} sentence
   * @param {boolean} final
   */
  constructor(sentence, final) {
    super(sentence);
    this.final = final;
  }
}

/**
 * Whether a design can be drawn here right now, without asking anybody.
 * @param {Design} design
 */
export function drawsHere(design) {
  const placed = (/** @type {Design} */ leaf) => "styles" in (leaves.get(nameOf(leaf)) ?? {});
  return ready !== null && painters.paints() && ready.weights === weightsOf(design.generator)
    && !ofPhoto(design) && leavesOf(design, ready.sliders.linear).every(placed);
}

/**
 * The picture of a design that `drawsHere`, as ImageData; a patient one lets the hand's go first.
 * @param {Design} design
 */
export async function drawHere(design, { patient = false } = {}) {
  if (!ready) throw new Error("Nothing is drawn here.");
  const placed = (/** @type {Design} */ leaf) => /** @type {Place} */ (leaves.get(nameOf(leaf)));
  const place = placeOf(design, placed, ready.sliders);
  const { pixels, width, height } = await painters.draw(place.styles, patient);
  return new ImageData(pixels, width, height);
}

/**
 * Get ready to draw a design here, if that is not so yet; quietly, as it goes without. Called when
 * its picture is there, so that it never delays the first one.
 * @param {Design} design
 */
export async function prepare(design) {
  const weights = weightsOf(design.generator);
  if (broken || refused.has(weights) || ofPhoto(design)) return;
  wanted = weights;
  try {
    if (ready?.weights !== weights) await load(design.generator, weights);
    if (ready?.weights === weights) await placeLeaves(design, ready);
  } catch (error) {
    // The next design may ask again where it was only the studio that did not answer.
    if (!(error instanceof Trouble)) return;
    if (error.final) refused.add(weights);
    if (error.message) notice(error.message);
  }
}

/** @type {Promise<void>} */
let loading = Promise.resolve();

/**
 * One after the other, and only what is still wanted when its turn comes.
 * @type {(name: string, weights: string) => Promise<void>}
 */
function load(name, weights) {
  loading = loading.catch(() => {}).then(async () => {
    if (wanted !== weights || ready?.weights === weights || broken) return;
    const about = await call("network", name).catch((error) => {
      throw new Trouble("", error instanceof Refusal);
    });
    const bytes = await fetched(name, about);
    if (wanted !== weights) return;
    ready = null;
    const { layers, dim, mapped, coarse, linear } = about;
    const shape = mapped ? [1, layers, dim] : [1, dim];
    try {
      await painters.load({ bytes, shape, local: about.runtime && `${root}${about.runtime}` });
    } catch {
      stop();
      throw new Trouble("This browser can't draw by itself, so pictures come from the studio.", false);
    }
    ready = {
      weights,
      sliders: { vectors: floats(about.vectors), coarse, linear },
      form: { layers, dim, mapped },
    };
  });
  return loading;
}

/**
 * The generator's file, if it is whole and the very one that its card names.
 * @type {(name: string, about: NetworkFile) => Promise<ArrayBuffer>}
 */
async function fetched(name, { sha256, bytes }) {
  const response = await fetch(`${root}/studio-page/network/${encodeURIComponent(name)}`);
  const content = response.ok ? await response.arrayBuffer() : new ArrayBuffer(0);
  const found = crypto.subtle ? hex(await crypto.subtle.digest("SHA-256", content)) : sha256;
  if (content.byteLength !== bytes || found !== sha256) {
    const sentence = "This generator's file arrived damaged, so its pictures come from the studio.";
    throw new Trouble(sentence, true);
  }
  return content;
}

/** @type {(design: Design, network: { form: Form, sliders: SliderVectors }) => Promise<void>} */
async function placeLeaves(design, { form, sliders }) {
  const missing = leavesOf(design, sliders.linear).filter((leaf) => !leaves.has(nameOf(leaf)));
  if (missing.length) {
    const answer = call("places", missing);
    missing.forEach((leaf, at) => {
      const name = nameOf(leaf);
      const place = answer.then((places) => ({
        ...form,
        styles: floats(places[at].styles),
        centre: floats(places[at].centre),
        deviation: floats(places[at].deviation),
      }));
      leaves.set(name, place);
      place.then((found) => leaves.set(name, found), () => leaves.delete(name));
    });
    await answer;
  }
  await Promise.all(leavesOf(design, sliders.linear).map((leaf) => leaves.get(nameOf(leaf))));
  while (leaves.size > LEAVES_KEPT) {
    const [oldest] = leaves.keys();
    leaves.delete(oldest);
  }
}

/** @param {Design} leaf */
function nameOf(leaf) {
  return key(leaf) + weightsOf(leaf.generator);
}

/** Give up drawing here: whoever waits gets the studio's picture instead. */
function stop() {
  broken = true;
  ready = null;
  painters.stop();
}

/** @param {string} text */
function floats(text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  return new Float32Array(bytes.buffer);
}

/** @param {ArrayBuffer} buffer */
function hex(buffer) {
  return Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
