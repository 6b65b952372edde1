// Watching a training: what it draws now, how it is going, and what can be done about it.

import { mountChart } from "./chart.js";
import { button, make } from "./elements.js";
import { attempt, notice } from "./notice.js";
import { on, openTab, reloadGenerators } from "./store.js";
import { mountTimeLapse } from "./time-lapse.js";
import { isActive, showTraining, training } from "./training-store.js";
import { askRun, busy, isBusy, openInExplore } from "./train-actions.js";
import { mountRuns } from "./train-runs.js";
import { mountSlices } from "./train-slices.js";
import { amount, bytes, going, number, remaining } from "./train-words.js";

/** @import { Request, Run, Status } from "./types.d.ts" */

/** @param {HTMLElement} element */
export function mountWatch(element) {
  const drawn = make("div", "at-drawn");
  const title = make("span", "at-watched-title");
  drawn.append(make("div", "at-drawn-top", make("h2", "at-heading", "What it draws now"), title));
  const lapse = mountTimeLapse(drawn);
  const sample = wish("Sample now", "at-quiet at-sample", "sample");
  lapse.foot.append(sample);

  const side = make("div", "at-going");
  const show = [mountVerdict(side), mountNumbers(side), mountActions(side), mountNotes(side)];
  mountSlices(side);
  const runs = make("div", "at-runs");
  side.append(runs);
  mountRuns(runs);
  element.replaceChildren(drawn, emptyWords(), side);

  const follow = () => {
    const { run } = training;
    element.classList.toggle("at-no-run", !run);
    if (isActive(run)) element.parentElement?.classList.add("at-watch-first"); // on narrow screens
    title.textContent = run ? run.title : "";
    sample.hidden = run?.state !== "training";
    lapse.show(training);
    if (run) show.forEach((each) => each(run));
  };
  on("training-run", follow);
  on("training-state", ({ run }) => announce(run, element));
  follow();
  new ResizeObserver(() => showTraining(element.clientWidth > 0)).observe(element);
}

/** What will be seen here, for those who have not trained anything yet. */
function emptyWords() {
  const steps = [
    ["See it learn.", "The same designs, drawn again and again: first fog, then shapes, then things."],
    ["Know how it is going.", "A sentence says whether it still improves, grows alike or copies your photos."],
    ["Play at any time.", "Open it in Explore while it is still learning. Nothing is lost when this page is closed."],
  ];
  const list = make("ol", "at-empty-steps", ...steps.map(([title, words]) =>
    make("li", "", make("strong", "", title), ` ${words}`)));
  return make("div", "at-empty-watch", make("p", "at-empty-title", "Here you will watch it learn"), list);
}

/**
 * The sentence on its health, or on what state it is in.
 * @param {HTMLElement} side
 */
function mountVerdict(side) {
  const strong = make("strong", "");
  const sentence = make("span", "");
  const words = make("p", "at-verdict-words", strong, " ", sentence);
  words.setAttribute("role", "status"); // polite: only this is read out when it changes
  const card = make("div", "at-verdict", words);
  const output = make("pre", "");
  const printed = make("details", "at-printed", make("summary", "", "What it printed"), output);
  side.append(make("h2", "at-heading", "How it is going"), make("div", "at-verdict-box", card, printed));
  return (/** @type {Run} */ run) => {
    const said = going(run);
    card.dataset.tone = said.tone;
    say(strong, said.title);
    say(sentence, said.sentence);
    printed.hidden = !run.output_tail;
    say(output, run.output_tail ?? "");
  };
}

/**
 * Set a text only if it differs, so that nothing is read out twice and no selection is lost.
 * @type {(element: HTMLElement, text: string) => void}
 */
function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * The chart, how far it is, and the numbers.
 * @param {HTMLElement} side
 */
function mountNumbers(side) {
  const card = make("div", "at-numbers");
  const chart = mountChart(card);
  const bar = make("progress", "at-share");
  bar.max = 1;
  bar.setAttribute("aria-label", "How far the training is");
  const values = FACTS.map(() => make("dd", "", "–"));
  const cells = FACTS.map(({ name }, at) => make("div", "", make("dt", "", name), values[at]));
  card.append(bar, make("dl", "at-facts", ...cells));
  side.append(card);
  return (/** @type {Run} */ run) => {
    const { status = {} } = run;
    chart.show(training);
    bar.value = status.share ?? 0;
    FACTS.forEach(({ value, words }, at) => {
      say(values[at], value(status, run) || "–");
      cells[at].title = words(status, run);
    });
  };
}

/** @typedef {(status: Status, run: Run) => string | false} Said */
/** @typedef {{ name: string, value: Said, words: (status: Status, run: Run) => string }} Fact */
/** @type {Fact[]} a number's name, itself, and what it means */
const FACTS = [
  {
    name: "photos shown",
    value: ({ images_shown }) => amount(images_shown),
    words: (_, { length }) =>
      (length?.kimg ? `Of ${amount(1000 * length.kimg)}` : "How many photos it was shown, each many times"),
  },
  {
    name: "per second",
    value: ({ images_per_second: rate }, run) =>
      isActive(run) && (rate != null && rate < 10 ? number(rate) : amount(rate)),
    words: ({ device_name }) => (device_name ? `On ${device_name}` : ""),
  },
  {
    name: "left",
    value: ({ seconds_left }, run) =>
      (isActive(run) ? remaining(seconds_left) : run.state === "finished" && "done"),
    words: () => "An estimate",
  },
  {
    name: "distance",
    value: ({ distance }) => number(distance),
    words: ({ best }) => "How far its designs are from your photos: less is better."
      + (best ? ` Best so far: ${number(best.distance)}.` : ""),
  },
  {
    name: "memory",
    value: ({ memory }, run) => isActive(run) && bytes(memory),
    words: ({ memory_total }) => (memory_total ? `Of ${bytes(memory_total)}` : ""),
  },
  {
    name: "rounds",
    value: ({ epoch }) => (epoch == null ? "" : amount(Math.floor(epoch))),
    words: () => "How often it has seen each of your photos",
  },
];

/** @param {HTMLElement} side */
function mountActions(side) {
  const open = button("Open in Explore", "at-strong at-open", async () => {
    open.textContent = "Opening…";
    await busy(open, () => openInExplore(watched()));
    open.textContent = "Open in Explore";
  });
  const saving = wish("Save now", "at-button", "save");
  const stop = wish("Stop", "at-button", "stop");
  const resume = wish("Resume", "at-button", "resume");
  side.append(make("div", "at-watch-actions", open, saving, stop, resume));
  return (/** @type {Run} */ run) => {
    const trains = run.state === "training";
    resume.hidden = !run.can_resume || isActive(run);
    saving.hidden = stop.hidden = !isActive(run);
    saving.disabled = !trains || isBusy(saving);
    stop.disabled = run.state === "finishing" || isBusy(stop);
    open.disabled = !(run.has_checkpoint || trains) || isBusy(open);
  };
}

/** The watched run, where there must be one. */
function watched() {
  if (!training.run) throw new Error("This training is no longer here.");
  return training.run;
}

/**
 * A button that asks the studio for something about the watched run.
 * @type {(label: string, className: string, what: Request) => HTMLButtonElement}
 */
function wish(label, className, what) {
  const result = button(label, className, () => busy(result, () => askRun(watched(), what)));
  return result;
}

/**
 * What happened to the run, and that there is no news.
 * @param {HTMLElement} side
 */
function mountNotes(side) {
  const silent = make("p", "at-silent");
  const list = make("ul", "at-notes");
  side.append(silent, list);
  return (/** @type {Run} */ run) => {
    say(silent, training.silent ? `${training.silent} It is asked again and again.` : "");
    silent.hidden = !training.silent;
    const notes = run.status?.notes ?? [];
    list.hidden = !notes.length;
    if (list.children.length === notes.length && list.textContent === notes.join("")) return;
    list.replaceChildren(...notes.map((each) => make("li", "", each)));
  };
}

/**
 * The end of a training, said wherever on the page someone is; its generator joins the picker.
 * @type {(run: Run, element: HTMLElement) => Promise<void>}
 */
async function announce(run, element) {
  if (isActive(run)) return;
  if (run.has_checkpoint) await attempt(reloadGenerators);
  if (element.clientWidth && !document.hidden) return; // it can be read there
  const words = { finished: "is finished.", stopped: "has stopped." }[/** @type {string} */ (run.state)]
    ?? "can't go on.";
  notice(`${run.title} ${words}`, { label: "Look", run: () => openTab("training") });
}
