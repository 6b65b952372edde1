// Lanczos enlargement of image data: browsers offer nothing sharper than a bicubic.

const LOBES = 3;
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
  const taps = Math.min(2 * LOBES, from);
  const first = new Int32Array(to);
  const weight = new Float32Array(to * taps);
  for (let i = 0; i < to; i++) {
    const centre = ((i + 0.5) * from) / to - 0.5;
    first[i] = Math.max(0, Math.min(from - taps, Math.floor(centre) - LOBES + 1));
    let sum = 0;
    for (let tap = 0; tap < taps; tap++) {
      sum += weight[i * taps + tap] = kernel(first[i] + tap - centre);
    }
    for (let tap = 0; tap < taps; tap++) weight[i * taps + tap] /= sum;
  }
  kept.set(name, { taps, first, weight });
  return kept.get(name);
}

/** Enlarge opaque ImageData to `width` x `height`. */
export function lanczos(source, width, height) {
  const across = weights(source.width, width);
  const down = weights(source.height, height);
  const rows = new Float32Array(source.height * width * 3);
  for (let y = 0, out = 0; y < source.height; y++) {
    for (let x = 0; x < width; x++, out += 3) {
      let from = (y * source.width + across.first[x]) * 4;
      let red = 0, green = 0, blue = 0;
      for (let tap = x * across.taps, end = tap + across.taps; tap < end; tap++, from += 4) {
        const weight = across.weight[tap];
        red += weight * source.data[from];
        green += weight * source.data[from + 1];
        blue += weight * source.data[from + 2];
      }
      rows[out] = red;
      rows[out + 1] = green;
      rows[out + 2] = blue;
    }
  }
  const result = new ImageData(width, height);
  const stride = width * 3;
  const line = new Float32Array(stride);
  for (let y = 0, out = 0; y < height; y++) {
    line.fill(0);
    for (let tap = 0; tap < down.taps; tap++) {
      const weight = down.weight[y * down.taps + tap];
      const from = (down.first[y] + tap) * stride;
      for (let i = 0; i < stride; i++) line[i] += weight * rows[from + i];
    }
    for (let i = 0; i < stride; i += 3, out += 4) {
      // ImageData rounds and clips by itself.
      result.data[out] = line[i];
      result.data[out + 1] = line[i + 1];
      result.data[out + 2] = line[i + 2];
      result.data[out + 3] = 255;
    }
  }
  return result;
}
