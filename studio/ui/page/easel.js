// The large picture: it follows the hand, and is sharp on this screen as soon as the hand rests.

import { Detail } from "./detail.js";
import { Drawer } from "./drawer.js";
import { on } from "./store.js";
import { paint } from "./tiles.js";

/** @import { Design } from "./types.d.ts" */

const SHARP_AFTER = 100; // ms without another picture

/**
 * Paint on a canvas what is drawn; `onError` gets errors, and `onDrawn(design, milliseconds)` hears
 * of pictures. Returns the Drawer that takes the designs. With `detailed`, these are the designs that
 * the store tells of, and the picture gets detail where the hand rests.
 * @param {HTMLCanvasElement} canvas
 * @param {(error: unknown) => void} onError
 * @param {(design: Design, milliseconds: number | null) => void} onDrawn
 */
export function easel(canvas, onError, onDrawn, { detailed = false } = {}) {
  /** @type {{ pixels: ImageData, design: Design, final: boolean } | null} */
  let shown = null;
  /** @type {number | undefined} */
  let sharpening;
  const show = (moving = false) => {
    if (shown) paint(canvas, shown.pixels, shown.design.generator, moving);
  };
  const detail = detailed && new Detail(canvas, (pixels, design) => {
    shown = { pixels, design, final: false };
    show();
  });
  const refine = () => {
    if (detail && shown?.final) detail.rest(shown.design, shown.pixels.width);
  };
  if (detail) on("design", () => detail.drop());
  const drawer = new Drawer((pixels, design, milliseconds, moving) => {
    shown = { pixels, design, final: milliseconds === null }; // of a hand that rests
    clearTimeout(sharpening);
    show(moving);
    if (moving) sharpening = setTimeout(show, SHARP_AFTER);
    onDrawn(design, milliseconds);
    refine();
  }, onError);
  // The picture stays sharp when the page is resized or zoomed, and may gain by detail then.
  new ResizeObserver(() => {
    show();
    refine();
  }).observe(canvas);
  return drawer;
}
