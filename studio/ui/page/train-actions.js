// What can be asked for about a run: to stop, save, draw, go on, and to be opened in Explore.

import { call } from "./api.js";
import { attempt, notice } from "./notice.js";
import { generatorOf, openTab, reloadGenerators, sliders, start, state } from "./store.js";
import { isActive, receiveRun, refreshHome, watchRun } from "./training-store.js";

/** @import { Request, Run } from "./types.d.ts" */

// What happened, said when a wish was granted.
const DONE = {
  stop: "It stops and saves. Resume goes on where it was.",
  save: "It saves now.",
  sample: "It draws now; the designs are here in a moment.",
  resume: "It goes on where it was.",
};
const LEFT_QUEUE = "It leaves the queue. Resume puts it back at the end.";

/**
 * Ask for something about a run, and say that it is under way.
 * @type {(run: Run, what: Request) => Promise<void>}
 */
export async function askRun(run, what) {
  const waited = run.state === "waiting";
  receiveRun(await call("training_ask", run.id, what));
  notice(waited && what === "stop" ? LEFT_QUEUE : DONE[what]);
  if (what !== "resume") return;
  await watchRun(run.id);
  await refreshHome();
}

/** @type {WeakSet<HTMLButtonElement>} whose action is under way */
const atWork = new WeakSet();

/**
 * Have a button rest while its action is under way; a failure is said.
 * @type {(element: HTMLButtonElement, action: () => unknown) => Promise<void>}
 */
export async function busy(element, action) {
  atWork.add(element);
  element.disabled = true;
  try {
    await attempt(action);
  } finally {
    atWork.delete(element);
    element.disabled = false;
  }
}

/** @param {HTMLButtonElement} element */
export function isBusy(element) {
  return atWork.has(element);
}

/**
 * Have what a run has learnt so far opened in Explore, while it trains too.
 * @param {Run} run
 */
export async function openInExplore(run) {
  if (isActive(run)) notice("It writes down what it has learnt so far…");
  const { generator } = await call("training_open", run.id);
  await reloadGenerators();
  const found = generatorOf(generator);
  if (!found) throw new Error("What it has learnt can't be opened yet. Try again in a moment.");
  // Finding its sliders may take seconds, in which Explore would show what was there before.
  await sliders(generator);
  // A design of it that is on the easel already stays, drawn with what it has learnt since.
  if (state.design?.generator !== generator) start(found);
  openTab("explore");
  notice(isActive(run)
    ? `${run.title}, as far as it has learnt. Open it again later to see more.`
    : `${run.title} is among your generators.`);
}
