// The words of a generator that draws by them: a field, examples to choose from, how closely they
// are followed, and a sentence on what of them is not known. Designs appear as the typing pauses.

import { call } from "./api.js";
import { texts, wishing, wishOf } from "./design.js";
import { button, inside, partsOf, walkable } from "./elements.js";
import { easelDesign, generatorFor, move, on, settle } from "./store.js";

/** @import { Design } from "./types.d.ts" */

const PAUSE = 350; // ms without a key until what was typed is drawn
const OFFERED = 4; // examples

/** @type {(box: HTMLElement, guidanceBox: HTMLElement) => void} */
export function mountWords(box, guidanceBox) {
  const part = partsOf(box);
  const field = part("text");
  const remark = part("remark");
  const offers = part("offers");
  const guidance = inside(guidanceBox, "input");
  let offered = ""; // whose examples there are chips for
  /** @type {number | undefined} */
  let pause;

  const draw = () => {
    clearTimeout(pause);
    const text = normal(field.value);
    if (texts(easelDesign()).join(" / ") !== text) settle(told(text));
  };
  field.addEventListener("input", () => {
    clearTimeout(pause);
    pause = setTimeout(draw, PAUSE);
  });
  field.addEventListener("change", draw);
  guidance.addEventListener("input", () =>
    move(wishing(easelDesign(), { guidance: Number(guidance.value) })));
  guidance.addEventListener("change", () => settle());

  /** @param {Design} design */
  const follow = (design) => {
    const { name, words, examples, guidance: usual } = generatorFor(design);
    box.hidden = guidanceBox.hidden = !words;
    if (!words) return;
    if (offered !== name) {
      offered = name;
      offers.replaceChildren(...examples.slice(0, OFFERED).map((text) =>
        button(text, "at-category", () => settle(told(text)))));
    }
    const own = texts(design);
    const text = own.join(" / ");
    // Of a blend of two texts both are shown, and new words replace both. What is being typed may
    // differ in spaces, and stays.
    if (normal(field.value) !== text) field.value = text;
    for (const each of offers.children) {
      each.setAttribute("aria-pressed", String(own.includes(each.textContent)));
    }
    guidance.value = String(wishOf(design).guidance ?? usual);
    guidance.disabled = !own.length;
    tellUnknown(remark, design, own);
  };
  on("settled", follow);
  walkable(offers, () => 1);
}

/**
 * The design on the easel with other words; the first ones are followed as the card says.
 * @param {string} text
 */
function told(text) {
  const design = easelDesign();
  const { guidance = generatorFor(design).guidance } = wishOf(design);
  return wishing(design, { text, guidance: text ? guidance : 1 });
}

/** @param {string} text */
function normal(text) {
  return text.split(/\s+/).filter(Boolean).join(" ");
}

/** @type {Map<string, Promise<string>>} generator and words -> the sentence */
const remarks = new Map();
/** @type {Design | null} the last one whose words were asked about */
let about = null;

/** @type {(place: HTMLElement, design: Design, own: string[]) => Promise<void>} */
async function tellUnknown(place, design, own) {
  about = design;
  const all = own.map((text) => {
    const name = JSON.stringify([design.generator, text]);
    if (!remarks.has(name)) {
      const asked = call("understand", design.generator, text).then((found) => found.remark);
      asked.catch(() => remarks.delete(name));
      remarks.set(name, asked);
    }
    return remarks.get(name);
  });
  const found = await Promise.all(all).catch(() => []);
  if (about === design) place.textContent = found.filter(Boolean).join(" ");
}
