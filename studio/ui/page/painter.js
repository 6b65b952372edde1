// One worker that draws, as the page sees it.

const LOST = "Nothing is drawn here any more.";

export class Painter {
  /** It draws with one of runtime.js's engines, whose files lie at `local`, or with "" on a CDN. */
  constructor(engine, local) {
    Object.assign(this, { engine, numbers: 0, asked: new Map() }); // number -> how to settle a promise
    const address = `${window.gradio_config.root}/studio-page/network-worker.js`;
    this.worker = new Worker(address, { type: "module", name: engine });
    this.worker.addEventListener("message", ({ data }) => this.receive(data));
    this.worker.addEventListener("error", (event) => {
      event.preventDefault();
      this.stop();
    });
    this.begun = this.send({ local });
    this.begun.catch(() => {}); // who loads a generator is told
  }

  /** Draw with a generator's file from now on; its bytes are gone here unless they are to be kept. */
  async load(bytes, { keep = false } = {}) {
    await this.begun;
    await this.send({ bytes }, keep ? [] : [bytes]);
  }

  /** { pixels, width, height, milliseconds }; a patient picture lets others go first. */
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

  send(message, transfer = []) {
    if (this.stopped) return Promise.reject(new Error(LOST));
    this.numbers += 1;
    const number = this.numbers;
    return new Promise((resolve, reject) => {
      this.asked.set(number, { resolve, reject });
      this.worker.postMessage({ number, ...message }, transfer);
    });
  }

  receive({ number, lost, error, ...result }) {
    if (lost) return this.stop();
    const { resolve, reject } = this.asked.get(number);
    this.asked.delete(number);
    error ? reject(new Error(error)) : resolve(result);
  }
}
