// All runs, newest first: to watch, resume, rename, download and delete.

import { call, save } from "./api.js";
import { button, make } from "./elements.js";
import { attempt, notice } from "./notice.js";
import { on, reloadGenerators } from "./store.js";
import { thumbnailOf } from "./sample-grid.js";
import { askRun, busy } from "./train-actions.js";
import { isActive, receiveRun, refreshHome, training, watchRun } from "./training-store.js";
import { line } from "./train-words.js";

/** @import { Run } from "./types.d.ts" */
/** @typedef {ReturnType<typeof runRow>} Row */

const FIRST = 5; // shown before "All runs"
const LONGEST_TITLE = 80;

/** @param {HTMLElement} element */
export function mountRuns(element) {
  const list = make("ul", "at-run-list");
  const heading = make("h2", "at-heading", "Runs");
  const more = button("", "at-quiet at-more-runs", () => {
    all = true;
    draw();
  });
  element.append(heading, list, more);
  /** @type {Map<string, Row>} by id, so that a list that is told anew keeps what a hand is doing */
  const rows = new Map();
  let all = false;

  function draw() {
    const runs = training.home?.runs ?? [];
    element.hidden = !runs.length;
    const shown = runs.filter((run, at) => all || at < FIRST || run.id === training.run?.id);
    /** @type {Element[]} */
    const wanted = shown.map((run) => {
      const row = rows.get(run.id) ?? runRow(run);
      rows.set(run.id, row);
      row.show(run.id === training.run?.id ? { ...run, ...training.run } : run);
      return row.element;
    });
    for (const each of [...list.children]) if (!wanted.includes(each)) each.remove();
    // Only what is not in its place is moved: moving takes the focus away.
    wanted.forEach((each, at) => {
      if (list.children[at] !== each) list.insertBefore(each, list.children[at] ?? null);
    });
    more.hidden = shown.length === runs.length;
    more.textContent = `All ${runs.length} runs`;
  }
  on("training-home", draw);
  on("training-run", draw);
  draw();
}

/**
 * The row of a run, which `show` brings up to date.
 * @param {Run} run
 */
function runRow(run) {
  let first = true;
  const canvas = make("canvas", "");
  const title = make("strong", "");
  const small = make("small", "");
  const choose = button("", "at-run-choose", () => attempt(() => watchRun(run.id)));
  choose.append(make("span", "at-run-picture", canvas), make("span", "at-run-words", title, small));
  const acts = make("div", "at-run-acts");
  const element = make("li", "at-run", choose, acts);

  /** @type {(label: string, action: () => unknown) => HTMLButtonElement} */
  const act = (label, action) => {
    /** @type {HTMLButtonElement} */
    const result = button(label, "at-quiet", () => busy(result, action));
    return result;
  };
  const resume = act("Resume", () => askRun(run, "resume"));
  const rename = button("Rename", "at-quiet", () => edit());
  const download = act("Download", async () => {
    notice("Packing it…");
    await save(await call("training_download", run.id), `${run.title}.zip`);
  });
  const remove = button("Delete", "at-quiet", () => confirm());
  const usual = () => acts.replaceChildren(resume, rename, download, remove);

  /** The second step of deleting, in place of the actions. */
  function confirm() {
    const keep = button("Keep it", "at-quiet", () => {
      usual();
      remove.focus();
    });
    const sure = button("Delete", "at-quiet at-alarm", (event) => {
      // The second half of a double click on the first "Delete" is no answer.
      if (event.detail < 2) busy(sure, erase);
    });
    acts.replaceChildren(make("span", "", "Delete for good?"), sure, keep);
    keep.focus();
  }

  async function erase() {
    await call("training_delete", run.id);
    notice(`${run.title} is deleted.`);
    await Promise.all([refreshHome(), reloadGenerators()]);
  }

  /** A field over the title. */
  function edit() {
    const field = make("input", "at-run-name");
    Object.assign(field, { type: "text", value: run.title, maxLength: LONGEST_TITLE });
    field.setAttribute("aria-label", `New name of ${run.title}`);
    let done = false;
    /** @param {boolean} keepIt */
    const end = async (keepIt) => {
      if (done) return;
      done = true;
      const wanted = field.value.trim();
      const focused = document.activeElement === field;
      field.remove();
      if (focused) rename.focus();
      if (!keepIt || !wanted || wanted === run.title) return;
      await attempt(async () => {
        receiveRun(await call("training_rename", run.id, wanted));
        await reloadGenerators();
      });
    };
    field.addEventListener("keydown", (event) => {
      if (event.key === "Enter") end(true);
      if (event.key === "Escape") end(false);
    });
    field.addEventListener("blur", () => end(true));
    choose.after(field);
    field.select();
  }

  let pictured = "";
  const seen = new IntersectionObserver(([entry]) => {
    if (entry.isIntersecting) picture();
  });
  seen.observe(element);
  function picture() {
    const version = `${run.id} ${run.status?.saved_step ?? ""} ${run.state}`;
    if (pictured === version || !element.isConnected) return;
    pictured = version;
    thumbnails = thumbnails.then(() => thumbnailOf(canvas, run.id))
      .then((has) => {
        if (has) canvas.parentElement?.classList.add("at-pictured");
      })
      .catch(() => {});
  }

  usual();
  return {
    element,
    /** @param {Run} now */
    show(now) {
      run = now;
      const watched = run.id === training.run?.id;
      choose.setAttribute("aria-current", String(watched));
      element.classList.toggle("at-watched", watched);
      set(title, run.title);
      set(small, line(run));
      resume.hidden = !run.can_resume || isActive(run);
      download.hidden = !run.has_checkpoint;
      remove.hidden = isActive(run);
      if (!first && element.checkVisibility()) picture();
      first = false;
    },
  };
}

/** @type {Promise<void>} one after the other */
let thumbnails = Promise.resolve();

/** @type {(element: HTMLElement, text: string) => void} */
function set(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
