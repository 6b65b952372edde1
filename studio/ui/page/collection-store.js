// The collection: a list of {id, name, design} in the visitor's browser, the same in all its tabs.

import { same } from "./design.js";
import { notice } from "./notice.js";
import { generatorOf, state, tell } from "./store.js";

/** @import { Design, Kept } from "./types.d.ts" */

const MOST = 500; // as studio/ui/api.py allows in one download
const others = new BroadcastChannel("atelier-collection");
/** @type {(kept: Kept[]) => void} */
let write = () => {};

others.addEventListener("message", ({ data }) => receive(data));

/**
 * Told once by the shelf how to write the list to the browser's storage.
 * @param {(kept: Kept[]) => void} writer
 */
export function writeWith(writer) {
  write = writer;
}

/**
 * Take over the list as storage or another tab of the browser has it.
 * @param {unknown} kept
 */
export function receive(kept) {
  state.kept = Array.isArray(kept) ? kept.filter(whole) : [];
  tell("kept", state.kept);
}

/**
 * Whether an entry of what was stored can be shown.
 * @param {any} entry
 * @returns {entry is Kept}
 */
function whole(entry) {
  const { id, name, design } = entry ?? {};
  return [id, name, design?.generator].every((each) => typeof each === "string");
}

/** @param {Kept[]} kept */
function change(kept) {
  receive(kept);
  write(kept);
  others.postMessage(kept);
}

/** @param {Design} design */
export function keep(design) {
  const { kept } = state;
  if (kept === null) return;
  if (kept.some((each) => same(each.design, design))) {
    return notice("This design is in your collection already.");
  }
  if (kept.length >= MOST) {
    return notice(`Your collection holds ${MOST} designs; remove some to keep more.`);
  }
  const id = `${Date.now()}-${Math.floor(Math.random() * 1e9)}`;
  change([...kept, { id, name: nextName(kept, design), design }]);
  notice("Kept in your collection.");
}

/** @type {(kept: Kept[], design: Design) => string} */
function nextName(kept, design) {
  const title = generatorOf(design.generator)?.title ?? design.generator;
  const taken = new Set(kept.map((each) => each.name));
  let count = 1;
  while (taken.has(`${title} ${count}`)) count += 1;
  return `${title} ${count}`;
}

/** @type {(id: string, name: string) => void} */
export function rename(id, name) {
  if (state.kept) change(state.kept.map((each) => (each.id === id ? { ...each, name } : each)));
}

/** @param {string} id */
export function remove(id) {
  const before = state.kept ?? [];
  const gone = before.find((each) => each.id === id);
  if (!gone) return;
  change(before.filter((each) => each.id !== id));
  notice(`Removed ${gone.name}.`, { label: "Undo", run: () => change(before) });
}
