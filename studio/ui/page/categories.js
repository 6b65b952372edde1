// The categories of a generator that draws several things: one is chosen for what is on the easel.

import { labels, wishing } from "./design.js";
import { button, walkable } from "./elements.js";
import { easelDesign, generatorFor, on, settle } from "./store.js";

/** @import { Design } from "./types.d.ts" */

/** @param {HTMLElement} box */
export function mountCategories(box) {
  let offered = ""; // the names that there are chips for
  let marked = ""; // the labels of those that are pressed
  /** @param {Design} design */
  const follow = (design) => {
    const { classes } = generatorFor(design);
    if (offered !== JSON.stringify(classes)) {
      offered = JSON.stringify(classes);
      box.replaceChildren(...classes.map((name, label) =>
        button(name, "at-category", () => settle(wishing(easelDesign(), { label })))));
    }
    box.hidden = !classes.length;
    const shown = labels(design);
    const chips = [...box.querySelectorAll("button")];
    chips.forEach((each, label) => each.setAttribute("aria-pressed", String(shown.includes(label))));
    // Where there are so many that they scroll, the chosen one is seen; the page stays put.
    if (marked !== `${design.generator} ${shown}`) reveal(box, chips[shown[0]]);
    marked = `${design.generator} ${shown}`;
  };
  on("settled", follow);
  walkable(box, () => 1);
}

/** @type {(box: HTMLElement, chip: HTMLElement | undefined) => void} */
function reveal(box, chip) {
  if (!chip) return;
  const [top, end] = [chip.offsetTop, chip.offsetTop + chip.offsetHeight];
  if (top < box.scrollTop || end > box.scrollTop + box.clientHeight) {
    box.scrollTop = (top + end - box.clientHeight) / 2;
  }
}
