// A grid of samples on a canvas: taken from the sheet a run wrote, laid out with air, and sharp.

import { call } from "./api.js";
import { contextOf } from "./canvases.js";
import { lanczos } from "./lanczos.js";

/** @import { Frame, Sheet } from "./types.d.ts" */

const GAP = 2; // pixels around each picture of a sheet; see sheet() in studio/pictures.py
const AIR = 0.09; // of a picture's side, between two of them
const KEPT = 320; // sheets, some hundred kB each

/** @type {Map<string, Promise<Frame>>} run and step -> what came, oldest first */
const kept = new Map();

/**
 * The grid of a run at a step, {blob, columns, rows}; asked for once.
 * @type {(run: string, step: number) => Promise<Frame>}
 */
export function frame(run, step) {
  const name = `${run}:${step}`;
  let promise = kept.get(name);
  kept.delete(name);
  if (!promise) {
    promise = call("training_frame", run, step).then(({ png, columns, rows }) => {
      const data = Uint8Array.from(atob(png), (letter) => letter.charCodeAt(0));
      return { blob: new Blob([data], { type: "image/png" }), columns, rows };
    });
    promise.catch(() => kept.delete(name)); // another try may succeed
  }
  kept.set(name, promise);
  if (kept.size > KEPT) {
    const [oldest] = kept.keys();
    kept.delete(oldest);
  }
  return promise;
}

/**
 * A sheet in memory, {bitmap, columns, rows, side, pitch}: `side` pixels of a picture.
 * @type {(frame: Frame) => Promise<Sheet>}
 */
export async function opened({ blob, columns, rows }) {
  const bitmap = await createImageBitmap(blob, { colorSpaceConversion: "none", premultiplyAlpha: "none" });
  const pitch = (bitmap.width - GAP) / columns;
  return { bitmap, columns, rows, pitch, side: pitch - GAP };
}

/**
 * Lay the pictures of an opened sheet out over a whole canvas; `sharp` takes some 50 ms.
 * @type {(canvas: HTMLCanvasElement, sheet: Sheet, sharp: boolean) => void}
 */
export function layOut(canvas, sheet, sharp) {
  const { bitmap, columns, rows, pitch, side } = sheet;
  const context = contextOf(canvas);
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = "high";
  const cell = canvas.width / (columns + AIR * (columns - 1));
  const edge = (/** @type {number} */ at) => Math.round(at * cell * (1 + AIR));
  const far = (/** @type {number} */ at) => Math.round((at * (1 + AIR) + 1) * cell);
  const enlarged = sharp && cell > side ? picker(bitmap) : null;
  for (let at = 0; at < columns * rows; at++) {
    const [column, row] = [at % columns, Math.floor(at / columns)];
    const [x, y] = [GAP + column * pitch, GAP + row * pitch];
    const [left, top] = [edge(column), edge(row)];
    const [width, height] = [far(column) - left, far(row) - top];
    if (enlarged) {
      context.putImageData(lanczos(enlarged(x, y, side), width, height), left, top);
    } else {
      context.drawImage(bitmap, x, y, side, side, left, top, width, height);
    }
  }
}

/** @type {(bitmap: ImageBitmap) => (x: number, y: number, side: number) => ImageData} */
function picker(bitmap) {
  const whole = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = contextOf(whole, { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  return (x, y, side) => context.getImageData(x, y, side, side);
}

/**
 * The first picture of a run's newest grid on a small canvas; false when there is none.
 * @type {(canvas: HTMLCanvasElement, run: string) => Promise<boolean>}
 */
export async function thumbnailOf(canvas, run) {
  // No points of its curve: only the frames are wanted.
  const { frames } = await call("training_watch", run, Number.MAX_SAFE_INTEGER);
  const newest = frames.at(-1);
  if (newest === undefined) return false;
  const { bitmap, side } = await opened(await frame(run, newest));
  canvas.width = canvas.height = Math.round(44 * devicePixelRatio);
  const context = contextOf(canvas);
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, GAP, GAP, side, side, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  return true;
}
