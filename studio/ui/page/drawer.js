// The latest wish wins: one drawing at a time, and then only the newest design asked for. While
// a hand moves, pictures are drawn in the page where that is possible, a screen's frame apart; when
// it rests, the studio's own picture takes its place.

import { drawHere, drawsHere, prepare } from "./network.js";
import { urgentTile } from "./tiles.js";

/** @import { Design, OnDrawn } from "./types.d.ts" */

export class Drawer {
  /**
   * `onDrawn(pixels, design, milliseconds, moving)` and `onError(error, design)` are told of results;
   * `moving` if the picture was drawn here and another may follow within a frame.
   * @param {OnDrawn} onDrawn
   * @param {(error: unknown, design: Design) => void} onError
   */
  constructor(onDrawn, onError) {
    this.onDrawn = onDrawn;
    this.onError = onError;
    /** @type {Design | null} */
    this.wish = null;
    /** @type {Design | null} */
    this.last = null;
    this.busy = false;
    // How many designs were asked for, and up to which of them the studio's own picture is shown.
    this.asked = this.final = 0;
  }

  /**
   * Draw a design as soon as can be.
   * @param {Design} design
   */
  draw(design) {
    this.wish = this.last = design;
    this.asked += 1;
    if (!this.busy) this.work();
  }

  /**
   * The hand rests on a design: show it as the studio draws it, and be ready for the next move.
   * @param {Design} design
   */
  async rest(design) {
    try {
      const pixels = await urgentTile(design);
      if (this.last !== design) return;
      this.final = this.asked;
      this.onDrawn(pixels, design, null, false);
    } catch (error) {
      if (this.last === design) this.onError(error, design);
      return;
    }
    prepare(design);
  }

  async work() {
    this.busy = true;
    for (let now = this.begun(), next; now; now = next) {
      try {
        const pixels = await now.pixels;
        // Whoever draws goes on with the newest wish, while this picture is enlarged and shown.
        next = this.begun();
        // The studio's own picture of this or a newer design may have come first, and is to stay.
        if (now.number > this.final) {
          this.onDrawn(pixels, now.design, performance.now() - now.start, now.here);
        }
        if (now.here && next) await frame();
      } catch (error) {
        next ??= this.begun();
        // A newer wish may well succeed; only the last word is shown.
        if (!next) this.onError(error, now.design);
      }
      next ??= this.begun();
    }
    this.busy = false;
  }

  /** The newest wish, and its picture as a promise; null if nothing new is wished for. */
  begun() {
    const design = this.wish;
    if (!design) return null;
    this.wish = null;
    const here = drawsHere(design);
    const pixels = here ? drawHere(design).catch(() => urgentTile(design)) : urgentTile(design);
    pixels.catch(() => {}); // whoever shows it is told
    return { design, number: this.asked, here, pixels, start: performance.now() };
  }
}

/**
 * The screen's next frame: more pictures than it shows would be drawn for nobody.
 * @returns {Promise<unknown>}
 */
function frame() {
  return new Promise((resolve) => (document.hidden ? setTimeout(resolve) : requestAnimationFrame(resolve)));
}
