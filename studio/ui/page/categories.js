// The categories of a generator that draws several things, to choose one for the design on the easel.

import { labelled, labels } from "./design.js";
import { button, walkable } from "./elements.js";
import { generatorOf, on, settle, state } from "./store.js";

export function mountCategories(box) {
  let offered = ""; // the names that there are chips for
  const follow = (design) => {
    const { classes } = generatorOf(design.generator);
    if (offered !== JSON.stringify(classes)) {
      offered = JSON.stringify(classes);
      box.replaceChildren(...classes.map((name, label) =>
        button(name, "at-category", () => settle(labelled(state.design, label)))));
    }
    box.hidden = !classes.length;
    const shown = labels(design);
    [...box.children].forEach((each, label) => each.setAttribute("aria-pressed", shown.includes(label)));
  };
  on("settled", follow);
  walkable(box, () => 1);
}
