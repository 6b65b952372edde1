// The large picture: it follows the hand, and is sharp on this screen as soon as the hand rests.

import { Drawer } from "./drawer.js";
import { paint } from "./tiles.js";

const SHARP_AFTER = 100; // ms without another picture

/**
 * Paint on a canvas what is drawn; `onError` gets errors, and `onDrawn(design, milliseconds)` hears
 * of pictures. Returns the Drawer that takes the designs.
 */
export function easel(canvas, onError, onDrawn) {
  let shown = null; // { pixels, design }
  let sharpening;
  const show = (moving) => paint(canvas, shown.pixels, shown.design.generator, moving);
  const drawer = new Drawer((pixels, design, milliseconds, moving) => {
    shown = { pixels, design };
    clearTimeout(sharpening);
    show(moving);
    if (moving) sharpening = setTimeout(show, SHARP_AFTER);
    onDrawn(design, milliseconds);
  }, onError);
  // The picture stays sharp when the page is resized or zoomed.
  new ResizeObserver(() => shown && show()).observe(canvas);
  return drawer;
}
