// What a run draws: its newest grid of samples, and the way there, from the first one on.

import { contextOf } from "./canvases.js";
import { button, make } from "./elements.js";
import { frame, layOut, opened } from "./sample-grid.js";
import { moment } from "./train-numbers.js";
import { duration } from "./train-words.js";

/** @import { Point, Sheet, Status, Training } from "./types.d.ts" */
/** @typedef {{ run: string, step: number, fade: boolean, name: string }} Wish */

const FADE = 260; // ms
const REST = 140; // ms without a newer wish until a grid is drawn at its sharpest
const SHORTEST = 70, LONGEST = 300, WHOLE = 14_000; // ms of a frame, at least and at most; of all
const WITHOUT_MOTION = 900; // ms of a frame for those who want little motion
const STARTS = "The first designs come a few seconds after the training starts.";

const calm = matchMedia("(prefers-reduced-motion: reduce)");

/**
 * Make the card, the slider and the caption in `element`; the result's `show(training)`
 * follows, and `foot` is the caption's line.
 * @param {HTMLElement} element
 */
export function mountTimeLapse(element) {
  const canvas = make("canvas", "at-frame");
  canvas.setAttribute("role", "img");
  const words = make("p", "at-frame-words");
  const card = make("div", "at-frame-card", canvas, words);
  const range = make("input", "at-lapse-range");
  Object.assign(range, { type: "range", min: 0, max: 0, step: 1, value: 0 });
  range.setAttribute("aria-label", "Time-lapse, from the start to now");
  const play = button("", "at-button at-play", () => (playing ? pause() : start()));
  const caption = make("p", "at-lapse-caption");
  const bar = make("div", "at-lapse", make("span", "", "start"), range, make("span", "", "now"), play);
  const foot = make("div", "at-lapse-foot", caption);
  element.append(card, bar, foot);

  const picture = new Picture(canvas, card);
  /** @type {Pick<Training, "run" | "frames" | "curve" | "known">} */
  let training = { run: null, frames: [], curve: [], known: false };
  /** @type {number | null} the step a person moved back to; null follows the newest */
  let chosen = null;
  /** @type {number | null} timer */
  let playing = null;
  let fades = false; // while it plays

  const at = () => {
    const { frames } = training;
    const wanted = chosen;
    if (wanted === null) return frames.length - 1;
    const next = frames.findIndex((step) => step >= wanted);
    return next < 0 ? frames.length - 1 : next;
  };

  /** @param {boolean} fade */
  function draw(fade) {
    const { run, frames, curve } = training;
    const index = at();
    range.max = String(Math.max(0, frames.length - 1));
    range.value = String(Math.max(0, index));
    range.disabled = play.disabled = frames.length < 2;
    words.hidden = frames.length > 0;
    if (!run || !frames.length) {
      words.textContent = training.known ? STARTS : "";
      caption.textContent = "\u00a0";
      return picture.clear();
    }
    const said = after(curve, run.status, frames[index]);
    caption.textContent = said;
    range.setAttribute("aria-valuetext", said);
    picture.wish(run.id, frames[index], fade).then((sheet) => {
      if (sheet) canvas.setAttribute("aria-label", `${sheet.columns * sheet.rows} designs, ${said}`);
    });
    // What comes next, when playing and when a hand moves on.
    for (const near of [index + 1, index + 2, index - 1]) {
      if (frames[near] !== undefined) frame(run.id, frames[near]).catch(() => {});
    }
  }

  /** @param {number} index */
  function to(index) {
    chosen = index >= training.frames.length - 1 ? null : training.frames[index];
  }

  function start() {
    if (chosen === null) to(0);
    draw(false);
    label(true);
    // Whatever happens to the frame, the next one follows.
    const step = () => {
      to(at() + 1);
      draw(fades);
      if (chosen === null) return pause();
      playing = setTimeout(step, pace());
    };
    playing = setTimeout(step, pace());
  }

  function pace() {
    if (calm.matches) return WITHOUT_MOTION;
    const each = Math.min(LONGEST, Math.max(SHORTEST, WHOLE / training.frames.length));
    fades = each > 200;
    return each;
  }

  function pause() {
    clearTimeout(playing ?? undefined);
    playing = null;
    label(false);
  }

  /** @param {boolean} on */
  function label(on) {
    play.replaceChildren(make("span", on ? "at-icon-pause" : "at-icon-play"), on ? "Pause" : "Time-lapse");
  }

  range.addEventListener("input", () => {
    pause();
    to(Number(range.value));
    draw(false);
  });
  label(false);
  new ResizeObserver(() => picture.resize()).observe(canvas);

  return {
    foot,
    /** @param {Training} now */
    show(now) {
      if (now.run?.id !== training.run?.id) {
        pause();
        chosen = null;
        picture.clear();
      }
      // A copy: what `now` refers to goes on changing.
      training = { ...now };
      draw(!playing && chosen === null);
    },
  };
}

/** @type {(curve: Point[], status: Status, step: number) => string} */
function after(curve, status, step) {
  const { images, seconds } = moment(curve, status, step);
  if (!images) return "before the first photo";
  return [`after ${images.toLocaleString("en")} photos shown`, duration(seconds)]
    .filter(Boolean).join(" · ");
}

/** The canvas: the newest wish is drawn, the old grid stays until it is there. */
class Picture {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {HTMLElement} card
   */
  constructor(canvas, card) {
    this.canvas = canvas;
    this.card = card;
    /** @type {Wish | null} */
    this.wanted = null;
    /** @type {Promise<Sheet | null> | null} */
    this.busy = null;
    /** @type {Sheet | null} what is shown, and its name */
    this.sheet = null;
    this.name = "";
    this.fading = this.resting = 0; // the frame and the timer that are to come
  }

  /**
   * Show a frame as soon as it is here; the opened sheet, or null if it was not drawn.
   * @type {(run: string, step: number, fade: boolean) => Promise<Sheet | null>}
   */
  wish(run, step, fade) {
    const name = `${run}:${step}`;
    if (name === (this.wanted?.name ?? this.name)) return Promise.resolve(this.sheet);
    this.wanted = { run, step, fade, name };
    this.busy ??= this.work().finally(() => (this.busy = null));
    return this.busy;
  }

  async work() {
    while (this.wanted) {
      const wish = this.wanted;
      try {
        const sheet = await opened(await frame(wish.run, wish.step));
        // Any frame on the way is worth showing, but not one of another run.
        if (this.wanted?.run === wish.run) this.show(sheet, wish);
        else sheet.bitmap.close();
      } catch {
        // The next look asks for it again.
      }
      if (this.wanted === wish) this.wanted = null;
    }
    return this.sheet;
  }

  /** @type {(sheet: Sheet, wish: Wish) => void} */
  show(sheet, { name, fade }) {
    this.sheet?.bitmap.close();
    Object.assign(this, { sheet, name });
    const { columns, rows } = sheet;
    this.card.style.setProperty("--columns", String(columns));
    this.card.style.setProperty("--rows", String(rows));
    this.card.parentElement?.style.setProperty("--shape", String(columns / rows));
    this.paint(fade && !calm.matches && !document.hidden);
  }

  /** @param {boolean} fade */
  paint(fade) {
    const { canvas, sheet } = this;
    const width = Math.round(canvas.clientWidth * devicePixelRatio);
    const height = Math.round(canvas.clientHeight * devicePixelRatio);
    cancelAnimationFrame(this.fading);
    clearTimeout(this.resting);
    if (!width || !height || !sheet) return;
    const old = fade && canvas.width === width && canvas.height === height ? copy(canvas) : null;
    if (canvas.width !== width) canvas.width = width;
    if (canvas.height !== height) canvas.height = height;
    // What is faded to is final, so that nothing changes at the end.
    layOut(canvas, sheet, Boolean(old));
    if (old) this.fade(old);
    else this.resting = setTimeout(() => layOut(canvas, sheet, true), REST);
  }

  /** @param {OffscreenCanvas} old */
  fade(old) {
    const { canvas } = this;
    const context = contextOf(canvas);
    const fresh = copy(canvas);
    const begin = performance.now();
    const step = () => {
      const part = Math.min(1, (performance.now() - begin) / FADE);
      context.drawImage(old, 0, 0);
      context.globalAlpha = part;
      context.drawImage(fresh, 0, 0);
      context.globalAlpha = 1;
      if (part < 1) this.fading = requestAnimationFrame(step);
    };
    step();
  }

  resize() {
    this.paint(false);
  }

  clear() {
    const { canvas } = this;
    this.wanted = null;
    this.sheet?.bitmap.close();
    Object.assign(this, { sheet: null, name: "" });
    clearTimeout(this.resting);
    cancelAnimationFrame(this.fading);
    canvas.width += 0; // to set it empties it
    canvas.setAttribute("aria-label", "No designs yet");
  }
}

/** @param {HTMLCanvasElement} canvas */
function copy(canvas) {
  const result = new OffscreenCanvas(canvas.width, canvas.height);
  contextOf(result).drawImage(canvas, 0, 0);
  return result;
}
