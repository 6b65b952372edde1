// Where a design lies in its generator's space, in the page: the same steps in the same order as
// studio/spaces takes them. What depends on seeds, categories and words comes from the server, once.
//
// A place is { styles, centre, deviation, layers, dim, mapped }: what the generator draws from,
// what truncation draws towards, and the standard deviation of every value, each a Float32Array of
// layers x dim. A generator without a mapping network has one layer, a centre of 0 and a deviation
// of 1.

/** @import { Design, Place, SliderVectors } from "./types.d.ts" */

const SHORTEST = 1e-6; // as studio/latents.py
const LEAST_SINE = 1e-4;

/**
 * The part of a design that only the server can place: without sliders, and without truncation if
 * that is `linear` in styles. Elsewhere latents are truncated, which the page hasn't.
 * @type {(design: Design, linear: boolean) => Design}
 */
export function leafOf(design, linear) {
  const { truncation, directions, dimensions, fingerprint, ...leaf } = design;
  const placed = !linear && truncation !== undefined && !isBlend(leaf);
  return placed ? { ...leaf, truncation } : leaf;
}

/**
 * Whether the page puts a design together from two others by itself.
 * @param {Design} design
 */
function isBlend(design) {
  return design.blend !== undefined && !design.variations;
}

/**
 * The leaves that a design is put together from.
 * @type {(design: Design, linear: boolean) => Design[]}
 */
export function leavesOf(design, linear) {
  const leaf = leafOf(design, linear);
  if (!leaf.blend || !isBlend(leaf)) return [leaf];
  const [first, second] = leaf.blend;
  return [...leavesOf(first, linear), ...leavesOf(second, linear)];
}

/**
 * The place of a design. `leafPlace(leaf)` gives the place of each of its leaves, and `sliders` are
 * the generator's { vectors: Float32Array, one of layers x dim for each, coarse, linear }.
 * @type {(design: Design, leafPlace: (leaf: Design) => Place, sliders: SliderVectors) => Place}
 */
export function placeOf(design, leafPlace, sliders) {
  const leaf = leafOf(design, sliders.linear);
  let place;
  if (leaf.blend && isBlend(leaf)) {
    const [first, second, amount, surface = amount] = leaf.blend;
    const [from, to] = [first, second].map((parent) => placeOf(parent, leafPlace, sliders));
    place = between(from, to, amount, surface, sliders.coarse);
  } else {
    const found = leafPlace(leaf);
    place = { ...found, styles: found.styles.slice() };
  }
  const left = leaf.truncation === undefined ? design.truncation : undefined;
  if (left !== undefined) truncate(place, left);
  for (const [index, steps] of design.directions ?? []) move(place, sliders, index, steps);
  for (const [index, steps] of design.dimensions ?? []) shift(place, index, steps);
  return place;
}

/** @type {(place: Place, psi: number) => void} */
function truncate({ styles, centre }, psi) {
  for (let at = 0; at < styles.length; at += 1) styles[at] += (psi - 1) * (styles[at] - centre[at]);
}

/** @type {(place: Place, sliders: SliderVectors, index: number, steps: number) => void} */
function move({ styles }, { vectors }, index, steps) {
  const start = index * styles.length;
  for (let at = 0; at < styles.length; at += 1) styles[at] += steps * vectors[start + at];
}

/** @type {(place: Place, index: number, steps: number) => void} */
function shift({ styles, deviation, dim, layers }, index, steps) {
  for (let layer = 0; layer < layers; layer += 1) {
    styles[layer * dim + index] += steps * deviation[layer * dim + index];
  }
}

/**
 * `amount` of the way from one place to another, and `surface` of it in the finer layers.
 * @type {(first: Place, second: Place, amount: number, surface: number, coarse: number) => Place}
 */
export function between(first, second, amount, surface, coarse) {
  if (!first.mapped) return { ...first, styles: slerp(first.styles, second.styles, amount) };
  /** @type {(a: Float32Array, b: Float32Array) => Float32Array} */
  const mixed = (a, b) => a.map((value, at) => {
    const share = at < coarse * first.dim ? amount : surface;
    return value + share * (b[at] - value);
  });
  return {
    ...first,
    styles: mixed(first.styles, second.styles),
    centre: mixed(first.centre, second.centre),
    deviation: mixed(first.deviation, second.deviation),
  };
}

/**
 * Along the arc between two latents (Shoemake, 1985); the length goes evenly from one to the other.
 * @type {(first: Float32Array, second: Float32Array, amount: number) => Float32Array}
 */
export function slerp(first, second, amount) {
  const lengths = [norm(first), norm(second)];
  const straight = () => first.map((value, at) => (1 - amount) * value + amount * second[at]);
  if (Math.min(...lengths) < SHORTEST) return straight();
  const cosine = dot(first, second) / (lengths[0] * lengths[1]);
  const angle = Math.acos(Math.min(1, Math.max(-1, cosine)));
  if (Math.sin(angle) < LEAST_SINE) return straight();
  const length = (1 - amount) * lengths[0] + amount * lengths[1];
  const parts = [1 - amount, amount].map(
    (part, at) => (Math.sin(part * angle) / Math.sin(angle)) * (length / lengths[at]),
  );
  return first.map((value, at) => parts[0] * value + parts[1] * second[at]);
}

/** @type {(a: Float32Array, b: Float32Array) => number} */
function dot(a, b) {
  let sum = 0;
  for (let at = 0; at < a.length; at += 1) sum += a[at] * b[at];
  return sum;
}

/** @param {Float32Array} a */
function norm(a) {
  return Math.sqrt(dot(a, a));
}
