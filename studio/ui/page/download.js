// The download of the design on the easel. Where the studio makes up detail, one chooses how much.

import { call, save } from "./api.js";
import { attempt } from "./notice.js";
import { easelDesign, generatorFor, on } from "./store.js";

/** @import { Part } from "./types.d.ts" */

const SIZE = 1024;

/** @param {Part} part */
export function mountDownload(part) {
  const button = part("download");
  const menu = part("download-menu");
  const choices = [...menu.querySelectorAll("button")];

  /** @param {boolean} wanted */
  const open = (wanted) => {
    menu.hidden = !wanted;
    button.setAttribute("aria-expanded", String(wanted));
  };
  /** @param {number | null} detail */
  const download = (detail) => attempt(async () => {
    const design = easelDesign();
    const file = await call("render", design, SIZE, detail);
    await save(file, `${generatorFor(design).title}.png`);
  });
  button.addEventListener("click", () => {
    if (!hasChoice()) return download(null);
    open(Boolean(menu.hidden));
    if (!menu.hidden) choices.find(({ dataset }) => !("detail" in dataset))?.focus(); // the usual one
  });
  for (const each of choices) {
    each.addEventListener("click", () => {
      open(false);
      button.focus();
      download("detail" in each.dataset ? Number(each.dataset.detail) : null);
    });
  }
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    open(false);
    button.focus();
  });
  document.addEventListener("click", ({ target }) => {
    if (!(target instanceof Node && (menu.contains(target) || button.contains(target)))) open(false);
  });
  on("settled", () => {
    open(false);
    if (hasChoice()) button.setAttribute("aria-haspopup", "true");
    else button.removeAttribute("aria-haspopup");
  });
}

function hasChoice() {
  return generatorFor(easelDesign()).enlargement === "detail";
}
