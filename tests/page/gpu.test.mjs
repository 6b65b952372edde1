// When the graphics card is tried, and what it takes to stay.

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { alike, beats, hasGpu, median, outcome, remember, slow } from "../../studio/ui/page/gpu.js";
import { VERSION } from "../../studio/ui/page/runtime.js";

function has(name, value) {
  Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
}

function storage() {
  const kept = new Map();
  return {
    kept,
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, value) => kept.set(key, value),
    removeItem: (key) => kept.delete(key),
  };
}

afterEach(() => {
  has("navigator", {});
  has("localStorage", undefined);
});

test("the median is the middle, by number and not by letter", () => {
  assert.equal(median([100, 9, 20]), 20);
  assert.equal(median([4, 1, 100, 2]), 3);
  assert.equal(median([7]), 7);
});

test("it takes several drawings that are long as a rule", () => {
  assert.equal(slow(Array(7).fill(50)), false);
  assert.equal(slow(Array(8).fill(50)), true);
  assert.equal(slow(Array(8).fill(16)), false); // a frame
  assert.equal(slow([900, 900, 900, 5, 5, 5, 5, 5]), false);
});

test("pictures may differ by 2 levels", () => {
  const picture = Uint8ClampedArray.of(0, 100, 255);
  assert.ok(alike(picture, Uint8ClampedArray.of(2, 98, 253)));
  assert.ok(!alike(picture, Uint8ClampedArray.of(0, 103, 255)));
  assert.ok(!alike(Uint8ClampedArray.of(0, 97, 255), picture));
  assert.ok(!alike(picture, Uint8ClampedArray.of(0, 100)));
});

const picture = { styles: Float32Array.of(1, 2), shape: [1, 2], pixels: Uint8ClampedArray.of(1, 2, 3, 255) };

/** Draws that picture, each time in the next of `times` (then the last); `wrong(turn)` spoils it. */
function challenger(times, wrong = () => false) {
  let turn = 0;
  return {
    draw: async (styles, shape) => {
      assert.deepEqual([styles, shape], [picture.styles, picture.shape]);
      const pixels = picture.pixels.slice();
      if (wrong(turn)) pixels[0] += 3;
      turn += 1;
      return { pixels, milliseconds: times[Math.min(turn, times.length) - 1] };
    },
  };
}

const before = Array(8).fill(30);

test("the faster one wins, and warming up does not count", async () => {
  assert.equal(await beats(challenger([29]), picture, before), true);
  assert.equal(await beats(challenger([9000, 9000, 9000, 5]), picture, before), true);
  assert.equal(await beats(challenger([90, 90, 90, 5, 5, 5, 5, 5, 90, 90, 90]), picture, before), true);
  assert.equal(await beats(challenger([5, 5, 5, 40]), picture, before), false);
  assert.equal(await beats(challenger([30]), picture, before), false);
});

test("one wrong picture loses", async () => {
  assert.equal(await beats(challenger([1], (turn) => turn === 0), picture, before), false);
  assert.equal(await beats(challenger([1], (turn) => turn === 10), picture, before), false);
});

test("a program that acts as a graphics card is none", async () => {
  const gpu = (adapter) => has("navigator", { gpu: { requestAdapter: async () => adapter } });
  assert.equal(await hasGpu(), false);
  gpu(null);
  assert.equal(await hasGpu(), false);
  gpu({ info: { isFallbackAdapter: true } });
  assert.equal(await hasGpu(), false);
  gpu({ isFallbackAdapter: true, info: {} }); // as browsers said before
  assert.equal(await hasGpu(), false);
  gpu({ info: { isFallbackAdapter: false } });
  assert.equal(await hasGpu(), true);
  has("navigator", { gpu: { requestAdapter: async () => Promise.reject(new Error()) } });
  assert.equal(await hasGpu(), false);
});

test("the outcome is remembered for this version of the runtime", () => {
  has("localStorage", storage());
  assert.equal(outcome(), null);
  remember("won");
  assert.equal(outcome(), "won");
  remember("lost");
  assert.equal(outcome(), "lost");
  const [[name, value]] = localStorage.kept;
  localStorage.setItem(name, value.replace(VERSION, "1.0.0"));
  assert.equal(outcome(), null);
  remember("won");
  remember(null);
  assert.equal(localStorage.kept.size, 0);
});

test("a browser that remembers nothing is no trouble", () => {
  const refuse = () => {
    throw new Error("denied");
  };
  has("localStorage", { getItem: refuse, setItem: refuse, removeItem: refuse });
  remember("won");
  remember(null);
  assert.equal(outcome(), null);
});
