// What this visitor is doing: the generators, the design on the easel and its history, the
// collection, the two designs to blend. It lives in the page; the server knows nothing of it.

import { call } from "./api.js";
import { fresh, same, wishOf } from "./design.js";
import { notice } from "./notice.js";

/** @import { Blend, Design, Events, Generator, Sliders, State } from "./types.d.ts" */

const HISTORY = 200;
const SESSION = "atelier-easel";
const events = new EventTarget();

/** @type {State} */
export const state = {
  generators: [],
  design: null,
  moving: null, // what was there before a hand began to move
  past: [],
  future: [],
  kept: null, // unknown until the browser's storage was read
  blend: { first: null, second: null, amount: 0.5, surface: null }, // null: goes with the shape
};

/**
 * Call `listener` whenever the part called `name` changes: design, settled, generators, kept, …
 * @template {keyof Events} Name
 * @param {Name} name
 * @param {(detail: Events[Name]) => void} listener
 */
export function on(name, listener) {
  events.addEventListener(name, (event) => listener(/** @type {CustomEvent} */ (event).detail));
}

/**
 * A promise of the next time that the part called `name` changes.
 * @param {keyof Events} name
 */
export function next(name) {
  return new Promise((resolve) => events.addEventListener(name, resolve, { once: true }));
}

/**
 * @template {keyof Events} Name
 * @param {Name} name
 * @param {Events[Name]} detail
 */
export function tell(name, detail) {
  events.dispatchEvent(new CustomEvent(name, { detail }));
}

/** @type {Promise<Generator[]> | undefined} */
let loading;
/** The list of generators, asked for once for all parts of the page. */
export function generators() {
  loading ??= call("generators").then((list) => (state.generators = list));
  return loading;
}

/** @type {Promise<void>} */
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
  /** @type {(design: Design) => boolean} */
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
  } else if (state.design && weightsOf(state.design.generator) !== shown) {
    tell("design", state.design);
    tell("settled", state.design);
  }
  const { first } = state.blend;
  if (first && here(first)) setBlend({});
  else if (first && state.design) setBlend({ first: state.design, second: state.design });
  if (state.kept) tell("kept", state.kept);
}

/** @param {string | undefined} name */
export function generatorOf(name) {
  return state.generators.find((each) => each.name === name);
}

/**
 * The generator of a design, where it must be here.
 * @param {Pick<Design, "generator">} design
 */
export function generatorFor(design) {
  const found = generatorOf(design.generator);
  if (!found) throw new Error(gone(design));
  return found;
}

/** The design on the easel, where there must be one. */
export function easelDesign() {
  if (!state.design) throw new Error("There is no design yet.");
  return state.design;
}

/** The two designs to blend, once there are some. */
export function chosenBlend() {
  return /** @type {Blend} */ (state.blend);
}

/**
 * Which weights a generator has: the same name and mark, the same pictures.
 * @param {string | undefined} name
 */
export function weightsOf(name) {
  return `${name} ${generatorOf(name)?.fingerprint}`;
}

/** @type {Map<string, Promise<Sliders>>} */
const sliderLists = new Map();
/**
 * The sliders of a generator; the first call opens it on the server.
 * @param {string} name
 */
export function sliders(name) {
  const weights = weightsOf(name);
  let promise = sliderLists.get(weights);
  if (!promise) {
    promise = call("sliders", name);
    promise.catch(() => sliderLists.delete(weights));
    sliderLists.set(weights, promise);
  }
  return promise;
}

/**
 * Show a design while a hand still moves; `settle` makes it a step of the history.
 * @param {Design} design
 */
export function move(design) {
  state.moving ??= state.design;
  state.design = design;
  tell("design", design);
}

/** Put a design on the easel, as a step that can be undone. */
export function settle(design = easelDesign()) {
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
  const before = state.past.pop();
  if (!before) return;
  state.future.push(easelDesign());
  set(before);
}

export function redo() {
  const after = state.future.pop();
  if (!after) return;
  state.past.push(easelDesign());
  set(after);
}

/** @param {Design} design */
function set(design) {
  state.moving = null;
  state.design = design;
  sessionStorage.setItem(SESSION, JSON.stringify(design));
  tell("design", design);
  tell("settled", design);
}

/**
 * The design that was on the easel before a reload, if its generator is still here.
 * @returns {Design | null}
 */
export function lastDesign() {
  try {
    const design = JSON.parse(sessionStorage.getItem(SESSION) ?? "null");
    return design && generatorOf(design.generator) ? design : null;
  } catch {
    return null;
  }
}

/**
 * Start on a generator: the design its card puts first.
 * @param {Generator} generator
 */
export function start(generator) {
  settle(fresh(generator, generator.first, { text: generator.examples[0] }));
}

/**
 * The design of another seed, of the generator and what is asked of it on the easel.
 * @param {number} seed
 */
export function another(seed) {
  const design = easelDesign();
  return fresh(generatorFor(design), seed, wishOf(design));
}

/** @param {Partial<Blend>} changes */
export function setBlend(changes) {
  const { first } = state.blend;
  // Another generator may not be able to blend them apart.
  const other = changes.first && changes.first.generator !== first?.generator;
  state.blend = { ...state.blend, ...(other && { surface: null }), ...changes };
  tell("blend", chosenBlend());
}

/**
 * Whether a kept or sent design can be worked with: its generator may be gone. Says so if not.
 * @param {Design} design
 */
export function usable(design) {
  if (generatorOf(design.generator)) return true;
  notice(gone(design));
  return false;
}

/** @param {Pick<Design, "generator">} design */
function gone({ generator }) {
  return `The generator ${generator} of this design is not here. If it was added just now, reload the page.`;
}

/**
 * Put a kept or sent design on the easel and show it; false when its generator is not here.
 * @param {Design} design
 */
export function openDesign(design) {
  if (!usable(design)) return false;
  settle(design);
  openTab("explore");
  return true;
}

/**
 * Select a tab of the page by its id.
 * @param {string} id
 */
export function openTab(id) {
  document.getElementById(`${id}-button`)?.click();
}
