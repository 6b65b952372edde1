// Blend: two designs, a slider between them, and the strip of steps.

import { call, save } from "./api.js";
import { keep } from "./collection-store.js";
import { fresh, key, MAX_SEED, randomSeed } from "./design.js";
import { Drawer } from "./drawer.js";
import { thumbnail, walkable } from "./elements.js";
import { attempt, notice } from "./notice.js";
import {
  generatorOf, generators, next, on, openDesign, setBlend, state, usable, weightsOf,
} from "./store.js";
import { paint, show } from "./tiles.js";

const STEPS = 9; // as studio/blend.py's STRIP_STEPS
const STRIP_SIZE = 512;
const WALL = 24;

export async function mount({ element }) {
  const part = (name) => element.querySelector(`.at-${name}`);
  await attempt(generators);
  if (!state.generators.length) await next("generators");
  const canvas = part("picture");
  let shown = null;
  const drawer = new Drawer(
    (pixels, design) => {
      shown = { pixels, design };
      paint(canvas, pixels, design.generator);
      part("error").hidden = true;
    },
    (error) => {
      part("error").textContent = error.message;
      part("error").hidden = false;
    },
  );
  new ResizeObserver(() => shown && paint(canvas, shown.pixels, shown.design.generator)).observe(canvas);

  mountStrip(part);
  mountChoices(element, part);
  mountActions(part);
  const amount = part("amount");
  amount.addEventListener("input", () => setBlend({ amount: Number(amount.value) }));

  on("blend", () => {
    drawer.draw(blended());
    amount.value = state.blend.amount;
    element.querySelectorAll(".at-parent").forEach((each) => {
      show(each.querySelector("canvas"), state.blend[each.dataset.side]);
    });
  });
  if (!state.blend.first) {
    const first = state.design ?? fresh(state.generators[0], 0);
    setBlend({ first, second: fresh(generatorOf(first.generator), randomSeed()) });
  } else {
    setBlend({});
  }
}

/** The design between the two; at the ends, the parent itself (as studio/blend.py does). */
function blended(amount = state.blend.amount) {
  const { first, second } = state.blend;
  if (amount <= 0) return first;
  if (amount >= 1) return second;
  return { generator: first.generator, seed: 0, blend: [first, second, Number(amount.toFixed(4))] };
}

function mountStrip(part) {
  const steps = Array.from({ length: STEPS }, (_, at) =>
    thumbnail(`Step ${at + 1} of ${STEPS}`, () => setBlend({ amount: at / (STEPS - 1) })),
  );
  part("strip").append(...steps);
  let drawn = "";
  on("blend", ({ first, second, amount }) => {
    const parents = key([first, second]) + weightsOf(first.generator);
    if (parents !== drawn) steps.forEach((each, at) => each.show(blended(at / (STEPS - 1))));
    drawn = parents;
    const nearest = Math.round(amount * (STEPS - 1));
    steps.forEach((each, at) => each.setAttribute("aria-pressed", at === nearest));
  });
}

function mountActions(part) {
  const act = (name, action) => part(name).addEventListener("click", () => attempt(action));
  act("keep", () => keep(blended()));
  act("open", () => openDesign(blended()));
  act("swap", () => {
    const { first, second, amount } = state.blend;
    setBlend({ first: second, second: first, amount: 1 - amount });
  });
  act("save-strip", async () => {
    const { first, second } = state.blend;
    await save(await call("blend_strip", first, second, STEPS, STRIP_SIZE), "blend.png");
  });
  act("save-animation", async () => {
    notice("Preparing the animation…");
    const { first, second } = state.blend;
    await save(await call("blend_animation", first, second), "blend.gif");
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
      changes[other] = fresh(generatorOf(design.generator), randomSeed());
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
  generator.addEventListener("change", () => choose(fresh(generatorOf(generator.value), randomSeed())));

  const seed = part("seed");
  seed.addEventListener("change", () => {
    const value = Number(seed.value);
    if (seed.value === "" || !Number.isInteger(value) || value < 0 || value > MAX_SEED) {
      return notice(`A design number is a whole number from 0 to ${MAX_SEED.toLocaleString("en")}.`);
    }
    choose(fresh(generatorOf(generator.value), value));
    seed.value = "";
  });

  const wall = Array.from({ length: WALL }, (_, at) => thumbnail(`Design ${at + 1}`, choose));
  part("from-wall").append(...wall);
  walkable(part("from-wall"), () => 1);
  let walled = null;
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
    wall.forEach((each, at) => each.show(fresh(generatorOf(first.generator), at)));
  });
}
