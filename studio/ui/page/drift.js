// Drift: the design wanders smoothly from one to the next until it is stopped. Every step on the way
// is a design, so wherever it stops can be kept, undone and shared.

import { fresh, randomSeed, wishOf } from "./design.js";
import { prepare } from "./network.js";
import { generatorOf, move, on, settle, state } from "./store.js";

const LEG = 5000; // ms from one design to the next
const DEEPEST = 4; // blends of blends; a design may have two more

export function mountDrift(button) {
  // Who asked for less motion gets none that goes on by itself.
  button.hidden = matchMedia("(prefers-reduced-motion: reduce)").matches;
  let leg = null; // { from, to, start }
  let shown = null; // what this has moved to last

  const stop = () => {
    if (!leg) return;
    leg = null;
    button.textContent = "Drift";
    button.setAttribute("aria-pressed", "false");
    if (state.design === shown) settle();
  };

  const step = (now) => {
    if (!leg) return;
    if (state.design !== shown || !button.offsetParent) return stop(); // something else was done
    const share = Math.min(1, (now - leg.start) / LEG);
    const amount = Number((share * share * (3 - 2 * share)).toFixed(4));
    if (share === 1) {
      shown = leg.to;
      leg = next(leg.to);
    } else if (amount > 0) {
      shown = { generator: leg.to.generator, seed: 0, blend: [leg.from, leg.to, amount] };
    }
    if (shown !== state.design) move(shown);
    requestAnimationFrame(step);
  };

  button.addEventListener("click", () => {
    if (leg) return stop();
    shown = state.design;
    leg = next(depth(shown) < DEEPEST ? shown : fresh(generatorOf(shown.generator), randomSeed(), wishOf(shown)));
    button.textContent = "Stop";
    button.setAttribute("aria-pressed", "true");
    requestAnimationFrame(step);
  });
  on("settled", () => leg && state.design !== shown && stop());
}

/** The way from a design to a random one of the same kind, its sliders as they are. */
function next(from) {
  const { truncation, directions, dimensions } = from.blend ? {} : from;
  const sliders = Object.fromEntries(
    Object.entries({ truncation, directions, dimensions }).filter(([, value]) => value !== undefined),
  );
  const to = { ...fresh(generatorOf(from.generator), randomSeed(), wishOf(from)), ...sliders };
  prepare({ generator: to.generator, seed: 0, blend: [from, to, 0.5] });
  return { from, to, start: performance.now() };
}

function depth(design) {
  return design.blend ? 1 + Math.max(...design.blend.slice(0, 2).map(depth)) : 0;
}
