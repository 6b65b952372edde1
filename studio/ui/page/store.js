// What this visitor is doing: the generators, the design on the easel and its history, the
// collection, the two designs to blend. It lives in the page; the server knows nothing of it.

import { call } from "./api.js";
import { fresh, same } from "./design.js";
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
  blend: { first: null, second: null, amount: 0.5 },
};

/** Call `listener` whenever the part called `name` changes: design, settled, kept, blend, status. */
export function on(name, listener) {
  events.addEventListener(name, (event) => listener(event.detail));
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

export function generatorOf(name) {
  return state.generators.find((each) => each.name === name);
}

const sliderLists = new Map();
/** The sliders of a generator; the first call opens it on the server. */
export function sliders(name) {
  if (!sliderLists.has(name)) {
    const promise = call("sliders", name);
    promise.catch(() => sliderLists.delete(name));
    sliderLists.set(name, promise);
  }
  return sliderLists.get(name);
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
  settle(fresh(generator, generator.first));
}

export function setBlend(changes) {
  state.blend = { ...state.blend, ...changes };
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
