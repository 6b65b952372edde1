// Starting from a photo in Explore: a button that opens the file picker, and pasting. What is dropped
// on the page comes by way of shelf.js.

import { bringIn, exploring } from "./bring-in.js";
import { inside } from "./elements.js";
import { attempt } from "./notice.js";
import { generatorFor, on } from "./store.js";

/**
 * `box` holds the button and its file field, and is shown where the generator takes photos; `said` is
 * where it says that a photo is under way.
 * @type {(box: HTMLElement, said: HTMLElement) => void}
 */
export function mountFromPhoto(box, said) {
  const input = inside(box, "input");
  inside(box, "button").addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    const file = input.files?.[0];
    if (file) attempt(() => bringIn(file));
    input.value = ""; // the same file should count again
  });
  document.addEventListener("paste", (event) => {
    const file = event.clipboardData?.files[0];
    // What comes with a picture of itself, as a cell of a table does, is meant for the field as text.
    const typing = event.target instanceof Element && event.target.matches("input, textarea");
    if (!file || typing || !exploring()) return;
    event.preventDefault();
    attempt(() => bringIn(file));
  });
  on("settled", (design) => (box.hidden = !generatorFor(design).photos));
  on("photo", (sentence) => (said.textContent = sentence));
}
