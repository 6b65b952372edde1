// One quiet sentence at the foot of the page, with an action where there is one.

/** @type {number | undefined} */
let timer;

/** @type {(sentence: string, action?: { label: string, run: () => void }) => void} */
export function notice(sentence, action) {
  const box = document.querySelector(".at-notice") ?? made();
  box.replaceChildren(sentence);
  if (action) {
    const button = document.createElement("button");
    button.textContent = action.label;
    button.addEventListener("click", () => {
      box.classList.remove("at-shown");
      action.run();
    });
    box.append(button);
  }
  box.classList.add("at-shown");
  clearTimeout(timer);
  timer = setTimeout(() => box.classList.remove("at-shown"), 4000 + 50 * sentence.length);
}

function made() {
  const box = document.createElement("div");
  box.className = "at-notice";
  box.setAttribute("role", "status");
  document.body.append(box);
  return box;
}

/**
 * The sentence of whatever was thrown.
 * @param {unknown} error
 */
export function messageOf(error) {
  return error instanceof Error ? error.message : String(error);
}

/**
 * Run an async action; say its error instead of losing it.
 * @template T
 * @param {() => T} action
 */
export async function attempt(action) {
  try {
    return await action();
  } catch (error) {
    notice(messageOf(error));
    return undefined;
  }
}
