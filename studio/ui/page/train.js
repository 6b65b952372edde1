// Train on my photos: who may train here, and the parts of the tab.

import { usePassword } from "./api.js";
import { partsOf } from "./elements.js";
import { messageOf } from "./notice.js";
import { on } from "./store.js";
import { mountAdvanced } from "./train-advanced.js";
import { mountLength } from "./train-length.js";
import { mountPhotos } from "./train-photos.js";
import { mountStart } from "./train-start.js";
import { mountWatch } from "./train-watch.js";
import { refreshHome, training } from "./training-store.js";

/** @import { ClosedHome, Home, Mounting, OpenHome, Part } from "./types.d.ts" */

/** @param {Mounting} mounting */
export async function mount({ element }) {
  const part = partsOf(element);
  let opened = false;
  /** @param {Home} home */
  const arrange = (home) => {
    const allowed = home.allowed === "yes";
    part("train-closed").hidden = allowed;
    part("photos").hidden = part("watch").hidden = !allowed;
    if (!allowed) return showClosed(part, home);
    showAdvice(part, home);
    if (!opened) mountWatch(part("watch"));
    opened = true;
  };
  on("training-home", arrange);
  mountLength(element);
  mountPhotos(element);
  mountStart(element);
  mountAdvanced(element);
  askPassword(part);
  const enter = () => refreshHome().catch((error) => showFailure(part, error));
  part("closed-again").addEventListener("click", enter);
  await enter();
}

/**
 * Why nobody can train here, or that a password is asked for.
 * @type {(part: Part, home: ClosedHome) => void}
 */
function showClosed(part, { allowed, sentence, advice }) {
  // While the password is asked for, what is said of a wrong one stands below it.
  if (part("password").hidden) part("closed-words").textContent = sentence;
  part("closed-advice").textContent = advice ?? "";
  part("closed-advice").hidden = !advice;
  part("password").hidden = allowed !== "password";
  part("closed-again").hidden = true;
}

/** @type {(part: Part, error: unknown) => void} */
function showFailure(part, error) {
  if (training.home) return;
  part("closed-words").textContent = messageOf(error);
  part("closed-again").hidden = false;
}

/** @type {(part: Part, home: OpenHome) => void} */
function showAdvice(part, { advice }) {
  part("advice").textContent = advice;
  part("advice").hidden = !advice;
}

/** @param {Part} part */
function askPassword(part) {
  const field = part("password-field");
  /** @param {string} sentence */
  const wrong = (sentence) => {
    part("password-wrong").textContent = sentence;
    field.setAttribute("aria-invalid", String(Boolean(sentence)));
  };
  field.addEventListener("input", () => wrong(""));
  part("password").addEventListener("submit", async (event) => {
    event.preventDefault();
    usePassword(field.value);
    let home;
    try {
      home = await refreshHome();
    } catch (error) {
      return wrong(messageOf(error));
    }
    if (home.allowed === "yes") return part("choose-photos").focus();
    wrong(home.sentence);
    field.select();
  });
}
