// Put into either page by slider.py before the page's own scripts: moves the slider, and notes when
// another picture has been painted. A picture is a canvas (the studio) or an img (plain Gradio).

(() => {
  const SLIDER = ".at-slider input[type=range], #slider input[type=range]";
  const PICTURE = ".at-picture, #picture img";
  const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));
  let last, asked = false, count = 0, onPicture = () => {};
  let first = 0; // ms until the first picture
  let longest = 0; // ms
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) longest = Math.max(longest, duration);
  }).observe({ type: "longtask" });

  // The first task after the next frame's callbacks runs when that frame has been painted.
  function changed(picture) {
    if (picture === last) return;
    last = picture;
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => { count += 1; first ||= performance.now(); onPicture(performance.now()); };
      port2.postMessage(null);
    });
  }

  document.addEventListener("load", ({ target }) => {
    if (target.matches?.(PICTURE)) changed(target.src);
  }, true);

  function checksum(source) {
    const { width, height } = source;
    const image = source.data ? source : source.getContext("2d").getImageData(0, 0, width, height);
    const pixels = new Uint32Array(image.data.buffer);
    let sum = 0;
    for (let at = 0; at < pixels.length; at += 7) sum = (Math.imul(sum, 31) + pixels[at]) | 0;
    return sum;
  }
  const prototype = CanvasRenderingContext2D.prototype;
  for (const name of ["putImageData", "drawImage"]) {
    const draw = prototype[name];
    prototype[name] = function (source, ...rest) {
      draw.call(this, source, ...rest);
      if (this.canvas.matches(PICTURE)) changed(checksum(source));
    };
  }

  function move(value) {
    const slider = document.querySelector(SLIDER);
    slider.step = "any";
    slider.value = value;
    slider.dispatchEvent(new Event("input", { bubbles: true }));
  }

  window.bench = {
    ready: () => document.querySelector(SLIDER) !== null,
    async latencies(values, rest) {
      const result = [];
      for (const value of values) {
        const start = performance.now();
        result.push(await new Promise((resolve, reject) => {
          onPicture = (time) => resolve(time - start);
          setTimeout(() => reject(new Error(`No picture within 20 s of ${value}`)), 20000);
          move(value);
        }));
        await sleep(rest);
      }
      return result;
    },
    async drag(values, interval) {
      const before = count, start = performance.now();
      longest = 0;
      for (const [at, value] of values.entries()) {
        await sleep(start + at * interval - performance.now());
        move(value);
      }
      await sleep(1000);
      return count - before;
    },
    blocked: () => longest,
    first: () => first,
    bytes: () => ["navigation", "resource"]
      .flatMap((type) => performance.getEntriesByType(type))
      .reduce((sum, { transferSize }) => sum + transferSize, 0),
    pixels() {
      const picture = document.querySelector(PICTURE);
      const canvas = document.createElement("canvas");
      canvas.width = picture.naturalWidth || picture.width;
      canvas.height = picture.naturalHeight || picture.height;
      canvas.getContext("2d").drawImage(picture, 0, 0);
      return canvas.toDataURL("image/png").split(",")[1];
    },
  };
})();
