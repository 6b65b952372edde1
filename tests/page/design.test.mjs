// studio/ui/page/design.js by itself: `node --test tests/page`.

import assert from "node:assert/strict";
import { test } from "node:test";

import { ofPhoto } from "../../studio/ui/page/design.js";

test("a photo is found in a design and in blends of blends", () => {
  const seed = { generator: "g", seed: 1 };
  const photo = { generator: "g", seed: 0, photo: "AQ" };
  const blend = { generator: "g", seed: 0, blend: [seed, photo, 0.5] };
  assert.equal(ofPhoto(seed), false);
  assert.equal(ofPhoto(photo), true);
  assert.equal(ofPhoto(blend), true);
  assert.equal(ofPhoto({ ...seed, blend: [seed, blend, 0.25], variations: [[1, 0.3]] }), true);
  assert.equal(ofPhoto({ ...seed, blend: [seed, seed, 0.25] }), false);
});
