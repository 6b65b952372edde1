// Drift: the design wanders smoothly from one to the next until it is stopped. Every step on the way
// is a design, so wherever it stops can be kept, undone and shared.

import { fresh, randomSeed, wishOf } from "./design.js";
import { prepare } from "./network.js";
import { easelDesign, generatorFor, move, on, settle, state } from "./store.js";

/** @import { Design } from "./types.d.ts" */
/** @typedef {{ from: Design, to: Design, start: number }} Leg */

const LEG = 5000; // ms from one design to the next
const DEEPEST = 4; // blends of blends; a design may have two more

/** @param {HTMLButtonElement} button */
export function mountDrift(button) {
  // Who asked for less motion gets none that goes on by itself.
  button.hidden = matchMedia("(prefers-reduced-motion: reduce)").matches;
  /** @type {Leg | null} */
  let leg = null;
  /** @type {Design | null} what this has moved to last */
  let shown = null;

  const stop = () => {
    if (!leg) return;
    leg = null;
    button.textContent = "Drift";
    button.setAttribute("aria-pressed", "false");
    if (state.design === shown) settle();
  };

  /** @param {number} now */
  const step = (now) => {
    if (!leg || !shown) return;
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
    shown = easelDesign();
    leg = next(depth(shown) < DEEPEST ? shown : fresh(generatorFor(shown), randomSeed(), wishOf(shown)));
    button.textContent = "Stop";
    button.setAttribute("aria-pressed", "true");
    requestAnimationFrame(step);
  });
  on("settled", () => leg && state.design !== shown && stop());
}

/**
 * The way from a design to a random one of the same kind, its sliders as they are.
 * @type {(from: Design) => Leg}
 */
function next(from) {
  /** @type {Partial<Design>} */
  const set = from.blend ? {} : from;
  const { truncation, directions, dimensions } = set;
  const sliders = Object.fromEntries(
    Object.entries({ truncation, directions, dimensions }).filter(([, value]) => value !== undefined),
  );
  const to = { ...fresh(generatorFor(from), randomSeed(), wishOf(from)), ...sliders };
  prepare({ generator: to.generator, seed: 0, blend: [from, to, 0.5] });
  return { from, to, start: performance.now() };
}

/** @type {(design: Design) => number} */
function depth(design) {
  return design.blend ? 1 + Math.max(depth(design.blend[0]), depth(design.blend[1])) : 0;
}
