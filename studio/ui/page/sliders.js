// The sliders of Explore: the generator's strongest directions with pictures of both ends, how
// adventurous, the design's number, and every fine control.

import { MAX_SEED, moved, offset, truncated } from "./design.js";
import { partsOf, pictureSlider } from "./elements.js";
import { messageOf, notice } from "./notice.js";
import { another, easelDesign, move, on, settle, sliders, weightsOf } from "./store.js";

/** @import { Design } from "./types.d.ts" */

const REACH = 3; // standard deviations at a slider's end
const FINE = 128; // fine controls at once: nobody goes through hundreds, and the page stays swift
const ENDS_DELAY = 120; // ms of rest before the end pictures are drawn anew

/** @param {HTMLElement} element */
export function mountSliders(element) {
  const part = partsOf(element);
  const adventure = /** @type {HTMLInputElement} */ (element.querySelector("#at-adventure"));
  const number = part("seed");
  let built = ""; // which generator's, with which weights
  /** @type {ReturnType<typeof pictureSlider>[]} */
  let rows = [];
  let dimensions = 0; // how many fine controls there are

  /** @param {string} name */
  async function build(name) {
    const weights = weightsOf(name);
    built = weights;
    rows = [];
    part("sliders").replaceChildren();
    part("fine").replaceChildren();
    part("more-fine").hidden = true;
    const found = await sliders(name).catch((error) => notice(messageOf(error)));
    if (!found || built !== weights) return;
    rows = found.directions.map((ends, index) => directionSlider(ends, index));
    part("sliders").replaceChildren(...rows.map((each) => each.row));
    part("fine-hint").textContent =
      `${found.dimensions} fine controls. Each shifts the design a little, in its own way.`;
    dimensions = found.dimensions;
    moreFine();
    drawEnds();
  }

  function moreFine() {
    const fine = part("fine");
    const here = fine.children.length;
    const more = Math.min(FINE, dimensions - here);
    fine.append(...Array.from({ length: more }, (_, at) => fineSlider(here + at)));
    part("more-fine").hidden = here + more === dimensions;
    follow(easelDesign());
  }
  part("more-fine").addEventListener("click", moreFine);

  /** @param {Design} design */
  function follow(design) {
    rows.forEach(({ range }, index) => set(range, offset(design, "directions", index)));
    for (const range of part("fine").querySelectorAll("input")) {
      set(range, offset(design, "dimensions", Number(range.dataset.index)));
    }
    set(adventure, design.truncation ?? 1);
    // A photo is neither typical nor daring; its relatives may be.
    adventure.disabled = Boolean(design.photo && !design.variations);
    set(number, design.blend || design.photo ? "" : design.seed);
  }

  /** @type {number | undefined} */
  let resting;
  function drawEnds() {
    clearTimeout(resting);
    resting = setTimeout(() => {
      rows.forEach(({ ends }, index) => {
        ends.forEach((end, at) => {
          end.show(moved(easelDesign(), "directions", index, at ? REACH : -REACH));
        });
      });
    }, ENDS_DELAY);
  }

  on("settled", (design) => {
    if (weightsOf(design.generator) !== built) build(design.generator);
    follow(design);
    drawEnds();
  });

  adventure.addEventListener("input", () => move(truncated(easelDesign(), Number(adventure.value))));
  adventure.addEventListener("change", () => settle());

  number.addEventListener("change", () => {
    const seed = Number(number.value);
    if (number.value === "" || !Number.isInteger(seed) || seed < 0 || seed > MAX_SEED) {
      notice(`A design number is a whole number from 0 to ${MAX_SEED.toLocaleString("en")}.`);
      return follow(easelDesign());
    }
    settle(another(seed));
  });
}

/** @type {(input: HTMLInputElement, value: number | string) => void} */
function set(input, value) {
  // The slider under the hand stays where the hand is.
  if (input.value !== String(value)) input.value = String(value);
}

/** @type {(ends: [low: string, high: string], index: number) => ReturnType<typeof pictureSlider>} */
function directionSlider(ends, index) {
  return pictureSlider(ends, {
    reach: REACH,
    onMove: (value) => move(moved(easelDesign(), "directions", index, value)),
    onSettle: () => settle(),
  });
}

/** @param {number} index */
function fineSlider(index) {
  const label = document.createElement("label");
  const range = document.createElement("input");
  Object.assign(range, { type: "range", min: -REACH, max: REACH, step: 0.05, value: 0 });
  range.dataset.index = String(index);
  range.setAttribute("aria-label", `Fine control ${index + 1}`);
  range.addEventListener("input", () => {
    move(moved(easelDesign(), "dimensions", index, Number(range.value)));
  });
  range.addEventListener("change", () => settle());
  label.append(String(index + 1), range);
  return label;
}
