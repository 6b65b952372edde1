// On ZeroGPU a training gets the GPU for a short slice at a time, and only while someone asks for
// the next one: the page that watches it does.

import { call } from "./api.js";
import { messageOf } from "./notice.js";
import { make } from "./elements.js";
import { on } from "./store.js";
import { isActive, receiveRun, training } from "./training-store.js";

const AGAIN = 20_000; // ms after a slice that was refused: the allowance may be used up

/** @param {HTMLElement} side */
export function mountSlices(side) {
  const words = make("p", "at-slices");
  words.hidden = true;
  side.append(words);
  let busy = false;
  /** @type {number | undefined} */
  let timer;

  /** The run that waits for a slice, if there is one. */
  const due = () => {
    const { home, run } = training;
    const lent = home?.allowed === "yes" && home.hosted === "zero-gpu";
    return lent && run?.where === "here" && isActive(run) ? run : null;
  };

  async function slice() {
    const run = due();
    if (busy || !run) return;
    busy = true;
    clearTimeout(timer);
    let rest = 0;
    try {
      receiveRun(await call("training_slice", run.id));
      words.dataset.refused = "";
    } catch (error) {
      words.dataset.refused = `${messageOf(error)} The page tries again by itself.`;
      rest = AGAIN;
    }
    busy = false;
    say();
    timer = setTimeout(slice, rest);
  }

  function say() {
    words.hidden = !due();
    words.textContent = words.dataset.refused
      || "Keep this page open: the GPU is lent for a minute at a time, and this page asks for the next.";
  }

  on("training-run", () => {
    say();
    // Not while a refusal is being waited out.
    if (!words.dataset.refused) slice();
  });
}
