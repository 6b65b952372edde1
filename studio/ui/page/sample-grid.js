// A grid of samples on a canvas: taken from the sheet a run wrote, laid out with air, and sharp.

import { call } from "./api.js";
import { lanczos } from "./lanczos.js";

const GAP = 2; // pixels around each picture of a sheet; see sheet() in studio/pictures.py
const AIR = 0.09; // of a picture's side, between two of them
const KEPT = 320; // sheets, some hundred kB each

const kept = new Map(); // run and step -> promise of {blob, columns, rows}, oldest first

/** The grid of a run at a step, {blob, columns, rows}; asked for once. */
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
  if (kept.size > KEPT) kept.delete(kept.keys().next().value);
  return promise;
}

/** A sheet in memory, {bitmap, columns, rows, side, pitch}: `side` pixels of a picture. */
export async function opened({ blob, columns, rows }) {
  const bitmap = await createImageBitmap(blob, { colorSpaceConversion: "none", premultiplyAlpha: "none" });
  const pitch = (bitmap.width - GAP) / columns;
  return { bitmap, columns, rows, pitch, side: pitch - GAP };
}

/** Lay the pictures of an opened sheet out over a whole canvas; `sharp` takes some 50 ms. */
export function layOut(canvas, sheet, sharp) {
  const { bitmap, columns, rows, pitch, side } = sheet;
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = "high";
  const cell = canvas.width / (columns + AIR * (columns - 1));
  const edge = (at) => Math.round(at * cell * (1 + AIR));
  const far = (at) => Math.round((at * (1 + AIR) + 1) * cell);
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

function picker(bitmap) {
  const whole = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = whole.getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  return (x, y, side) => context.getImageData(x, y, side, side);
}

/** The first picture of a run's newest grid on a small canvas; false when there is none. */
export async function thumbnailOf(canvas, run) {
  // No points of its curve: only the frames are wanted.
  const { frames } = await call("training_watch", run, Number.MAX_SAFE_INTEGER);
  if (!frames.length) return false;
  const { bitmap, side } = await opened(await frame(run, frames.at(-1)));
  canvas.width = canvas.height = Math.round(44 * devicePixelRatio);
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, GAP, GAP, side, side, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  return true;
}
