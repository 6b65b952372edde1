// The latest wish wins: one drawing at a time, and after it only the newest design asked for.

import { urgentTile } from "./tiles.js";

export class Drawer {
  /** `onDrawn(pixels, design, milliseconds)` and `onError(error, design)` are told of results. */
  constructor(onDrawn, onError) {
    Object.assign(this, { onDrawn, onError, wish: null, busy: false });
  }

  draw(design) {
    this.wish = design;
    if (!this.busy) this.work();
  }

  async work() {
    this.busy = true;
    while (this.wish) {
      const design = this.wish;
      this.wish = null;
      const start = performance.now();
      try {
        const pixels = await urgentTile(design);
        this.onDrawn(pixels, design, performance.now() - start);
      } catch (error) {
        // A newer wish may well succeed; only the last word is shown.
        if (!this.wish) this.onError(error, design);
      }
    }
    this.busy = false;
  }
}
