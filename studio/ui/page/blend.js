// Blend: two designs, a slider between them (or two: one for the shape, one for colours and
// surface, where the generator can tell them apart), and the strip of steps.

import { call, save } from "./api.js";
import { keep } from "./collection-store.js";
import { fresh, key, labels, MAX_SEED, randomSeed, texts, wishOf } from "./design.js";
import { easel } from "./easel.js";
import { inside, partsOf, thumbnail, walkable } from "./elements.js";
import { attempt, messageOf, notice } from "./notice.js";
import {
  chosenBlend, generatorFor, generatorOf, generators, next, on, openDesign, setBlend, sliders, state,
  usable, weightsOf,
} from "./store.js";
import { show } from "./tiles.js";

/** @import { Design, Mounting, Part, Side } from "./types.d.ts" */

const STEPS = 9; // as studio/blend.py's STRIP_STEPS
const STRIP_SIZE = 512;
const REST = 150; // ms without a move until the studio's own picture is asked for
const STRIP_DELAY = 120; // ms of rest before the strip is drawn anew
const WALL = 24;

/** @param {Mounting} mounting */
export async function mount({ element }) {
  const part = partsOf(element);
  await attempt(generators);
  if (!state.generators.length) await next("generators");
  const drawer = easel(
    part("picture"),
    (error) => {
      part("error").textContent = messageOf(error);
      part("error").hidden = false;
    },
    () => (part("error").hidden = true),
  );

  mountStrip(part);
  mountChoices(element, part);
  mountActions(part);
  mountAmounts(part);

  /** @type {number | undefined} */
  let resting;
  on("blend", (blend) => {
    const design = blended();
    drawer.draw(design);
    clearTimeout(resting);
    resting = setTimeout(() => drawer.rest(design), REST);
    for (const each of parentsIn(element)) {
      const parent = blend[sideOf(each)];
      show(inside(each, "canvas"), parent);
      inside(each, "small").textContent = texts(parent).join(" / ");
    }
  });
  if (!state.blend.first) {
    const first = state.design ?? fresh(state.generators[0], 0);
    const second = fresh(generatorFor(first), randomSeed(), wishOf(first));
    setBlend({ first, second });
  } else {
    setBlend({});
  }
}

/**
 * The buttons of the two designs.
 * @type {(element: HTMLElement) => NodeListOf<HTMLButtonElement>}
 */
function parentsIn(element) {
  return element.querySelectorAll(".at-parent");
}

/** @param {HTMLElement} parent */
function sideOf(parent) {
  return /** @type {Side} */ (parent.dataset.side);
}

/**
 * The design between the two; at the ends, the parent itself (as studio/blend.py does).
 * @returns {Design}
 */
function blended(amount = state.blend.amount) {
  const { first, second, surface } = chosenBlend();
  const [shape, looks] = [amount, surface ?? amount].map((each) => Number(each.toFixed(4)));
  if (Math.max(shape, looks) === 0) return first;
  if (Math.min(shape, looks) === 1) return second;
  const { generator } = first;
  if (shape === looks) return { generator, seed: 0, blend: [first, second, shape] };
  return { generator, seed: 0, blend: [first, second, shape, looks] };
}

/**
 * The slider, and the second one for the surface; the button that tells whether there is one.
 * @param {Part} part
 */
function mountAmounts(part) {
  const [amount, surface, button] = [part("amount"), part("surface"), part("apart")];
  amount.addEventListener("input", () => setBlend({ amount: Number(amount.value) }));
  surface.addEventListener("input", () => setBlend({ surface: Number(surface.value) }));
  button.addEventListener("click", () => {
    setBlend({ surface: state.blend.surface === null ? state.blend.amount : null });
  });
  let asked = ""; // which generator's abilities are known, or on their way
  /** @param {string} name */
  const offer = async (name) => {
    asked = weightsOf(name);
    const found = await sliders(name).catch(() => null);
    if (asked !== weightsOf(name)) return;
    if (!found) asked = "";
    button.hidden = !found?.apart;
    part("between").classList.toggle("at-layered", !button.hidden);
  };
  on("blend", (blend) => {
    if (asked !== weightsOf(blend.first.generator)) offer(blend.first.generator);
    const apart = blend.surface !== null;
    amount.value = String(blend.amount);
    surface.value = String(blend.surface ?? blend.amount);
    surface.hidden = !apart;
    for (const each of part("amounts").querySelectorAll("span")) each.hidden = !apart;
    part("amounts").classList.toggle("at-two", apart);
    const words = `${apart ? "Shape, from" : "From"} the first design to the second`;
    amount.setAttribute("aria-label", words);
    button.textContent = apart ? "Mix shape and surface together" : "Mix shape and surface apart";
  });
}

/** @param {Part} part */
function mountStrip(part) {
  const steps = Array.from({ length: STEPS }, (_, at) =>
    thumbnail(`Step ${at + 1} of ${STEPS}`, () => setBlend({ amount: at / (STEPS - 1) })),
  );
  part("strip").append(...steps);
  let drawn = "";
  /** @type {number | undefined} */
  let resting;
  const draw = () => steps.forEach((each, at) => each.show(blended(at / (STEPS - 1))));
  on("blend", ({ first, second, amount, surface }) => {
    const wanted = key([first, second, surface]) + weightsOf(first.generator);
    if (wanted !== drawn) {
      clearTimeout(resting); // a hand may be moving the surface
      resting = setTimeout(draw, STRIP_DELAY);
    }
    drawn = wanted;
    const nearest = Math.round(amount * (STEPS - 1));
    steps.forEach((each, at) => each.setAttribute("aria-pressed", String(at === nearest)));
  });
}

/** @param {Part} part */
function mountActions(part) {
  /** @type {(name: string, action: () => unknown) => void} */
  const act = (name, action) => part(name).addEventListener("click", () => attempt(action));
  act("keep", () => keep(blended()));
  act("open", () => openDesign(blended()));
  act("swap", () => {
    const { first, second, amount, surface } = chosenBlend();
    setBlend({
      first: second,
      second: first,
      amount: 1 - amount,
      surface: surface === null ? null : 1 - surface,
    });
  });
  act("save-strip", async () => {
    const { first, second, surface } = chosenBlend();
    await save(await call("blend_strip", first, second, STEPS, STRIP_SIZE, surface), "blend.png");
  });
  act("save-animation", async () => {
    notice("Preparing the animation…");
    const { first, second, surface } = chosenBlend();
    await save(await call("blend_animation", first, second, surface), "blend.gif");
  });
}

/**
 * Which of the two is being chosen, and what from.
 * @type {(element: HTMLElement, part: Part) => void}
 */
function mountChoices(element, part) {
  /** @type {Side} */
  let side = "first";
  const parents = parentsIn(element);
  /** @param {Design} [design] */
  const choose = (design) => {
    if (!design || !usable(design)) return;
    const other = side === "first" ? "second" : "first";
    /** @type {Partial<Record<Side, Design>>} */
    const changes = { [side]: design };
    // Designs of two generators can't be mixed: the other side follows to the new generator.
    if (state.blend[other]?.generator !== design.generator) {
      changes[other] = fresh(generatorFor(design), randomSeed(), wishOf(design));
    }
    setBlend(changes);
    select(other);
  };
  /** @param {Side} chosen */
  function select(chosen) {
    side = chosen;
    for (const each of parents) each.setAttribute("aria-pressed", String(sideOf(each) === side));
    part("choose-heading").textContent = `Choose the ${side} design`;
  }
  for (const each of parents) each.addEventListener("click", () => select(sideOf(each)));
  select("first");

  const generator = part("generator");
  const picked = () => generatorFor({ generator: generator.value });
  const offer = () => {
    const chosen = generator.value;
    generator.replaceChildren(...state.generators.map((each) => new Option(each.title, each.name)));
    if (generatorOf(chosen)) generator.value = chosen;
  };
  on("generators", offer);
  offer();
  generator.addEventListener("change", () => {
    choose(fresh(picked(), randomSeed(), { text: picked().examples[0] }));
  });

  const seed = part("seed");
  seed.addEventListener("change", () => {
    const value = Number(seed.value);
    if (seed.value === "" || !Number.isInteger(value) || value < 0 || value > MAX_SEED) {
      return notice(`A design number is a whole number from 0 to ${MAX_SEED.toLocaleString("en")}.`);
    }
    choose(fresh(picked(), value, wished()));
    seed.value = "";
  });

  const wall = Array.from({ length: WALL }, (_, at) => thumbnail(`Design ${at + 1}`, choose));
  part("from-wall").append(...wall);
  walkable(part("from-wall"), () => 1);
  let walled = ""; // which generator's designs are shown, with which weights
  const category = part("wall-category");
  let offered = ""; // whose categories can be chosen
  const words = part("wall-words");
  const wished = () => ({ label: Math.max(0, category.selectedIndex), text: words.value.trim() });
  const fill = () => wall.forEach((each, at) => each.show(fresh(picked(), at, wished())));
  category.addEventListener("change", fill);
  words.addEventListener("change", fill);
  const showKept = () => {
    const kept = state.kept ?? [];
    part("kept-choices").hidden = !kept.length;
    part("from-kept").replaceChildren(...kept.map(({ name, design }) => {
      const result = thumbnail(name, choose);
      result.show(design);
      return result;
    }).reverse());
  };
  on("kept", showKept);
  showKept();
  on("blend", ({ first }) => {
    generator.value = first.generator;
    if (walled === weightsOf(first.generator)) return;
    walled = weightsOf(first.generator);
    const { classes, words: worded } = generatorFor(first);
    if (offered !== key([first.generator, classes])) {
      offered = key([first.generator, classes]);
      category.replaceChildren(...classes.map((name) => new Option(name)));
      category.selectedIndex = labels(first)[0];
      part("category-field").hidden = !classes.length;
      words.value = texts(first)[0] ?? "";
      part("words-field").hidden = !worded;
    }
    fill();
  });
}
