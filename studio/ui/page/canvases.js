// What draws on a canvas, for all parts of the page that do.

/**
 * @template {HTMLCanvasElement | OffscreenCanvas} Canvas
 * @typedef {Canvas extends HTMLCanvasElement ? CanvasRenderingContext2D
 *   : OffscreenCanvasRenderingContext2D} Context
 */

/**
 * The context of a canvas. Browsers give one for every canvas that is drawn on in no other way.
 * @template {HTMLCanvasElement | OffscreenCanvas} Canvas
 * @param {Canvas} canvas
 * @param {CanvasRenderingContext2DSettings} [settings]
 */
export function contextOf(canvas, settings) {
  return /** @type {Context<Canvas>} */ (canvas.getContext("2d", settings));
}
