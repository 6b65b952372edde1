// The sliders of Explore: the generator's strongest directions with pictures of both ends, how
// adventurous, the design's number, and every fine control.

import { fresh, MAX_SEED, moved, offset, truncated } from "./design.js";
import { pictureSlider } from "./elements.js";
import { notice } from "./notice.js";
import { generatorOf, move, on, settle, sliders, state, weightsOf } from "./store.js";

const REACH = 3; // standard deviations at a slider's end
const ENDS_DELAY = 120; // ms of rest before the end pictures are drawn anew

export function mountSliders(element) {
  const part = (selector) => element.querySelector(selector);
  let built = null; // which generator's, with which weights
  let rows = [];

  async function build(name) {
    const weights = weightsOf(name);
    built = weights;
    rows = [];
    part(".at-sliders").replaceChildren();
    part(".at-fine").replaceChildren();
    const found = await sliders(name).catch((error) => notice(error.message));
    if (!found || built !== weights) return;
    rows = found.directions.map((ends, index) => directionSlider(ends, index));
    part(".at-sliders").replaceChildren(...rows.map((each) => each.row));
    part(".at-fine-hint").textContent =
      `${found.dimensions} fine controls. Each shifts the design a little, in its own way.`;
    part(".at-fine").replaceChildren(
      ...Array.from({ length: found.dimensions }, (_, index) => fineSlider(index)),
    );
    follow(state.design);
    drawEnds();
  }

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
    settle(fresh(generatorOf(state.design.generator), seed));
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
