// Small pieces of the page that several parts use.

import { show } from "./tiles.js";

/** @import { Choice, Design, Part, Thumbnail } from "./types.d.ts" */

/**
 * What finds the elements of a part of the page by their class, less "at-": they are in its HTML.
 * @type {(element: Element) => Part}
 */
export function partsOf(element) {
  return (name) => /** @type {any} */ (element.querySelector(`.at-${name}`));
}

/**
 * The first element of a kind in another one that has some.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Element} box
 * @param {Tag} tag
 */
export function inside(box, tag) {
  return /** @type {HTMLElementTagNameMap[Tag]} */ (box.querySelector(tag));
}

/**
 * An element of a class, with text and elements in it.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {string} className
 * @param {(string | Node)[]} content
 */
export function make(tag, className, ...content) {
  const result = document.createElement(tag);
  result.className = className;
  result.append(...content);
  return result;
}

/** @type {(label: string, className: string, onClick: (event: MouseEvent) => void) => HTMLButtonElement} */
export function button(label, className, onClick) {
  const result = document.createElement("button");
  result.type = "button";
  result.className = className;
  result.textContent = label;
  result.addEventListener("click", onClick);
  return result;
}

/**
 * Fill `box` with radio buttons in a row, one per {value, title, small}, or bring them up to date
 * without taking the focus away. `onChoose` gets the value that a person chooses.
 * @param {HTMLElement} box
 * @param {string} name
 * @param {Choice[]} choices
 * @param {string | undefined} chosen
 * @param {(value: string) => void} onChoose
 */
export function segments(box, name, choices, chosen, onChoose) {
  const values = JSON.stringify(choices.map(({ value }) => value));
  if (box.dataset.values !== values) {
    box.dataset.values = values;
    box.replaceChildren(...choices.map(({ value }) => {
      const input = document.createElement("input");
      Object.assign(input, { type: "radio", className: "at-unseen", name, value });
      input.addEventListener("change", () => onChoose(value));
      return make("label", "at-segment", input,
        make("span", "at-segment-title"), make("small", "at-segment-small"));
    }));
  }
  choices.forEach(({ value, title, small }, at) => {
    const segment = box.children[at];
    const [heading, line] = [inside(segment, "span"), inside(segment, "small")];
    inside(segment, "input").checked = value === chosen;
    if (heading.textContent !== title) heading.textContent = title;
    line.hidden = small == null;
    if (line.textContent !== (small ?? "")) line.textContent = small ?? "";
  });
}

/**
 * A button that is the picture of a design.
 * @type {(label: string, onClick: (design?: Design) => void) => Thumbnail}
 */
export function thumbnail(label, onClick) {
  const canvas = document.createElement("canvas");
  /** @type {Thumbnail} */
  const result = Object.assign(document.createElement("button"), {
    show(/** @type {Design} */ design) {
      result.design = design;
      show(canvas, design);
    },
  });
  result.type = "button";
  result.className = "at-thumb";
  result.setAttribute("aria-label", label);
  result.title = label;
  result.append(canvas);
  result.addEventListener("click", () => onClick(result.design));
  return result;
}

/**
 * Make arrow keys walk through the buttons of a grid with `columns()` columns.
 * @type {(grid: HTMLElement, columns: () => number) => void}
 */
export function walkable(grid, columns) {
  grid.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns(), ArrowDown: columns() }[event.key] ?? 0;
    const all = [...grid.querySelectorAll("button")];
    const next = all[all.findIndex((each) => each === document.activeElement) + step];
    if (step && next) {
      event.preventDefault();
      next.focus();
    }
  });
}

/**
 * A slider with a picture and a word at each end; `value` in standard deviations.
 * @param {[low: string, high: string]} ends
 * @param {{ reach: number, onMove: (value: number) => void, onSettle: () => void }} settings
 */
export function pictureSlider([low, high], { reach, onMove, onSettle }) {
  const row = document.createElement("div");
  row.className = "at-slider";
  const range = document.createElement("input");
  Object.assign(range, { type: "range", min: -reach, max: reach, step: 0.05, value: 0 });
  range.setAttribute("aria-label", high ? `${low} to ${high}` : low);
  const words = document.createElement("div");
  words.className = "at-slider-words";
  for (const word of [low, high]) {
    const span = document.createElement("span");
    span.textContent = word;
    words.append(span);
  }
  const middle = document.createElement("div");
  middle.className = "at-slider-middle";
  middle.append(words, range);
  /** @param {number} to */
  const jump = (to) => () => {
    range.value = String(to);
    onMove(Number(range.value));
    onSettle();
  };
  const ends = [-reach, reach].map((end, at) =>
    thumbnail(`All the way ${(high ? [low, high][at] : `${low} ${at ? "up" : "down"}`).toLowerCase()}`, jump(end)),
  );
  range.addEventListener("input", () => onMove(Number(range.value)));
  range.addEventListener("change", onSettle);
  range.addEventListener("dblclick", jump(0));
  row.append(ends[0], middle, ends[1]);
  return { row, range, ends };
}
