// The generator picker: a button that shows the chosen one, and a list with previews.

import { previewUrl } from "./api.js";
import { on, start, state, generatorOf } from "./store.js";

// Layout of preview.jpg: see PREVIEW_COLUMNS, SHEET_PIXELS and sheet() on the Python side.
const COLUMNS = 8, TILE = 64, GAP = 2;

export function mountPicker(picker) {
  const button = picker.querySelector(".at-picker-button");
  const list = picker.querySelector(".at-picker-list");
  let options = [];

  const open = (wanted) => {
    list.hidden = !wanted;
    button.setAttribute("aria-expanded", wanted);
    if (wanted) (list.querySelector("[aria-selected=true]") ?? options[0]).focus();
  };
  button.addEventListener("click", () => open(list.hidden));
  document.addEventListener("click", (event) => picker.contains(event.target) || open(false));
  list.addEventListener("click", (event) => {
    const chosen = event.target.closest("[role=option]");
    if (!chosen) return;
    open(false);
    button.focus();
    if (chosen.dataset.name !== state.design?.generator) start(generatorOf(chosen.dataset.name));
  });
  list.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      options[options.indexOf(document.activeElement) + step]?.focus();
    } else if (event.key === "Escape") {
      open(false);
      button.focus();
    }
  });

  const offer = () => {
    const focused = list.contains(document.activeElement) && document.activeElement.dataset.name;
    options = state.generators.map(option);
    list.replaceChildren(...options);
    options.find((each) => each.dataset.name === focused)?.focus();
    if (state.design && generatorOf(state.design.generator)) mark(state.design);
  };

  function mark(design) {
    const generator = generatorOf(design.generator);
    for (const each of options) each.setAttribute("aria-selected", each.dataset.name === generator.name);
    cover(button.querySelector(".at-cover"), generator);
    button.querySelector("strong").textContent = generator.title;
    button.querySelector("small").textContent = summary(generator);
    const limits = picker.querySelector(".at-limits");
    limits.textContent = generator.data.notice ?? "";
    limits.hidden = !generator.data.notice;
  }

  on("generators", offer);
  on("settled", mark);
  offer();
}

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

function summary(generator) {
  const { images, kind } = generator.data;
  return [images && `${images.toLocaleString("en")} ${kind ?? "photos"}`, generator.description]
    .filter(Boolean).join(" · ");
}

/** One picture of the preview sheet as a background; the card says which looks best. */
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
