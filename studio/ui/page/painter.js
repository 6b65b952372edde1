// One worker that draws, as the page sees it.

/** @import { Drawn, Engine, Question, WorkerMessage } from "./types.d.ts" */

const LOST = "Nothing is drawn here any more.";

export class Painter {
  /**
   * It draws with one of runtime.js's engines, whose files lie at `local`, or with "" on a CDN.
   * @param {Engine} engine
   * @param {string} local
   */
  constructor(engine, local) {
    this.engine = engine;
    this.numbers = 0;
    /** @type {Map<number, { resolve: (drawn: any) => void, reject: (error: Error) => void }>} */
    this.asked = new Map();
    const address = `${window.gradio_config.root}/studio-page/network-worker.js`;
    const worker = new Worker(address, { type: "module", name: engine });
    /** @type {Worker | null} */
    this.worker = worker;
    worker.addEventListener("message", ({ data }) => this.receive(data));
    worker.addEventListener("error", (event) => {
      event.preventDefault();
      this.stop();
    });
    this.begun = this.send({ local });
    this.begun.catch(() => {}); // who loads a generator is told
  }

  /**
   * Draw with a generator's file from now on; its bytes are gone here unless they are to be kept.
   * @param {ArrayBuffer} bytes
   */
  async load(bytes, { keep = false } = {}) {
    await this.begun;
    await this.send({ bytes }, keep ? [] : [bytes]);
  }

  /**
   * { pixels, width, height, milliseconds }; a patient picture lets others go first.
   * @type {(styles: Float32Array, shape: number[], patient?: boolean) => Promise<Drawn>}
   */
  draw(styles, shape, patient = false) {
    return this.send({ styles, shape, patient });
  }

  get stopped() {
    return this.worker === null;
  }

  /** For good; whoever waits is refused. */
  stop() {
    this.worker?.terminate();
    this.worker = null;
    for (const { reject } of this.asked.values()) reject(new Error(LOST));
    this.asked.clear();
  }

  /** @type {(question: Question, transfer?: Transferable[]) => Promise<any>} */
  send(question, transfer = []) {
    const { worker } = this;
    if (!worker) return Promise.reject(new Error(LOST));
    this.numbers += 1;
    const number = this.numbers;
    return new Promise((resolve, reject) => {
      this.asked.set(number, { resolve, reject });
      worker.postMessage({ number, ...question }, transfer);
    });
  }

  /** @param {WorkerMessage} message */
  receive(message) {
    if (message.lost) return this.stop();
    const { number, error, ...result } = message;
    const waiting = this.asked.get(number);
    this.asked.delete(number);
    if (error) waiting?.reject(new Error(error));
    else waiting?.resolve(result);
  }
}
