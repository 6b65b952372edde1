// Explore: the wall, the easel with its actions, and close relatives. The picker, the categories,
// the words and the sliders have modules of their own.

import { call } from "./api.js";
import { mountCategories } from "./categories.js";
import { keep } from "./collection-store.js";
import { labels, randomSeed, same, texts, withoutSliders } from "./design.js";
import { mountDownload } from "./download.js";
import { mountDrift } from "./drift.js";
import { easel } from "./easel.js";
import { partsOf, thumbnail, walkable } from "./elements.js";
import { mountFromPhoto } from "./from-photo.js";
import { mountPicker } from "./picker.js";
import { attempt, messageOf, notice } from "./notice.js";
import { mountSliders } from "./sliders.js";
import {
  another, easelDesign, generators, lastDesign, on, redo, settle, start, state, tell,
  undo, usable, weightsOf,
} from "./store.js";
import { mountWords } from "./words.js";

/** @import { Design, Mounting, Part } from "./types.d.ts" */

const WALL = 24;
const RELATIVES = 8;
const RELATIVES_DELAY = 120; // ms of rest before they are drawn anew, so that a held key stays swift

/** @param {Mounting} mounting */
export async function mount({ element }) {
  const part = partsOf(element);
  waitForDesign(element);
  mountEasel(part);
  mountActions(part);
  mountWall(part);
  mountRelatives(part);
  mountSliders(element);
  mountCategories(part("categories"));
  mountWords(part("words"), part("guidance"));
  mountFromPhoto(part("from-photo"), part("working"));
  try {
    await generators();
  } catch (error) {
    return showError(part, error);
  }
  mountPicker(part("picker"));
  if (!state.generators.length) {
    return showError(part, new Error("There are no generators here yet. Put checkpoint folders "
      + "under the studio's checkpoints folder and reload the page."));
  }
  await attempt(openLinkOfPage);
  if (!state.design) {
    const last = lastDesign();
    if (last) settle(last);
    else start(state.generators[0]);
  }
}

/**
 * Nothing can be done before the first design is there.
 * @param {HTMLElement} element
 */
function waitForDesign(element) {
  /** @type {NodeListOf<HTMLElement>} */
  const controls = element.querySelectorAll(".at-left, .at-actions, .at-relatives, .at-right");
  controls.forEach((each) => (each.inert = true));
  on("settled", () => controls.forEach((each) => (each.inert = false)));
}

/** Open the design of a copied link, and take it out of the address: a reload should not go back. */
async function openLinkOfPage() {
  const address = new URL(location.href);
  const code = address.searchParams.get("design");
  if (!code) return;
  address.searchParams.delete("design");
  history.replaceState(null, "", address);
  const { design, note } = await call("open_link", code);
  if (!usable(design)) return;
  settle(design);
  if (note) notice(note);
}

/** @type {(part: Part, error: unknown) => void} */
function showError(part, error) {
  part("error").textContent = messageOf(error);
  part("error").hidden = false;
}

/** @param {Part} part */
function mountEasel(part) {
  const drawer = easel(part("picture"), (error) => showError(part, error), (design, milliseconds) => {
    part("error").hidden = true;
    if (milliseconds !== null) tell("drawn", { design, milliseconds });
  }, { detailed: true });
  on("design", (design) => drawer.draw(design));
  on("settled", (design) => drawer.rest(design));
}

/** @param {Part} part */
function mountActions(part) {
  /** @type {(name: string, action: () => unknown) => void} */
  const act = (name, action) => part(name).addEventListener("click", () => attempt(action));
  act("undo", undo);
  act("redo", redo);
  act("keep", () => keep(easelDesign()));
  act("surprise", () => settle(another(randomSeed())));
  act("reset", () => settle(withoutSliders(easelDesign())));
  mountDownload(part);
  act("link", copyLink);
  mountDrift(part("drift"));
  on("settled", (design) => {
    part("undo").disabled = !state.past.length;
    part("redo").disabled = !state.future.length;
    part("reset").disabled = same(design, withoutSliders(design));
  });
  document.addEventListener("keydown", (event) => {
    const typing = event.target instanceof Element
      && event.target.matches("input:not([type=range]), textarea");
    const away = !part("picture").offsetParent; // another tab is open
    if (typing || away || !(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "z") return;
    event.preventDefault();
    if (event.shiftKey) redo();
    else undo();
  });
}

async function copyLink() {
  const address = new URL(location.href);
  address.searchParams.set("design", await call("link", easelDesign()));
  try {
    await navigator.clipboard.writeText(address.href);
    notice("Link copied. It opens this very design.");
  } catch {
    // No clipboard without https or permission: let the person copy it from the address bar.
    history.replaceState(null, "", address);
    notice("The link is in the address bar now; copy it from there.");
  }
}

/** @param {Part} part */
function mountWall(part) {
  const wall = part("wall");
  let page = 0;
  let generator = "";
  let walled = ""; // which generator's designs are shown, with which weights, of which category and words
  const tiles = Array.from({ length: WALL }, (_, at) => thumbnail(`Design ${at + 1}`, settle));
  wall.append(...tiles);
  walkable(wall, () => getComputedStyle(wall).gridTemplateColumns.split(" ").length);
  /** @param {Design} design */
  const mark = (design) => {
    for (const each of tiles) each.setAttribute("aria-pressed", String(same(each.design, design)));
  };
  const fill = () => {
    tiles.forEach((each, at) => each.show(another(page * WALL + at)));
    mark(easelDesign());
  };
  on("settled", (design) => {
    const wanted = `${weightsOf(design.generator)} ${labels(design)[0]} ${texts(design)[0] ?? ""}`;
    if (walled === wanted) return mark(design);
    if (generator !== design.generator) page = 0;
    generator = design.generator;
    walled = wanted;
    fill();
  });
  part("more").addEventListener("click", () => {
    page += 1;
    fill();
  });
}

/** @param {Part} part */
function mountRelatives(part) {
  const tiles = Array.from({ length: RELATIVES }, (_, at) => thumbnail(`Relative ${at + 1}`, settle));
  part("relatives").append(...tiles);
  /** @param {Design} design */
  const draw = async (design) => {
    const relatives = await call("variations", design, RELATIVES, randomSeed()).catch(() => []);
    if (state.design !== design) return;
    relatives.forEach((relative, at) => tiles[at].show(relative));
  };
  /** @type {number | undefined} */
  let resting;
  on("settled", (design) => {
    clearTimeout(resting);
    resting = setTimeout(draw, RELATIVES_DELAY, design);
  });
}
