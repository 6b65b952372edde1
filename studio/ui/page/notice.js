// One quiet sentence at the foot of the page, with an action where there is one.

let timer;

export function notice(sentence, action) {
  let box = document.querySelector(".at-notice");
  if (!box) {
    box = document.createElement("div");
    box.className = "at-notice";
    box.setAttribute("role", "status");
    document.body.append(box);
  }
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

/** Run an async action; say its error instead of losing it. */
export async function attempt(action) {
  try {
    return await action();
  } catch (error) {
    notice(error.message);
    return undefined;
  }
}
