// Lanczos enlargement of image data: browsers offer nothing sharper than a bicubic.

const LOBES = 3;
const TAPS = 2 * LOBES;
/** @typedef {{ first: Int32Array, weight: Float64Array }} Weights */
/** @type {Map<string, Weights>} */
const kept = new Map();

/** @param {number} x */
function kernel(x) {
  if (x === 0) return 1;
  if (Math.abs(x) >= LOBES) return 0;
  const a = Math.PI * x;
  return (LOBES * Math.sin(a) * Math.sin(a / LOBES)) / (a * a);
}

/**
 * For each of `to` pixels: the first of `from` pixels that it is mixed from, and the weights.
 * @type {(from: number, to: number) => Weights}
 */
function weights(from, to) {
  const name = `${from}:${to}`;
  const known = kept.get(name);
  if (known) return known;
  const taps = Math.min(TAPS, from); // the others' weights stay 0
  const first = new Int32Array(to);
  const weight = new Float64Array(to * TAPS);
  for (let i = 0; i < to; i++) {
    const centre = ((i + 0.5) * from) / to - 0.5;
    first[i] = Math.max(0, Math.min(from - taps, Math.floor(centre) - LOBES + 1));
    let sum = 0;
    for (let tap = 0; tap < taps; tap++) {
      sum += weight[i * TAPS + tap] = kernel(first[i] + tap - centre);
    }
    for (let tap = 0; tap < taps; tap++) weight[i * TAPS + tap] /= sum;
  }
  const result = { first, weight };
  kept.set(name, result);
  return result;
}

/**
 * Enlarge opaque ImageData to `width` x `height`.
 * @type {(source: ImageData, width: number, height: number) => ImageData}
 */
export function lanczos(source, width, height) {
  const result = new ImageData(width, height);
  enlargeDown(enlargeAcross(source, width), source.height, result);
  return result;
}

/**
 * The source's rows, each `width` pixels wide: red, green, blue after one another. Both ways are
 * written out, and in doubles as scripts reckon with them: this is where the time goes.
 * @type {(source: ImageData, width: number) => Float64Array}
 */
function enlargeAcross({ data, width: from, height }, width) {
  const { first, weight } = weights(from, width);
  const rows = new Float64Array(height * width * 3);
  for (let x = 0; x < width; x++) {
    const [a, b, c, d, e, f] = weight.subarray(x * TAPS, (x + 1) * TAPS);
    let [pa, pb, pc, pd, pe, pf] = starts(first[x], from, 4);
    for (let y = 0, out = x * 3; y < height; y++, out += width * 3) {
      rows[out] = a * data[pa] + b * data[pb] + c * data[pc] + d * data[pd] + e * data[pe] + f * data[pf];
      rows[out + 1] = a * data[pa + 1] + b * data[pb + 1] + c * data[pc + 1]
        + d * data[pd + 1] + e * data[pe + 1] + f * data[pf + 1];
      rows[out + 2] = a * data[pa + 2] + b * data[pb + 2] + c * data[pc + 2]
        + d * data[pd + 2] + e * data[pe + 2] + f * data[pf + 2];
      pa += from * 4; pb += from * 4; pc += from * 4; pd += from * 4; pe += from * 4; pf += from * 4;
    }
  }
  return rows;
}

/**
 * Mix `from` rows into those of the result.
 * @type {(rows: Float64Array, from: number, result: ImageData) => void}
 */
function enlargeDown(rows, from, { data, width, height }) {
  const { first, weight } = weights(from, height);
  for (let y = 0, out = 0; y < height; y++) {
    const [a, b, c, d, e, f] = weight.subarray(y * TAPS, (y + 1) * TAPS);
    let [pa, pb, pc, pd, pe, pf] = starts(first[y], from, width * 3);
    for (let x = 0; x < width; x++, out += 4) {
      // ImageData rounds and clips by itself.
      data[out] = a * rows[pa] + b * rows[pb] + c * rows[pc] + d * rows[pd] + e * rows[pe] + f * rows[pf];
      data[out + 1] = a * rows[pa + 1] + b * rows[pb + 1] + c * rows[pc + 1]
        + d * rows[pd + 1] + e * rows[pe + 1] + f * rows[pf + 1];
      data[out + 2] = a * rows[pa + 2] + b * rows[pb + 2] + c * rows[pc + 2]
        + d * rows[pd + 2] + e * rows[pe + 2] + f * rows[pf + 2];
      data[out + 3] = 255;
      pa += 3; pb += 3; pc += 3; pd += 3; pe += 3; pf += 3;
    }
  }
}

/**
 * Where the pixels or rows that are mixed begin; the last again where there are fewer than taps.
 * @type {(first: number, from: number, stride: number) => number[]}
 */
function starts(first, from, stride) {
  return Array.from({ length: TAPS }, (_, tap) => Math.min(first + tap, from - 1) * stride);
}
