// On ZeroGPU a training gets the GPU for a short slice at a time, and only while someone asks for
// the next one: the page that watches it does.

import { call } from "./api.js";
import { make } from "./elements.js";
import { on } from "./store.js";
import { isActive, receiveRun, training } from "./training-store.js";

const AGAIN = 20_000; // ms after a slice that was refused: the allowance may be used up

export function mountSlices(side) {
  const words = make("p", "at-slices");
  words.hidden = true;
  side.append(words);
  let busy = false;
  let timer;

  const due = () => training.home?.hosted === "zero-gpu" && isActive(training.run)
    && training.run.where === "here";

  async function slice() {
    if (busy || !due()) return;
    busy = true;
    clearTimeout(timer);
    let rest = 0;
    try {
      receiveRun(await call("training_slice", training.run.id));
      words.dataset.refused = "";
    } catch (error) {
      words.dataset.refused = `${error.message} The page tries again by itself.`;
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
