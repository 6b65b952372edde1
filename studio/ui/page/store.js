// What this visitor is doing: the generators, the design on the easel and its history, the
// collection, the two designs to blend. It lives in the page; the server knows nothing of it.

import { call } from "./api.js";
import { fresh, same, wishOf } from "./design.js";
import { notice } from "./notice.js";

const HISTORY = 200;
const SESSION = "atelier-easel";
const events = new EventTarget();

export const state = {
  generators: [],
  design: null,
  past: [],
  future: [],
  kept: null, // unknown until the browser's storage was read
  blend: { first: null, second: null, amount: 0.5, surface: null }, // null: goes with the shape
};

/** Call `listener` whenever the part called `name` changes: design, settled, generators, kept, … */
export function on(name, listener) {
  events.addEventListener(name, (event) => listener(event.detail));
}

/** A promise of the next time that the part called `name` changes. */
export function next(name) {
  return new Promise((resolve) => events.addEventListener(name, resolve, { once: true }));
}

export function tell(name, detail) {
  events.dispatchEvent(new CustomEvent(name, { detail }));
}

let loading;
/** The list of generators, asked for once for all parts of the page. */
export function generators() {
  loading ??= call("generators").then((list) => (state.generators = list));
  return loading;
}

let reloading = Promise.resolve();
/**
 * Ask for the list again: a training makes generators, trains them on, and may be deleted. Tells
 * "generators", and has everything drawn anew that a generator with new weights has drawn.
 */
export function reloadGenerators() {
  // One after the other: an older answer must not replace a newer one.
  reloading = reloading.catch(() => {}).then(readAgain);
  return reloading;
}

async function readAgain() {
  await generators().catch(() => {});
  const all = () => state.generators.map(({ name }) => weightsOf(name)).join();
  const here = (design) => Boolean(generatorOf(design.generator));
  const [before, shown] = [all(), weightsOf(state.design?.generator)];
  const list = await call("generators");
  loading = Promise.resolve((state.generators = list));
  state.past = state.past.filter(here);
  state.future = state.future.filter(here);
  tell("generators", list);
  if (before === all() || !list.length) return;
  if (state.design ? !here(state.design) : !before) {
    set(fresh(list[0], list[0].first, { text: list[0].examples[0] })); // its generator is gone, or these are the first there are
  } else if (weightsOf(state.design?.generator) !== shown) {
    tell("design", state.design);
    tell("settled", state.design);
  }
  const { first } = state.blend;
  if (first) setBlend(here(first) ? {} : { first: state.design, second: state.design });
  if (state.kept) tell("kept", state.kept);
}

export function generatorOf(name) {
  return state.generators.find((each) => each.name === name);
}

/** Which weights a generator has: the same name and mark, the same pictures. */
export function weightsOf(name) {
  return `${name} ${generatorOf(name)?.fingerprint}`;
}

const sliderLists = new Map();
/** The sliders of a generator; the first call opens it on the server. */
export function sliders(name) {
  const weights = weightsOf(name);
  if (!sliderLists.has(weights)) {
    const promise = call("sliders", name);
    promise.catch(() => sliderLists.delete(weights));
    sliderLists.set(weights, promise);
  }
  return sliderLists.get(weights);
}

/** Show a design while a hand still moves; `settle` makes it a step of the history. */
export function move(design) {
  state.moving ??= state.design;
  state.design = design;
  tell("design", design);
}

/** Put a design on the easel, as a step that can be undone. */
export function settle(design = state.design) {
  const before = state.moving ?? state.design;
  state.moving = null;
  if (before && !same(before, design)) {
    state.past.push(before);
    if (state.past.length > HISTORY) state.past.shift();
    state.future = [];
  }
  set(design);
}

export function undo() {
  if (!state.past.length) return;
  state.future.push(state.design);
  set(state.past.pop());
}

export function redo() {
  if (!state.future.length) return;
  state.past.push(state.design);
  set(state.future.pop());
}

function set(design) {
  state.moving = null;
  state.design = design;
  sessionStorage.setItem(SESSION, JSON.stringify(design));
  tell("design", design);
  tell("settled", design);
}

/** The design that was on the easel before a reload, if its generator is still here. */
export function lastDesign() {
  try {
    const design = JSON.parse(sessionStorage.getItem(SESSION));
    return design && generatorOf(design.generator) ? design : null;
  } catch {
    return null;
  }
}

/** Start on a generator: the design its card puts first. */
export function start(generator) {
  settle(fresh(generator, generator.first, { text: generator.examples[0] }));
}

/** The design of another seed, of the generator and what is asked of it on the easel. */
export function another(seed) {
  return fresh(generatorOf(state.design.generator), seed, wishOf(state.design));
}

export function setBlend(changes) {
  const { first } = state.blend;
  // Another generator may not be able to blend them apart.
  const other = changes.first && changes.first.generator !== first?.generator;
  state.blend = { ...state.blend, ...(other && { surface: null }), ...changes };
  tell("blend", state.blend);
}

/** Whether a kept or sent design can be worked with: its generator may be gone. Says so if not. */
export function usable(design) {
  if (generatorOf(design.generator)) return true;
  notice(`The generator ${design.generator} of this design is not here. If it was added just now, reload the page.`);
  return false;
}

/** Put a kept or sent design on the easel and show it; false when its generator is not here. */
export function openDesign(design) {
  if (!usable(design)) return false;
  settle(design);
  openTab("explore");
  return true;
}

/** Select a tab of the page by its id. */
export function openTab(id) {
  document.getElementById(`${id}-button`)?.click();
}
