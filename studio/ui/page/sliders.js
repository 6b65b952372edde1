// The sliders of Explore: the generator's strongest directions with pictures of both ends, how
// adventurous, the design's number, and every fine control.

import { MAX_SEED, moved, offset, truncated } from "./design.js";
import { pictureSlider } from "./elements.js";
import { notice } from "./notice.js";
import { another, move, on, settle, sliders, state, weightsOf } from "./store.js";

const REACH = 3; // standard deviations at a slider's end
const FINE = 128; // fine controls at once: nobody goes through hundreds, and the page stays swift
const ENDS_DELAY = 120; // ms of rest before the end pictures are drawn anew

export function mountSliders(element) {
  const part = (selector) => element.querySelector(selector);
  let built = null; // which generator's, with which weights
  let rows = [];
  let dimensions = 0; // how many fine controls there are

  async function build(name) {
    const weights = weightsOf(name);
    built = weights;
    rows = [];
    part(".at-sliders").replaceChildren();
    part(".at-fine").replaceChildren();
    part(".at-more-fine").hidden = true;
    const found = await sliders(name).catch((error) => notice(error.message));
    if (!found || built !== weights) return;
    rows = found.directions.map((ends, index) => directionSlider(ends, index));
    part(".at-sliders").replaceChildren(...rows.map((each) => each.row));
    part(".at-fine-hint").textContent =
      `${found.dimensions} fine controls. Each shifts the design a little, in its own way.`;
    dimensions = found.dimensions;
    moreFine();
    drawEnds();
  }

  function moreFine() {
    const fine = part(".at-fine");
    const here = fine.children.length;
    const more = Math.min(FINE, dimensions - here);
    fine.append(...Array.from({ length: more }, (_, at) => fineSlider(here + at)));
    part(".at-more-fine").hidden = here + more === dimensions;
    follow(state.design);
  }
  part(".at-more-fine").addEventListener("click", moreFine);

  function follow(design) {
    rows.forEach(({ range }, index) => set(range, offset(design, "directions", index)));
    for (const range of part(".at-fine").querySelectorAll("input")) {
      set(range, offset(design, "dimensions", Number(range.dataset.index)));
    }
    set(part("#at-adventure"), design.truncation ?? 1);
    set(part(".at-seed"), design.blend ? "" : design.seed);
  }

  let resting;
  function drawEnds() {
    clearTimeout(resting);
    resting = setTimeout(() => {
      rows.forEach(({ ends }, index) => {
        ends.forEach((end, at) => {
          end.show(moved(state.design, "directions", index, at ? REACH : -REACH));
        });
      });
    }, ENDS_DELAY);
  }

  on("settled", (design) => {
    if (weightsOf(design.generator) !== built) build(design.generator);
    follow(design);
    drawEnds();
  });

  const adventure = part("#at-adventure");
  adventure.addEventListener("input", () => move(truncated(state.design, Number(adventure.value))));
  adventure.addEventListener("change", () => settle());

  const number = part(".at-seed");
  number.addEventListener("change", () => {
    const seed = Number(number.value);
    if (number.value === "" || !Number.isInteger(seed) || seed < 0 || seed > MAX_SEED) {
      notice(`A design number is a whole number from 0 to ${MAX_SEED.toLocaleString("en")}.`);
      return follow(state.design);
    }
    settle(another(seed));
  });
}

function set(input, value) {
  // The slider under the hand stays where the hand is.
  if (input.value !== String(value)) input.value = value;
}

function directionSlider(ends, index) {
  return pictureSlider(ends, {
    reach: REACH,
    onMove: (value) => move(moved(state.design, "directions", index, value)),
    onSettle: () => settle(),
  });
}

function fineSlider(index) {
  const label = document.createElement("label");
  const range = document.createElement("input");
  Object.assign(range, { type: "range", min: -REACH, max: REACH, step: 0.05, value: 0 });
  range.dataset.index = index;
  range.setAttribute("aria-label", `Fine control ${index + 1}`);
  range.addEventListener("input", () => {
    move(moved(state.design, "dimensions", index, Number(range.value)));
  });
  range.addEventListener("change", () => settle());
  label.append(String(index + 1), range);
  return label;
}
