// Drawn designs. A tile is the picture of a design at the generator's own size, as ImageData.

import { Refusal, call } from "./api.js";
import { contextOf } from "./canvases.js";
import { key } from "./design.js";
import { lanczos } from "./lanczos.js";
import { drawHere, drawsHere } from "./network.js";
import { generatorOf, weightsOf } from "./store.js";

/** @import { Design } from "./types.d.ts" */
/**
 * A design whose tile is wished for.
 * @typedef {object} Wish
 * @property {Design} design
 * @property {(tile: ImageData) => void} resolve
 * @property {(error: unknown) => void} reject
 */

const KEPT = 600;
const MOVING = 256; // pixels; sharpening more would take longer than the eye gains by it
const MOST = 64; // as studio/ui/api.py allows on one sheet
/** @type {Map<string, Promise<ImageData>>} design and weights -> its tile, oldest first */
const kept = new Map();
/** @type {Map<string, Wish[]>} generator -> wishes that go out together */
let waiting = new Map();
/** @type {WeakMap<HTMLCanvasElement, object>} canvas -> the last wish for it */
const wished = new WeakMap();

/**
 * The tile of a design: drawn here where that takes no question, or else on a sheet with others.
 * @type {(design: Design) => Promise<ImageData>}
 */
export function tile(design) {
  if (!kept.has(nameOf(design)) && drawsHere(design)) {
    return drawHere(design, { patient: true }).catch(() => tileOfSheet(design));
  }
  return tileOfSheet(design);
}

/**
 * The studio's tile of a design, with others wished for at this moment on one sheet.
 * @param {Design} design
 */
function tileOfSheet(design) {
  return remembered(design, (wish) => {
    const wishes = waiting.get(design.generator) ?? [];
    wishes.push(wish);
    if (!waiting.size) queueMicrotask(sendWaiting);
    waiting.set(design.generator, wishes);
  });
}

/**
 * The studio's tile of a design, at once and by itself: for the picture that follows the hand.
 * @param {Design} design
 */
export function urgentTile(design) {
  return remembered(design, (wish) => drawSheet([wish]));
}

/** @type {(design: Design, draw: (wish: Wish) => void) => Promise<ImageData>} */
function remembered(design, draw) {
  const name = nameOf(design);
  let promise = kept.get(name);
  if (promise) {
    kept.delete(name);
  } else {
    promise = new Promise((resolve, reject) => draw({ design, resolve, reject }));
    promise.catch(() => kept.delete(name)); // another try may succeed
  }
  kept.set(name, promise);
  if (kept.size > KEPT) {
    const [oldest] = kept.keys();
    kept.delete(oldest);
  }
  return promise;
}

/** @param {Design} design */
function nameOf(design) {
  return key(design) + weightsOf(design.generator);
}

function sendWaiting() {
  for (const wishes of waiting.values()) {
    while (wishes.length) drawSheet(wishes.splice(0, MOST));
  }
  waiting = new Map();
}

/** @type {(wishes: Wish[]) => Promise<void>} */
async function drawSheet(wishes) {
  try {
    const sheet = await call("sheet", wishes.map((wish) => wish.design));
    const context = await opened(sheet.png);
    wishes.forEach((wish, at) => {
      wish.resolve(context.getImageData(at * sheet.size, 0, sheet.size, sheet.size));
    });
  } catch (error) {
    // One design that can't be drawn (made before its generator was trained anew, say) should not
    // take the others on its sheet with it.
    if (error instanceof Refusal && wishes.length > 1) {
      const half = Math.ceil(wishes.length / 2);
      await drawSheet(wishes.slice(0, half));
      return drawSheet(wishes.slice(half));
    }
    for (const wish of wishes) wish.reject(error);
  }
}

/**
 * A PNG in base64, on a canvas to read its pixels from.
 * @param {string} png
 */
export async function opened(png) {
  const bytes = Uint8Array.from(atob(png), (letter) => letter.charCodeAt(0));
  // The pixels as they are, without colour management or blending.
  const bitmap = await createImageBitmap(new Blob([bytes], { type: "image/png" }), {
    colorSpaceConversion: "none",
    premultiplyAlpha: "none",
  });
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = contextOf(canvas, { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return context;
}

/**
 * Paint a tile over a whole canvas, sharp on this screen, in its generator's manner. A moving one
 * is enlarged as far as time allows, and stretched to the canvas by the browser.
 * @type {(canvas: HTMLCanvasElement, pixels: ImageData, generatorName: string, moving?: boolean) => void}
 */
export function paint(canvas, pixels, generatorName, moving = false) {
  const sharp = generatorOf(generatorName)?.enlargement !== "nearest";
  let side = Math.round(canvas.clientWidth * devicePixelRatio) || canvas.width;
  if (moving && sharp) side = Math.min(side, MOVING);
  if (canvas.width !== side || canvas.height !== side) canvas.width = canvas.height = side;
  const context = contextOf(canvas);
  if (sharp && side > pixels.width) {
    context.putImageData(lanczos(pixels, side, side), 0, 0);
    return;
  }
  const small = new OffscreenCanvas(pixels.width, pixels.height);
  contextOf(small).putImageData(pixels, 0, 0);
  context.imageSmoothingEnabled = side < pixels.width;
  context.imageSmoothingQuality = "high";
  context.drawImage(small, 0, 0, side, side);
}

/**
 * Draw a design into a small canvas; a newer design for the same canvas wins.
 * @type {(canvas: HTMLCanvasElement, design: Design) => Promise<void>}
 */
export async function show(canvas, design) {
  // Not the design itself: with new weights, the same one is wished for again.
  const wish = {};
  wished.set(canvas, wish);
  const pixels = await tile(design).catch(() => null);
  if (pixels && wished.get(canvas) === wish) paint(canvas, pixels, design.generator);
}
