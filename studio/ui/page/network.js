// Generators that run in the page. The first pictures come from the studio; meanwhile the runtime
// and the generator's weights are loaded, checked and handed to a painter. From then on a design
// whose leaves are known is drawn here, and the hand gets its picture without a network in between.

import { call } from "./api.js";
import { key } from "./design.js";
import { notice } from "./notice.js";
import * as painters from "./painters.js";
import { leavesOf, placeOf } from "./place.js";
import { weightsOf } from "./store.js";

const LEAVES_KEPT = 600;
const root = window.gradio_config.root;
const saving = Boolean(navigator.connection?.saveData); // then megabytes are not to be loaded

let broken = saving; // nothing can be drawn here
let wanted = null; // which weights are to be drawn with
let ready = null; // { weights, sliders, form } of the generator that is drawn with
const leaves = new Map(); // weights and leaf -> place, or the promise of one; oldest first
const refused = new Set(); // weights that can't be drawn with here

/** Whether a design can be drawn here right now, without asking anybody. */
export function drawsHere(design) {
  return Boolean(ready) && painters.paints() && ready.weights === weightsOf(design.generator)
    && leavesOf(design).every((leaf) => leaves.get(nameOf(leaf))?.styles);
}

/** The picture of a design that `drawsHere`, as ImageData; a patient one lets the hand's go first. */
export async function drawHere(design, { patient = false } = {}) {
  const place = placeOf(design, (leaf) => leaves.get(nameOf(leaf)), ready.sliders);
  const { pixels, width, height } = await painters.draw(place.styles, patient);
  return new ImageData(pixels, width, height);
}

/**
 * Get ready to draw a design here, if that is not so yet; quietly, as it goes without. Called when
 * its picture is there, so that it never delays the first one.
 */
export async function prepare(design) {
  const weights = weightsOf(design.generator);
  if (broken || refused.has(weights)) return;
  wanted = weights;
  try {
    if (ready?.weights !== weights) await load(design.generator, weights);
    if (ready?.weights === weights) await placeLeaves(design);
  } catch (error) {
    // The next design may ask again where it was only the studio that did not answer.
    if (error.final) refused.add(weights);
    if (error.sentence) notice(error.sentence);
  }
}

let loading = Promise.resolve();

/** One after the other, and only what is still wanted when its turn comes. */
function load(name, weights) {
  loading = loading.catch(() => {}).then(async () => {
    if (wanted !== weights || ready?.weights === weights || broken) return;
    const about = await call("network", name).catch((error) => {
      throw Object.assign(error, { final: error.refused });
    });
    const bytes = await fetched(name, about);
    if (wanted !== weights) return;
    ready = null;
    const { layers, dim, mapped, coarse } = about;
    const shape = mapped ? [1, layers, dim] : [1, dim];
    try {
      await painters.load({ bytes, shape, local: about.runtime && `${root}${about.runtime}` });
    } catch (error) {
      stop();
      throw Object.assign(error, {
        sentence: "This browser can't draw by itself, so pictures come from the studio.",
      });
    }
    ready = {
      weights,
      sliders: { vectors: floats(about.vectors), coarse },
      form: { layers, dim, mapped },
    };
  });
  return loading;
}

/** The generator's file, if it is whole and the very one that its card names. */
async function fetched(name, { sha256, bytes }) {
  const response = await fetch(`${root}/studio-page/network/${encodeURIComponent(name)}`);
  const content = response.ok ? await response.arrayBuffer() : new ArrayBuffer(0);
  const found = crypto.subtle ? hex(await crypto.subtle.digest("SHA-256", content)) : sha256;
  if (content.byteLength !== bytes || found !== sha256) {
    throw Object.assign(new Error("The generator's file is damaged."), {
      final: true,
      sentence: "This generator's file arrived damaged, so its pictures come from the studio.",
    });
  }
  return content;
}

async function placeLeaves(design) {
  const missing = leavesOf(design).filter((leaf) => !leaves.has(nameOf(leaf)));
  if (missing.length) {
    const { form } = ready;
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
  await Promise.all(leavesOf(design).map((leaf) => leaves.get(nameOf(leaf))));
  while (leaves.size > LEAVES_KEPT) leaves.delete(leaves.keys().next().value);
}

function nameOf(leaf) {
  return key(leaf) + weightsOf(leaf.generator);
}

/** Give up drawing here: whoever waits gets the studio's picture instead. */
function stop() {
  broken = true;
  ready = null;
  painters.stop();
}

function floats(text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  return new Float32Array(bytes.buffer);
}

function hex(buffer) {
  return Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
