// Detail where the hand rests: the design on the easel at twice its generator's size. The studio
// makes it up, which costs it more than a picture does: so it is asked only where more can be seen,
// when nothing has moved for a while, and once at a time.

import { Refusal, call } from "./api.js";
import { key } from "./design.js";
import { generatorOf, weightsOf } from "./store.js";
import { opened } from "./tiles.js";

/** @import { Design } from "./types.d.ts" */
/** @typedef {{ design: Design, name: string }} Wish */

const REST = 500; // ms without a move
const KEPT = 16; // pictures of up to 1 MB
const saving = Boolean(navigator.connection?.saveData); // then it is not worth hundreds of kilobytes

/** @type {Map<string, ImageData>} design and weights -> its picture, oldest first */
const kept = new Map();
/** @type {Set<string>} weights for which the studio has none to add, or no time */
const refused = new Set();

/**
 * The picture of a design with detail, if the page has it.
 * @param {Design} design
 */
export function detailOf(design) {
  return kept.get(nameOf(design));
}

export class Detail {
  /**
   * `onDetail(pixels, design)` gets the picture of the design that the hand still rests on.
   * @param {HTMLCanvasElement} canvas where it is to be seen
   * @param {(pixels: ImageData, design: Design) => void} onDetail
   */
  constructor(canvas, onDetail) {
    this.canvas = canvas;
    this.onDetail = onDetail;
    /** @type {Wish | null} */
    this.wish = null;
    /** @type {number | undefined} */
    this.timer = undefined;
    this.busy = false;
  }

  /** The hand moves: what was wished for is not wanted any more, nor is an answer under way. */
  drop() {
    clearTimeout(this.timer);
    this.wish = null;
  }

  /**
   * A design's own picture of `side` pixels stands on the canvas, and the hand rests.
   * @type {(design: Design, side: number) => void}
   */
  rest(design, side) {
    this.drop();
    const known = detailOf(design);
    if (!this.gains(design, side)) return;
    if (known) return this.onDetail(known, design);
    this.timer = setTimeout(() => {
      if (!this.gains(design, side)) return;
      this.wish = { design, name: nameOf(design) };
      if (!this.busy) this.work();
    }, REST);
  }

  /**
   * Whether a design can have detail, and the screen shows more than its picture's own pixels.
   * @type {(design: Design, side: number) => boolean}
   */
  gains({ generator }, side) {
    return !saving && generatorOf(generator)?.enlargement === "detail"
      && !refused.has(weightsOf(generator))
      && Math.round(this.canvas.clientWidth * devicePixelRatio) > side;
  }

  // A request that is given up would go on in the studio: so its answer is waited for, and kept,
  // before the newest wish is sent.
  async work() {
    this.busy = true;
    for (let wish = this.wish; wish; wish = this.wish) {
      const pixels = await asked(wish);
      if (this.wish !== wish) continue;
      this.wish = null;
      if (pixels) this.onDetail(pixels, wish.design);
    }
    this.busy = false;
  }
}

/**
 * The studio's picture, or null: the easel has one already, so nothing is said.
 * @type {(wish: Wish) => Promise<ImageData | null>}
 */
async function asked({ design, name }) {
  const known = kept.get(name); // a late answer to an earlier wish
  if (known) return known;
  const weights = weightsOf(design.generator);
  try {
    const { png, size } = await call("detailed", design);
    const pixels = (await opened(png)).getImageData(0, 0, size, size);
    kept.set(name, pixels);
    if (kept.size > KEPT) {
      const [oldest] = kept.keys();
      kept.delete(oldest);
    }
    return pixels;
  } catch (error) {
    if (error instanceof Refusal) refused.add(weights);
    return null;
  }
}

/** @param {Design} design */
function nameOf(design) {
  return key(design) + weightsOf(design.generator);
}
