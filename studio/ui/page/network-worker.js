// Draws in a thread of its own, so that the page never waits. Its name is the engine that it draws
// with. One generator at a time: a message { local } gets the engine, { bytes } replaces the
// generator, { styles, shape } draws with it; each is answered by its number. One that is `patient`
// is answered when no other waits. A last word, { lost }, comes without a number.

import { loadRuntime } from "./runtime.js";

const engine = self.name;
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
    self.postMessage({ number, ...result }, result?.pixels ? [result.pixels.buffer] : []);
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
  if (message.bytes) return load(message);
  return message.styles ? draw(message) : begin(message);
}

async function begin({ local }) {
  runtime = await loadRuntime(engine, local);
}

async function load({ bytes }) {
  // What waits was meant for the generator before.
  for (const { number } of waiting) self.postMessage({ number, error: "Another generator is drawn with." });
  waiting = [];
  const before = session;
  session = null;
  await before?.release();
  session = await runtime.InferenceSession.create(new Uint8Array(bytes), {
    executionProviders: [engine],
    graphOptimizationLevel: "all",
    logSeverityLevel: 3, // errors
  });
  if (engine === "webgpu") watch(await runtime.env.webgpu.device);
}

/** Tell when the graphics card is gone, as a drawing may then never end. */
async function watch(device) {
  const { reason } = await device.lost;
  if (reason !== "destroyed") self.postMessage({ lost: true }); // else the runtime is done with it
}

async function draw({ styles, shape }) {
  const start = performance.now();
  const input = new runtime.Tensor("float32", styles, shape);
  const { pixels } = await session.run({ styles: input });
  const [height, width] = pixels.dims;
  // A copy: the runtime's memory is its own, and may move.
  const copy = new Uint8ClampedArray(pixels.data);
  return { width, height, pixels: copy, milliseconds: performance.now() - start };
}
