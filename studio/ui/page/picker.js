// The generator picker: a button that shows the chosen one, and a list with previews.

import { previewUrl } from "./api.js";
import { inside, partsOf } from "./elements.js";
import { generatorFor, generatorOf, on, start, state } from "./store.js";

/** @import { Design, Generator } from "./types.d.ts" */

// Layout of preview.jpg: see PREVIEW_COLUMNS, SHEET_PIXELS and sheet() on the Python side.
const COLUMNS = 8, TILE = 64, GAP = 2;

/** @param {HTMLElement} picker */
export function mountPicker(picker) {
  const part = partsOf(picker);
  const button = part("picker-button");
  const list = part("picker-list");
  /** @type {HTMLButtonElement[]} */
  let options = [];

  /** @param {boolean} wanted */
  const open = (wanted) => {
    list.hidden = !wanted;
    button.setAttribute("aria-expanded", String(wanted));
    const chosen = options.find((each) => each.getAttribute("aria-selected") === "true");
    if (wanted) (chosen ?? options[0])?.focus();
  };
  button.addEventListener("click", () => open(Boolean(list.hidden)));
  document.addEventListener("click", ({ target }) => {
    if (!(target instanceof Node && picker.contains(target))) open(false);
  });
  list.addEventListener("click", ({ target }) => {
    const chosen = options.find((each) => target instanceof Node && each.contains(target));
    if (!chosen) return;
    open(false);
    button.focus();
    const generator = generatorOf(chosen.dataset.name);
    if (generator && generator.name !== state.design?.generator) start(generator);
  });
  list.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      options[options.findIndex((each) => each === document.activeElement) + step]?.focus();
    } else if (event.key === "Escape") {
      open(false);
      button.focus();
    }
  });

  const offer = () => {
    const focused = options.find((each) => each === document.activeElement)?.dataset.name;
    options = state.generators.map(option);
    list.replaceChildren(...options);
    if (focused !== undefined) options.find((each) => each.dataset.name === focused)?.focus();
    if (state.design && generatorOf(state.design.generator)) mark(state.design);
  };

/** @param {Design} design */
  function mark(design) {
    const generator = generatorFor(design);
    for (const each of options) {
      each.setAttribute("aria-selected", String(each.dataset.name === generator.name));
    }
    cover(inside(button, "span"), generator);
    inside(button, "strong").textContent = generator.title;
    inside(button, "small").textContent = summary(generator);
    const limits = part("limits");
    limits.textContent = generator.data.notice ?? "";
    limits.hidden = !generator.data.notice;
  }

  on("generators", offer);
  on("settled", mark);
  offer();
}

/** @param {Generator} generator */
function option(generator) {
  const result = document.createElement("button");
  result.type = "button";
  result.className = "at-option";
  result.setAttribute("role", "option");
  result.dataset.name = generator.name;
  const picture = document.createElement("span");
  picture.className = "at-cover";
  cover(picture, generator);
  const words = document.createElement("span");
  words.className = "at-picker-words";
  const title = document.createElement("strong");
  title.textContent = generator.title;
  const line = document.createElement("small");
  line.textContent = summary(generator);
  words.append(title, line);
  result.append(picture, words);
  return result;
}

/** @param {Generator} generator */
function summary(generator) {
  const { images, kind } = generator.data;
  return [images && `${images.toLocaleString("en")} ${kind ?? "photos"}`, generator.description]
    .filter(Boolean).join(" · ");
}

/**
 * One picture of the preview sheet as a background; the card says which looks best.
 * @type {(element: HTMLElement, generator: Pick<Generator, "name" | "cover" | "fingerprint">) => void}
 */
export function cover(element, generator) {
  const side = 44;
  const scale = side / TILE;
  const pitch = (TILE + GAP) * scale;
  const tile = GAP * scale;
  const [row, column] = [Math.floor(generator.cover / COLUMNS), generator.cover % COLUMNS];
  // The mark has a sheet that the browser kept from before a training asked for anew.
  element.style.backgroundImage = `url("${previewUrl(generator.name)}?${generator.fingerprint}")`;
  element.style.backgroundSize = `${COLUMNS * pitch + tile}px auto`;
  element.style.backgroundPosition = `${-(tile + column * pitch)}px ${-(tile + row * pitch)}px`;
}
