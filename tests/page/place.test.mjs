// studio/ui/page/place.js by itself: `node --test tests/page`.

import assert from "node:assert/strict";
import { test } from "node:test";

import { between, leafOf, leavesOf, placeOf, slerp } from "../../studio/ui/page/place.js";

const LAYERS = 2, DIM = 3;

function place(...styles) {
  return {
    styles: Float32Array.from(styles),
    centre: new Float32Array(styles.length).fill(1),
    deviation: new Float32Array(styles.length).fill(0.5),
    layers: LAYERS,
    dim: DIM,
    mapped: true,
  };
}

const SLIDERS = {
  vectors: Float32Array.from([1, 0, 0, 0, 0, 0, 0, 2, 0, 0, 2, 0]),
  coarse: 1,
  linear: true,
};
const LEAVES = { 1: place(2, 2, 2, 3, 3, 3), 2: place(4, 4, 4, 5, 5, 5) };
const of = (design) => [...placeOf(design, (leaf) => LEAVES[leaf.seed], SLIDERS).styles];

test("a leaf has neither truncation nor sliders", () => {
  const design = { generator: "g", seed: 1, text: "red", truncation: 0.5, directions: [[0, 1]], fingerprint: "f" };
  assert.deepEqual(leafOf(design, true), { generator: "g", seed: 1, text: "red" });
});

test("a blend has the leaves of both, unless it has relatives", () => {
  const blend = { generator: "g", seed: 0, blend: [{ seed: 1, truncation: 0.5 }, { seed: 2 }, 0.5] };
  assert.deepEqual(leavesOf(blend, true), [{ seed: 1 }, { seed: 2 }]);
  const varied = { ...blend, variations: [[3, 0.3]] };
  assert.deepEqual(leavesOf(varied, true), [varied]);
});

test("where truncation is not linear, leaves are placed with theirs", () => {
  const leaf = { generator: "g", seed: 1, truncation: 0.5 };
  assert.deepEqual(leafOf({ ...leaf, directions: [[0, 1]] }, false), leaf);
  const blend = { generator: "g", seed: 0, truncation: 0.3, blend: [leaf, { seed: 2 }, 0.5] };
  assert.deepEqual(leavesOf(blend, false), [leaf, { seed: 2 }]);
  const known = (found) => LEAVES[found.truncation === 0.5 ? 2 : 1]; // of what the studio calmed
  const placed = (design) => [...placeOf(design, known, { ...SLIDERS, linear: false }).styles];
  assert.deepEqual(placed({ seed: 1, truncation: 0.5 }), [4, 4, 4, 5, 5, 5]);
  assert.deepEqual(placed({ ...blend, truncation: 0, blend: [leaf, leaf, 0.5] }), [1, 1, 1, 1, 1, 1]);
});

test("truncation draws towards the centre", () => {
  assert.deepEqual(of({ seed: 1, truncation: 0.5 }), [1.5, 1.5, 1.5, 2, 2, 2]);
  assert.deepEqual(of({ seed: 1, truncation: 0 }), [1, 1, 1, 1, 1, 1]);
});

test("directions act on their layers only, after truncation", () => {
  assert.deepEqual(of({ seed: 1, directions: [[0, 2]] }), [4, 2, 2, 3, 3, 3]);
  assert.deepEqual(of({ seed: 1, truncation: 0, directions: [[1, -1]] }), [1, -1, 1, 1, -1, 1]);
});

test("fine controls step by the deviation in all layers", () => {
  assert.deepEqual(of({ seed: 1, dimensions: [[2, 2]] }), [2, 2, 3, 3, 3, 4]);
});

test("what is known of a leaf stays as it was", () => {
  of({ seed: 1, truncation: 0, directions: [[0, 2]] });
  assert.deepEqual([...LEAVES[1].styles], [2, 2, 2, 3, 3, 3]);
});

test("shape and surface blend apart", () => {
  const parents = [{ seed: 1 }, { seed: 2 }];
  assert.deepEqual(of({ seed: 0, blend: [...parents, 0.5] }), [3, 3, 3, 4, 4, 4]);
  assert.deepEqual(of({ seed: 0, blend: [...parents, 0, 1] }), [2, 2, 2, 5, 5, 5]);
  assert.deepEqual(of({ seed: 0, blend: [{ seed: 1, truncation: 0 }, { seed: 2 }, 0.5] }), [2.5, 2.5, 2.5, 3, 3, 3]);
});

test("latents blend along the sphere", () => {
  const [first, second] = [Float32Array.from([2, 0]), Float32Array.from([0, 4])];
  const middle = slerp(first, second, 0.5);
  assert.ok(Math.abs(Math.hypot(...middle) - 3) < 1e-5);
  assert.ok(Math.abs(middle[0] - middle[1]) < 1e-5);
  assert.deepEqual([...slerp(first, second, 0)], [2, 0]);
  assert.deepEqual([...slerp(first, first, 0.3)].map((each) => each.toFixed(4)), ["2.0000", "0.0000"]);
  assert.deepEqual([...slerp(Float32Array.from([0, 0]), second, 0.25)], [0, 1]);
  const unmapped = { styles: first, mapped: false };
  assert.deepEqual([...between(unmapped, { styles: second }, 1, 1, 1).styles].map(Math.round), [0, 4]);
});
