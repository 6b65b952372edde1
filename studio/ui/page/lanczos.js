// Lanczos enlargement of image data: browsers offer nothing sharper than a bicubic.

const LOBES = 3;
const TAPS = 2 * LOBES;
const kept = new Map();

function kernel(x) {
  if (x === 0) return 1;
  if (Math.abs(x) >= LOBES) return 0;
  const a = Math.PI * x;
  return (LOBES * Math.sin(a) * Math.sin(a / LOBES)) / (a * a);
}

/** For each of `to` pixels: the first of `from` pixels that it is mixed from, and the weights. */
function weights(from, to) {
  const name = `${from}:${to}`;
  if (kept.has(name)) return kept.get(name);
  const taps = Math.min(TAPS, from); // the others' weights stay 0
  const first = new Int32Array(to);
  const weight = new Float32Array(to * TAPS);
  for (let i = 0; i < to; i++) {
    const centre = ((i + 0.5) * from) / to - 0.5;
    first[i] = Math.max(0, Math.min(from - taps, Math.floor(centre) - LOBES + 1));
    let sum = 0;
    for (let tap = 0; tap < taps; tap++) {
      sum += weight[i * TAPS + tap] = kernel(first[i] + tap - centre);
    }
    for (let tap = 0; tap < taps; tap++) weight[i * TAPS + tap] /= sum;
  }
  kept.set(name, { first, weight });
  return kept.get(name);
}

/** Enlarge opaque ImageData to `width` x `height`. */
export function lanczos(source, width, height) {
  const result = new ImageData(width, height);
  enlargeDown(enlargeAcross(source, width), source.height, result);
  return result;
}

/** The source's rows, each `width` pixels wide: red, green, blue after one another. */
function enlargeAcross({ data, width: from, height }, width) {
  const { first, weight } = weights(from, width);
  const rows = new Float32Array(height * width * 3);
  for (let y = 0, out = 0; y < height; y++) {
    for (let x = 0; x < width; x++, out += 3) {
      let red = 0, green = 0, blue = 0;
      for (let tap = 0; tap < TAPS; tap++) {
        const at = (y * from + Math.min(first[x] + tap, from - 1)) * 4;
        const share = weight[x * TAPS + tap];
        red += share * data[at];
        green += share * data[at + 1];
        blue += share * data[at + 2];
      }
      rows[out] = red;
      rows[out + 1] = green;
      rows[out + 2] = blue;
    }
  }
  return rows;
}

/** Mix `from` rows into those of the result. Six at once: this is where the time goes. */
function enlargeDown(rows, from, { data, width, height }) {
  const { first, weight } = weights(from, height);
  const stride = width * 3;
  for (let y = 0, out = 0; y < height; y++) {
    const [a, b, c, d, e, f] = weight.subarray(y * TAPS, (y + 1) * TAPS);
    const row = (tap) => {
      const start = Math.min(first[y] + tap, from - 1) * stride;
      return rows.subarray(start, start + stride);
    };
    const [ra, rb, rc, rd, re, rf] = [row(0), row(1), row(2), row(3), row(4), row(5)];
    for (let i = 0; i < stride; out++) {
      // ImageData rounds and clips by itself.
      for (const end = i + 3; i < end; i++, out++) {
        data[out] = a * ra[i] + b * rb[i] + c * rc[i] + d * rd[i] + e * re[i] + f * rf[i];
      }
      data[out] = 255;
    }
  }
}
