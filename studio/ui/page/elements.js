// Small pieces of the page that several parts use.

import { show } from "./tiles.js";

export function button(label, className, onClick) {
  const result = document.createElement("button");
  result.type = "button";
  result.className = className;
  result.textContent = label;
  result.addEventListener("click", onClick);
  return result;
}

/** A button that is the picture of a design. */
export function thumbnail(label, onClick) {
  const result = document.createElement("button");
  result.type = "button";
  result.className = "at-thumb";
  result.setAttribute("aria-label", label);
  result.title = label;
  const canvas = document.createElement("canvas");
  result.append(canvas);
  result.addEventListener("click", () => onClick(result.design));
  result.show = (design) => {
    result.design = design;
    show(canvas, design);
  };
  return result;
}

/** Make arrow keys walk through the buttons of a grid with `columns()` columns. */
export function walkable(grid, columns) {
  grid.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns(), ArrowDown: columns() }[event.key];
    const all = [...grid.querySelectorAll("button")];
    const next = all[all.indexOf(document.activeElement) + step];
    if (step && next) {
      event.preventDefault();
      next.focus();
    }
  });
}

/** A slider with a picture and a word at each end; `value` in standard deviations. */
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
  const jump = (to) => () => {
    range.value = to;
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
