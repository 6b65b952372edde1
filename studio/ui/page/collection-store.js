// The collection: a list of {id, name, design} in the visitor's browser, the same in all its tabs.

import { same } from "./design.js";
import { notice } from "./notice.js";
import { generatorOf, state, tell } from "./store.js";

const MOST = 500; // as studio/ui/api.py allows in one download
const others = new BroadcastChannel("atelier-collection");
let write = () => {};

others.addEventListener("message", ({ data }) => receive(data));

/** Told once by the shelf how to write the list to the browser's storage. */
export function writeWith(writer) {
  write = writer;
}

/** Take over the list as storage or another tab of the browser has it. */
export function receive(kept) {
  state.kept = Array.isArray(kept) ? kept.filter(whole) : [];
  tell("kept", state.kept);
}

function whole(entry) {
  const { id, name, design } = entry ?? {};
  return [id, name, design?.generator].every((each) => typeof each === "string");
}

function change(kept) {
  receive(kept);
  write(kept);
  others.postMessage(kept);
}

export function keep(design) {
  if (state.kept === null) return;
  if (state.kept.some((each) => same(each.design, design))) {
    return notice("This design is in your collection already.");
  }
  if (state.kept.length >= MOST) {
    return notice(`Your collection holds ${MOST} designs; remove some to keep more.`);
  }
  const id = `${Date.now()}-${Math.floor(Math.random() * 1e9)}`;
  change([...state.kept, { id, name: nextName(design), design }]);
  notice("Kept in your collection.");
}

function nextName(design) {
  const title = generatorOf(design.generator)?.title ?? design.generator;
  const taken = new Set(state.kept.map((each) => each.name));
  let count = 1;
  while (taken.has(`${title} ${count}`)) count += 1;
  return `${title} ${count}`;
}

export function rename(id, name) {
  change(state.kept.map((each) => (each.id === id ? { ...each, name } : each)));
}

export function remove(id) {
  const before = state.kept;
  const gone = before.find((each) => each.id === id);
  change(before.filter((each) => each.id !== id));
  notice(`Removed ${gone.name}.`, { label: "Undo", run: () => change(before) });
}
