// Enlarging in the page gives what the formula says, for any size.

import assert from "node:assert/strict";
import { test } from "node:test";

class PlainImageData {
  constructor(width, height) {
    Object.assign(this, { width, height, data: new Uint8ClampedArray(width * height * 4) });
  }
}
globalThis.ImageData = PlainImageData;
const { lanczos } = await import("../../studio/ui/page/lanczos.js");

function picture(width, height, colour) {
  const result = new PlainImageData(width, height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let part = 0; part < 3; part++) result.data[(y * width + x) * 4 + part] = colour(x, y, part);
      result.data[(y * width + x) * 4 + 3] = 255;
    }
  }
  return result;
}

/** One value, straight from the definition: every pixel within reach, weighed and normalised. */
function expected(source, width, height, x, y, part) {
  const sinc = (a) => (a === 0 ? 1 : Math.sin(Math.PI * a) / (Math.PI * a));
  const weigh = (from, to, at) => {
    const centre = ((at + 0.5) * from) / to - 0.5;
    const taps = Math.min(6, from);
    const first = Math.max(0, Math.min(from - taps, Math.floor(centre) - 2));
    const near = Array.from({ length: taps }, (_, tap) => first + tap);
    const shares = near.map((each) => (Math.abs(each - centre) < 3 ? sinc(each - centre) * sinc((each - centre) / 3) : 0));
    const sum = shares.reduce((a, b) => a + b);
    return near.map((each, tap) => [each, shares[tap] / sum]);
  };
  let sum = 0;
  for (const [row, down] of weigh(source.height, height, y)) {
    for (const [column, across] of weigh(source.width, width, x)) {
      sum += down * across * source.data[(row * source.width + column) * 4 + part];
    }
  }
  return Math.min(255, Math.max(0, sum));
}

for (const [from, width, height] of [[16, 37, 50], [8, 8, 8], [5, 12, 12], [3, 20, 9], [1, 4, 4]]) {
  test(`${from} pixels to ${width} x ${height}`, () => {
    let seed = from;
    const random = () => (seed = (seed * 16807) % 2147483647) % 256;
    const source = picture(from, from, random);
    const found = lanczos(source, width, height);
    assert.deepEqual([found.width, found.height], [width, height]);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const at = (y * width + x) * 4;
        for (let part = 0; part < 3; part++) {
          const wanted = expected(source, width, height, x, y, part);
          assert.ok(Math.abs(found.data[at + part] - wanted) < 0.51, `${x} ${y} ${part}`);
        }
        assert.equal(found.data[at + 3], 255);
      }
    }
  });
}

test("one colour stays what it is", () => {
  const found = lanczos(picture(9, 9, (x, y, part) => [250, 3, 128][part]), 64, 64);
  for (let at = 0; at < found.data.length; at += 4) {
    assert.deepEqual([...found.data.subarray(at, at + 4)], [250, 3, 128, 255]);
  }
});
