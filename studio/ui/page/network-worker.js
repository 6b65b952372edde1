// Draws in a thread of its own, so that the page never waits. Its name is the engine that it draws
// with. One generator at a time: a message { local } gets the engine, { bytes } replaces the
// generator, { styles, shape } draws with it; each is answered by its number. One that is `patient`
// is answered when no other waits. A last word, { lost }, comes without a number.

import { loadRuntime } from "./runtime.js";

/** @import { Drawn, Engine, Numbered, WorkerMessage } from "./types.d.ts" */

const engine = /** @type {Engine} */ (self.name);
/** @type {typeof import("onnxruntime-web") | null} */
let runtime = null;
/** @type {import("onnxruntime-web").InferenceSession | null} */
let session = null;
let working = false;
/** @type {Numbered[]} in their order */
let waiting = [];
const UNREADY = "There is no generator to draw with yet.";
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

/** @type {(message: WorkerMessage, transfer?: Transferable[]) => void} */
function tell(message, transfer = []) {
  self.postMessage(message, { transfer });
}

/** @param {Numbered} message */
async function answer(message) {
  const { number } = message;
  try {
    const result = await work(message);
    tell({ number, ...result }, result ? [result.pixels.buffer] : []);
  } catch (error) {
    tell({ number, error: error instanceof Error ? error.message : String(error) });
  }
}

/** Until what was sent meanwhile has arrived: it may be more urgent than what waits. */
function arrivals() {
  return new Promise((resolve) => {
    turnstile.onmessage = resolve;
    inlet.postMessage(null);
  });
}

/** @type {(message: Numbered) => Promise<Drawn | void>} */
async function work(message) {
  if ("bytes" in message) return load(message.bytes);
  return "styles" in message ? draw(message.styles, message.shape) : begin(message.local);
}

/** @param {string} local */
async function begin(local) {
  runtime = await loadRuntime(engine, local);
}

/** @param {ArrayBuffer} bytes */
async function load(bytes) {
  // What waits was meant for the generator before.
  for (const { number } of waiting) tell({ number, error: "Another generator is drawn with." });
  waiting = [];
  const before = session;
  session = null;
  await before?.release();
  if (!runtime) throw new Error(UNREADY);
  session = await runtime.InferenceSession.create(new Uint8Array(bytes), {
    executionProviders: [engine],
    graphOptimizationLevel: "all",
    logSeverityLevel: 3, // errors
  });
  if (engine === "webgpu") watch(await runtime.env.webgpu.device);
}

/**
 * Tell when the graphics card is gone, as a drawing may then never end.
 * @param {GPUDevice} device
 */
async function watch(device) {
  const { reason } = await device.lost;
  if (reason !== "destroyed") tell({ lost: true }); // else the runtime is done with it
}

/** @type {(styles: Float32Array, shape: number[]) => Promise<Drawn>} */
async function draw(styles, shape) {
  if (!runtime || !session) throw new Error(UNREADY);
  const start = performance.now();
  const input = new runtime.Tensor("float32", styles, shape);
  const { pixels } = await session.run({ styles: input });
  const [height, width] = pixels.dims;
  // A copy: the runtime's memory is its own, and may move.
  const copy = new Uint8ClampedArray(/** @type {Uint8Array} */ (pixels.data));
  return { width, height, pixels: copy, milliseconds: performance.now() - start };
}
