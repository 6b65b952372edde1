// Draws in a thread of its own, so that the page never waits. One generator at a time: a message
// { bytes, local } replaces it, { styles, shape } draws with it; each is answered by its number. One
// that is `patient` is answered when no other waits.

import { loadRuntime } from "./runtime.js";

let runtime = null;
let session = null;
let working = false;
let waiting = []; // messages, in their order
const { port1: inlet, port2: turnstile } = new MessageChannel();

self.addEventListener("message", ({ data }) => {
  waiting.push(data);
  if (!working) workOff();
});

async function workOff() {
  working = true;
  while (waiting.length) {
    const first = waiting.find(({ patient }) => !patient) ?? waiting[0];
    waiting = waiting.filter((each) => each !== first);
    await answer(first);
    await arrivals();
  }
  working = false;
}

async function answer(message) {
  const { number } = message;
  try {
    const result = await work(message);
    self.postMessage({ number, ...result }, result.pixels ? [result.pixels.buffer] : []);
  } catch (error) {
    self.postMessage({ number, error: String(error?.message ?? error) });
  }
}

/** Until what was sent meanwhile has arrived: it may be more urgent than what waits. */
function arrivals() {
  return new Promise((resolve) => {
    turnstile.onmessage = resolve;
    inlet.postMessage(null);
  });
}

async function work(message) {
  return message.bytes ? load(message) : draw(message);
}

async function load({ bytes, local }) {
  // What waits was meant for the generator before.
  for (const { number } of waiting) self.postMessage({ number, error: "Another generator is drawn with." });
  waiting = [];
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
