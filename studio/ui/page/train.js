// Train on my photos: who may train here, and the parts of the tab.

import { usePassword } from "./api.js";
import { on } from "./store.js";
import { mountAdvanced } from "./train-advanced.js";
import { mountLength } from "./train-length.js";
import { mountPhotos } from "./train-photos.js";
import { mountStart } from "./train-start.js";
import { mountWatch } from "./train-watch.js";
import { refreshHome, training } from "./training-store.js";

export async function mount({ element }) {
  const part = (name) => element.querySelector(`.at-${name}`);
  let opened = false;
  const arrange = () => {
    const allowed = training.home.allowed === "yes";
    part("train-closed").hidden = allowed;
    part("photos").hidden = part("watch").hidden = !allowed;
    if (!allowed) return showClosed(part, training.home);
    showAdvice(part, training.home);
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

/** Why nobody can train here, or that a password is asked for. */
function showClosed(part, { allowed, sentence, advice }) {
  // While the password is asked for, what is said of a wrong one stands below it.
  if (part("password").hidden) part("closed-words").textContent = sentence;
  part("closed-advice").textContent = advice ?? "";
  part("closed-advice").hidden = !advice;
  part("password").hidden = allowed !== "password";
  part("closed-again").hidden = true;
}

function showFailure(part, error) {
  if (training.home) return;
  part("closed-words").textContent = error.message;
  part("closed-again").hidden = false;
}

function showAdvice(part, { advice }) {
  part("advice").textContent = advice;
  part("advice").hidden = !advice;
}

function askPassword(part) {
  const field = part("password-field");
  const wrong = (sentence) => {
    part("password-wrong").textContent = sentence;
    field.setAttribute("aria-invalid", Boolean(sentence));
  };
  field.addEventListener("input", () => wrong(""));
  part("password").addEventListener("submit", async (event) => {
    event.preventDefault();
    usePassword(field.value);
    try {
      await refreshHome();
    } catch (error) {
      return wrong(error.message);
    }
    if (training.home.allowed === "yes") return part("choose-photos").focus();
    wrong(training.home.sentence);
    field.select();
  });
}
