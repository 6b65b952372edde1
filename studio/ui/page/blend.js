// Blend: two designs, a slider between them (or two: one for the shape, one for colours and
// surface, where the generator can tell them apart), and the strip of steps.

import { call, save } from "./api.js";
import { keep } from "./collection-store.js";
import { fresh, key, labels, MAX_SEED, randomSeed, texts, wishOf } from "./design.js";
import { easel } from "./easel.js";
import { thumbnail, walkable } from "./elements.js";
import { attempt, notice } from "./notice.js";
import {
  generatorOf, generators, next, on, openDesign, setBlend, sliders, state, usable, weightsOf,
} from "./store.js";
import { show } from "./tiles.js";

const STEPS = 9; // as studio/blend.py's STRIP_STEPS
const STRIP_SIZE = 512;
const REST = 150; // ms without a move until the studio's own picture is asked for
const STRIP_DELAY = 120; // ms of rest before the strip is drawn anew
const WALL = 24;

export async function mount({ element }) {
  const part = (name) => element.querySelector(`.at-${name}`);
  await attempt(generators);
  if (!state.generators.length) await next("generators");
  const drawer = easel(
    part("picture"),
    (error) => {
      part("error").textContent = error.message;
      part("error").hidden = false;
    },
    () => (part("error").hidden = true),
  );

  mountStrip(part);
  mountChoices(element, part);
  mountActions(part);
  mountAmounts(element, part);

  let resting;
  on("blend", () => {
    const design = blended();
    drawer.draw(design);
    clearTimeout(resting);
    resting = setTimeout(() => drawer.rest(design), REST);
    element.querySelectorAll(".at-parent").forEach((each) => {
      show(each.querySelector("canvas"), state.blend[each.dataset.side]);
      each.querySelector("small").textContent = texts(state.blend[each.dataset.side]).join(" / ");
    });
  });
  if (!state.blend.first) {
    const first = state.design ?? fresh(state.generators[0], 0);
    const second = fresh(generatorOf(first.generator), randomSeed(), wishOf(first));
    setBlend({ first, second });
  } else {
    setBlend({});
  }
}

/** The design between the two; at the ends, the parent itself (as studio/blend.py does). */
function blended(amount = state.blend.amount) {
  const { first, second, surface } = state.blend;
  const amounts = new Set([amount, surface ?? amount].map((each) => Number(each.toFixed(4))));
  if (Math.max(...amounts) === 0) return first;
  if (Math.min(...amounts) === 1) return second;
  return { generator: first.generator, seed: 0, blend: [first, second, ...amounts] };
}

/** The slider, and the second one for the surface; the button that tells whether there is one. */
function mountAmounts(element, part) {
  const [amount, surface, button] = [part("amount"), part("surface"), part("apart")];
  amount.addEventListener("input", () => setBlend({ amount: Number(amount.value) }));
  surface.addEventListener("input", () => setBlend({ surface: Number(surface.value) }));
  button.addEventListener("click", () => {
    setBlend({ surface: state.blend.surface === null ? state.blend.amount : null });
  });
  let asked = null; // which generator's abilities are known, or on their way
  const offer = async (name) => {
    asked = weightsOf(name);
    const found = await sliders(name).catch(() => null);
    if (asked !== weightsOf(name)) return;
    if (!found) asked = null;
    button.hidden = !found?.apart;
    part("between").classList.toggle("at-layered", !button.hidden);
  };
  on("blend", (blend) => {
    if (asked !== weightsOf(blend.first.generator)) offer(blend.first.generator);
    const apart = blend.surface !== null;
    amount.value = blend.amount;
    surface.value = blend.surface ?? blend.amount;
    surface.hidden = !apart;
    element.querySelectorAll(".at-amount-word").forEach((each) => (each.hidden = !apart));
    part("amounts").classList.toggle("at-two", apart);
    const words = `${apart ? "Shape, from" : "From"} the first design to the second`;
    amount.setAttribute("aria-label", words);
    button.textContent = apart ? "Mix shape and surface together" : "Mix shape and surface apart";
  });
}

function mountStrip(part) {
  const steps = Array.from({ length: STEPS }, (_, at) =>
    thumbnail(`Step ${at + 1} of ${STEPS}`, () => setBlend({ amount: at / (STEPS - 1) })),
  );
  part("strip").append(...steps);
  let drawn = "";
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
    steps.forEach((each, at) => each.setAttribute("aria-pressed", at === nearest));
  });
}

function mountActions(part) {
  const act = (name, action) => part(name).addEventListener("click", () => attempt(action));
  act("keep", () => keep(blended()));
  act("open", () => openDesign(blended()));
  act("swap", () => {
    const { first, second, amount, surface } = state.blend;
    setBlend({
      first: second,
      second: first,
      amount: 1 - amount,
      surface: surface === null ? null : 1 - surface,
    });
  });
  act("save-strip", async () => {
    const { first, second, surface } = state.blend;
    await save(await call("blend_strip", first, second, STEPS, STRIP_SIZE, surface), "blend.png");
  });
  act("save-animation", async () => {
    notice("Preparing the animation…");
    const { first, second, surface } = state.blend;
    await save(await call("blend_animation", first, second, surface), "blend.gif");
  });
}

/** Which of the two is being chosen, and what from. */
function mountChoices(element, part) {
  let side = "first";
  const parents = [...element.querySelectorAll(".at-parent")];
  const choose = (design) => {
    if (!usable(design)) return;
    const other = side === "first" ? "second" : "first";
    const changes = { [side]: design };
    // Designs of two generators can't be mixed: the other side follows to the new generator.
    if (state.blend[other].generator !== design.generator) {
      changes[other] = fresh(generatorOf(design.generator), randomSeed(), wishOf(design));
    }
    setBlend(changes);
    select(other);
  };
  function select(chosen) {
    side = chosen;
    for (const each of parents) each.setAttribute("aria-pressed", each.dataset.side === side);
    part("choose-heading").textContent = `Choose the ${side} design`;
  }
  for (const each of parents) each.addEventListener("click", () => select(each.dataset.side));
  select("first");

  const generator = part("generator");
  const offer = () => {
    const chosen = generator.value;
    generator.replaceChildren(...state.generators.map((each) => new Option(each.title, each.name)));
    if (generatorOf(chosen)) generator.value = chosen;
  };
  on("generators", offer);
  offer();
  generator.addEventListener("change", () => {
    const chosen = generatorOf(generator.value);
    choose(fresh(chosen, randomSeed(), { text: chosen.examples[0] }));
  });

  const seed = part("seed");
  seed.addEventListener("change", () => {
    const value = Number(seed.value);
    if (seed.value === "" || !Number.isInteger(value) || value < 0 || value > MAX_SEED) {
      return notice(`A design number is a whole number from 0 to ${MAX_SEED.toLocaleString("en")}.`);
    }
    choose(fresh(generatorOf(generator.value), value, wished()));
    seed.value = "";
  });

  const wall = Array.from({ length: WALL }, (_, at) => thumbnail(`Design ${at + 1}`, choose));
  part("from-wall").append(...wall);
  walkable(part("from-wall"), () => 1);
  let walled = null;
  const category = part("wall-category");
  let offered = ""; // whose categories can be chosen
  const words = part("wall-words");
  const wished = () => ({ label: Math.max(0, category.selectedIndex), text: words.value.trim() });
  const fill = () => wall.forEach((each, at) =>
    each.show(fresh(generatorOf(generator.value), at, wished())));
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
    const { classes, words: worded } = generatorOf(first.generator);
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
