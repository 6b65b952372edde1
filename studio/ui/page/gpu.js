// Whether the graphics card is to draw. Its runtime is twice as large and not every card is faster,
// so it is only tried where pictures take longer than a screen's frame without it, and only stays
// if it draws the same ones sooner. What came of it is remembered for the next visit.

import { VERSION } from "./runtime.js";

/** @import { Drawn, Drawing } from "./types.d.ts" */

export const ENOUGH = 8; // drawings that tell how long one takes
const FRAME = 16; // milliseconds
const WARMING = 3; // the first drawings also build what later ones use
const MOST = 2; // levels of 255 between two pictures that count as the same
const STORED = "atelier-webgpu";

/** Whether there is a graphics card, and not only a program that acts as one. */
export async function hasGpu() {
  const adapter = await navigator.gpu?.requestAdapter().catch(() => null);
  return adapter != null && !(adapter.info?.isFallbackAdapter ?? adapter.isFallbackAdapter);
}

/**
 * Whether so many milliseconds each are long enough to try the graphics card.
 * @param {number[]} times
 */
export function slow(times) {
  return times.length >= ENOUGH && median(times) > FRAME;
}

/**
 * Whether a painter that holds the same generator draws the very picture faster: `picture` is
 * { styles, shape, pixels } and `times` what some drawings took the one who drew it.
 * @param {{ draw: (styles: Float32Array, shape: number[]) => Promise<Drawn> }} challenger
 * @param {Drawing} picture
 * @param {number[]} times
 */
export async function beats(challenger, { styles, shape, pixels }, times) {
  const own = [];
  for (let turn = 0; turn < WARMING + ENOUGH; turn += 1) {
    const drawn = await challenger.draw(styles, shape);
    if (!alike(drawn.pixels, pixels)) return false;
    if (turn >= WARMING) own.push(drawn.milliseconds);
  }
  return median(own) < median(times);
}

/** @param {number[]} values */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length / 2;
  return (sorted[Math.ceil(half) - 1] + sorted[Math.floor(half)]) / 2;
}

/** @type {(first: Uint8ClampedArray, second: Uint8ClampedArray) => boolean} */
export function alike(first, second) {
  return first.length === second.length
    && first.every((value, at) => Math.abs(value - second[at]) <= MOST);
}

/** "won" or "lost", by this version of the runtime; null if it never was tried. */
export function outcome() {
  try {
    const [version, word] = (localStorage.getItem(STORED) ?? "").split(" ");
    return version === VERSION ? word : null;
  } catch {
    return null; // a browser may refuse to remember anything
  }
}

/**
 * Remember "won" or "lost", or with null that it is to be tried again.
 * @param {"won" | "lost" | null} word
 */
export function remember(word) {
  try {
    if (word) localStorage.setItem(STORED, `${VERSION} ${word}`);
    else localStorage.removeItem(STORED);
  } catch {
    // It is timed again at the next visit.
  }
}
