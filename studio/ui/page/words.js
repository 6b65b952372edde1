// The words of a generator that draws by them: a field, examples to choose from, how closely they
// are followed, and a sentence on what of them is not known. Designs appear as the typing pauses.

import { call } from "./api.js";
import { texts, wishing, wishOf } from "./design.js";
import { button, walkable } from "./elements.js";
import { generatorOf, move, on, settle, state } from "./store.js";

const PAUSE = 350; // ms without a key until what was typed is drawn
const OFFERED = 4; // examples

export function mountWords(box, guidanceBox) {
  const field = box.querySelector(".at-text");
  const remark = box.querySelector(".at-remark");
  const offers = box.querySelector(".at-offers");
  const guidance = guidanceBox.querySelector("input");
  let offered = ""; // whose examples there are chips for
  let pause;

  const draw = () => {
    clearTimeout(pause);
    const text = normal(field.value);
    if (texts(state.design).join(" / ") !== text) settle(told(text));
  };
  field.addEventListener("input", () => {
    clearTimeout(pause);
    pause = setTimeout(draw, PAUSE);
  });
  field.addEventListener("change", draw);
  guidance.addEventListener("input", () =>
    move(wishing(state.design, { guidance: Number(guidance.value) })));
  guidance.addEventListener("change", () => settle());

  const follow = (design) => {
    const { name, words, examples } = generatorOf(design.generator);
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
    for (const each of offers.children) each.setAttribute("aria-pressed", own.includes(each.textContent));
    guidance.value = wishOf(design).guidance ?? generatorOf(design.generator).guidance;
    guidance.disabled = !own.length;
    tellUnknown(remark, design, own);
  };
  on("settled", follow);
  walkable(offers, () => 1);
}

/** The design on the easel with other words; the first ones are followed as the card says. */
function told(text) {
  const { guidance = generatorOf(state.design.generator).guidance } = wishOf(state.design);
  return wishing(state.design, { text, guidance: text ? guidance : 1 });
}

function normal(text) {
  return text.split(/\s+/).filter(Boolean).join(" ");
}

const remarks = new Map(); // generator and words -> promise of the sentence

async function tellUnknown(place, design, own) {
  place.design = design;
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
  if (place.design === design) place.textContent = found.filter(Boolean).join(" ");
}
