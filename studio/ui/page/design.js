// Designs as plain data, the same JSON that studio/design.py reads and writes.

/** @import { Design, Generator, SliderKind, Wish } from "./types.d.ts" */

export const MAX_SEED = 2 ** 32 - 1;

/**
 * The design of a seed, started as the card says, of a category or of words where the generator
 * takes them: `wish` is {label, text, guidance}, as wishOf gives it.
 * @type {(generator: Generator, seed: number, wish?: Wish) => Design}
 */
export function fresh(generator, seed, { label = 0, text = "", guidance = generator.guidance } = {}) {
  /** @type {Design} */
  const design = { generator: generator.name, seed };
  if (generator.truncation !== 1) design.truncation = generator.truncation;
  if (generator.classes.length) design.label = label;
  if (generator.words && text) Object.assign(design, { text }, guidance !== 1 && { guidance });
  return design;
}

/**
 * What a design, or the first of those blended, asks its generator for; guides only words.
 * @type {(design: Design) => Wish}
 */
export function wishOf(design) {
  if (design.blend) return wishOf(design.blend[0]);
  const { label = 0, text = "", guidance = 1 } = design;
  return { label, text, guidance: text ? guidance : undefined };
}

/**
 * The words of a design, or those of all the designs that were blended; none is "".
 * @type {(design: Design) => string[]}
 */
export function texts(design) {
  if (!design.blend) return design.text ? [design.text] : [];
  return [...new Set([...texts(design.blend[0]), ...texts(design.blend[1])])];
}

/**
 * The same design with other values of `wish`. A blend has none itself; both its designs change.
 * @type {(design: Design, wish: Wish) => Design}
 */
export function wishing(design, wish) {
  if (design.blend) {
    const [first, second, ...amounts] = design.blend;
    return { ...design, blend: [wishing(first, wish), wishing(second, wish), ...amounts] };
  }
  const { text = "", guidance = 1, ...rest } = { ...design, ...wish };
  return { ...rest, ...(text && { text }), ...(guidance !== 1 && { guidance }) };
}

/**
 * Whether there is a photo in a design, also in one of those that were blended.
 * @type {(design: Design) => boolean}
 */
export function ofPhoto(design) {
  const [first, second] = design.blend ?? [];
  return Boolean(design.photo || (first && ofPhoto(first)) || (second && ofPhoto(second)));
}

/**
 * The categories that a design is of: one, or those of all the designs that were blended.
 * @type {(design: Design) => number[]}
 */
export function labels(design) {
  if (!design.blend) return [design.label ?? 0];
  return [...labels(design.blend[0]), ...labels(design.blend[1])];
}

export function randomSeed() {
  return crypto.getRandomValues(new Uint32Array(1))[0];
}

/**
 * Equal designs give equal keys, whatever order their parts were set in and marked or not.
 * @param {unknown} design one, or anything made of some
 */
export function key(design) {
  return JSON.stringify(design, (_, value) => {
    if (!value || typeof value !== "object" || Array.isArray(value)) return value;
    const { fingerprint, ...rest } = value;
    return Object.fromEntries(Object.entries(rest).sort());
  });
}

/** @type {(a: Design | null | undefined, b: Design | null | undefined) => boolean} */
export function same(a, b) {
  return a === b || (Boolean(a && b) && key(a) === key(b));
}

/**
 * How far the slider `index` of `part` ("directions" or "dimensions") is from its middle.
 * @type {(design: Design, part: SliderKind, index: number) => number}
 */
export function offset(design, part, index) {
  return design[part]?.find(([at]) => at === index)?.[1] ?? 0;
}

/**
 * The design with one slider moved.
 * @type {(design: Design, part: SliderKind, index: number, value: number) => Design}
 */
export function moved(design, part, index, value) {
  const others = (design[part] ?? []).filter(([at]) => at !== index);
  const pairs = value === 0 ? others : [...others, [index, value]];
  const { [part]: _, ...rest } = design;
  if (!pairs.length) return rest;
  return { ...rest, [part]: pairs.sort(([a], [b]) => a - b) };
}

/** @type {(design: Design, truncation: number) => Design} */
export function truncated(design, truncation) {
  const { truncation: _, ...rest } = design;
  return truncation === 1 ? rest : { ...rest, truncation };
}

/**
 * The design with every slider back in the middle.
 * @type {(design: Design) => Design}
 */
export function withoutSliders(design) {
  const { directions, dimensions, ...rest } = design;
  return rest;
}
