// Draws in a thread of its own, so that the page never waits. One generator at a time: a message
// { load, bytes } replaces it, { draw, styles, shape } draws with it; each is answered by its number.

import { loadRuntime } from "./runtime.js";

let runtime = null;
let session = null;
let busy = Promise.resolve(); // messages are worked on in their order

self.addEventListener("message", ({ data }) => {
  busy = busy.then(() => work(data)).then(
    (answer) => self.postMessage({ number: data.number, ...answer }, transfers(answer)),
    (error) => self.postMessage({ number: data.number, error: String(error?.message ?? error) }),
  );
});

async function work(message) {
  return message.bytes ? load(message) : draw(message);
}

async function load({ bytes, local }) {
  runtime ??= await loadRuntime(local);
  const before = session;
  session = null;
  await before?.release();
  session = await runtime.InferenceSession.create(new Uint8Array(bytes), {
    executionProviders: ["wasm"],
    graphOptimizationLevel: "all",
  });
  return { loaded: true };
}

async function draw({ styles, shape }) {
  const input = new runtime.Tensor("float32", styles, shape);
  const { pixels } = await session.run({ styles: input });
  const [height, width] = pixels.dims;
  // A copy: the runtime's memory is its own, and may move.
  return { width, height, pixels: new Uint8ClampedArray(pixels.data) };
}

function transfers({ pixels }) {
  return pixels ? [pixels.buffer] : [];
}
