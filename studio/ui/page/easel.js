// The large picture: it follows the hand, and is sharp on this screen as soon as the hand rests.

import { Drawer } from "./drawer.js";
import { paint } from "./tiles.js";

/** @import { Design } from "./types.d.ts" */

const SHARP_AFTER = 100; // ms without another picture

/**
 * Paint on a canvas what is drawn; `onError` gets errors, and `onDrawn(design, milliseconds)` hears
 * of pictures. Returns the Drawer that takes the designs.
 * @param {HTMLCanvasElement} canvas
 * @param {(error: unknown) => void} onError
 * @param {(design: Design, milliseconds: number | null) => void} onDrawn
 */
export function easel(canvas, onError, onDrawn) {
  /** @type {{ pixels: ImageData, design: Design } | null} */
  let shown = null;
  /** @type {number | undefined} */
  let sharpening;
  const show = (moving = false) => {
    if (shown) paint(canvas, shown.pixels, shown.design.generator, moving);
  };
  const drawer = new Drawer((pixels, design, milliseconds, moving) => {
    shown = { pixels, design };
    clearTimeout(sharpening);
    show(moving);
    if (moving) sharpening = setTimeout(show, SHARP_AFTER);
    onDrawn(design, milliseconds);
  }, onError);
  // The picture stays sharp when the page is resized or zoomed.
  new ResizeObserver(() => show()).observe(canvas);
  return drawer;
}
