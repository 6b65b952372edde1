// Which curves a chart shows: those that there are numbers of.

import assert from "node:assert/strict";
import { test } from "node:test";

import { shownOf } from "../../studio/ui/page/train-numbers.js";

const LINES = [["generator", "loss_g"], ["discriminator", "loss_d"], ["features", "feature_distance"]];
const point = (step, numbers) => ({ step, images_shown: step * 10, ...numbers });
const labels = (points) => shownOf(LINES, points, 2).map(([label]) => label);

test("a training without a game shows the numbers that it has", () => {
  assert.deepEqual(labels([point(1, { feature_distance: 2 }), point(2, { feature_distance: 1 })]), ["features"]);
});

test("a game shows both losses, and so does a training without numbers yet", () => {
  assert.deepEqual(labels([point(1, { loss_g: 2, loss_d: 1 })]), ["generator", "discriminator"]);
  assert.deepEqual(labels([]), ["generator", "discriminator"]);
});

test("there are never more curves than colours", () => {
  assert.equal(labels([point(1, { loss_g: 2, loss_d: 1, feature_distance: 3 })]).length, 2);
});
