// 2 · Start from, the name, where to train, and the start itself.

import { call } from "./api.js";
import { make, partsOf, segments } from "./elements.js";
import { attempt } from "./notice.js";
import { cover } from "./picker.js";
import { generatorOf, generators } from "./store.js";
import { onPlan, plan, setPlan, startName, startOf, usable, wish } from "./train-plan.js";
import { openHome, refreshHome, watchRun } from "./training-store.js";

/** @import { Part, Start } from "./types.d.ts" */
/** @typedef {Pick<Start, "name" | "title"> & Partial<Start>} Card what can be started from, or "" */

const FEW = 2; // cards that are shown before somebody asks for all
const ONE_COLUMN = "(max-width: 1179px)"; // as in train.css
/** @type {Part} */
let part;
let all = false;
let starting = false;

/** @param {HTMLElement} element */
export function mountStart(element) {
  part = partsOf(element);
  part("all-starts").addEventListener("click", () => {
    all = true;
    arrange();
    part("starts").querySelectorAll("input")[FEW]?.focus();
  });
  part("title").value = plan.title;
  part("title").addEventListener("input", () => setPlan({ title: part("title").value }));
  part("flavors").addEventListener("change", () => setPlan({ flavor: part("flavors").value }));
  part("start").addEventListener("click", () => attempt(begin));
  onPlan(arrange);
  // The covers need the cards of the generators.
  generators().catch(() => {}).then(() => setPlan({}));
}

function arrange() {
  arrangeStarts();
  arrangePlaces();
  part("title").placeholder = plan.photos?.name ?? "My photos";
  const reason = whyNot();
  part("start").disabled = Boolean(reason) || starting;
  part("start").textContent = starting ? "Starting…" : "Start";
  const words = reason || queueWords();
  if (part("start-reason").textContent !== words) part("start-reason").textContent = words;
}

function arrangeStarts() {
  const chosen = startName();
  const cards = ordered();
  const shown = cards.filter(({ name }, at) => all || at < FEW || name === chosen);
  const box = part("starts");
  const key = JSON.stringify(shown.map((each) => [each, generatorOf(each.name)?.fingerprint]));
  if (box.dataset.key !== key) {
    box.dataset.key = key;
    const held = box.contains(document.activeElement);
    box.replaceChildren(...shown.map(card));
    if (held) [...box.querySelectorAll("input")].find(({ value }) => value === chosen)?.focus();
  }
  for (const input of box.querySelectorAll("input")) input.checked = input.value === chosen;
  const more = cards.length - shown.length;
  part("all-starts").hidden = !more;
  part("all-starts").textContent = `${more} more to start from`;
  const words = why(chosen);
  if (part("start-why").textContent !== words) part("start-why").textContent = words;
}

/**
 * What was suggested comes first and "Nothing" second, as these are what most choose between.
 * @returns {Card[]}
 */
function ordered() {
  const { starts } = openHome();
  const suggested = plan.check?.suggested_start;
  const first = starts.find(({ name }) => name === suggested) ?? starts[0];
  /** @type {Card} */
  const nothing = { name: "", title: "Nothing" };
  return first ? [first, nothing, ...starts.filter((each) => each !== first)] : [nothing];
}

/** @param {Card} start */
function card(start) {
  const input = document.createElement("input");
  Object.assign(input, { type: "radio", className: "at-unseen", name: "at-start", value: start.name });
  input.addEventListener("change", () => setPlan({ start: start.name }));
  const picture = make("span", "at-cover");
  const unknown = { name: start.name, cover: 0, fingerprint: "" };
  if (start.preview) cover(picture, generatorOf(start.name) ?? unknown);
  else picture.classList.add(start.name ? "at-letter" : "at-blank");
  if (start.name && !start.preview) picture.textContent = start.title[0];
  const line = !start.name ? "takes longer"
    : start.images ? `${start.images.toLocaleString("en")} photos` : `${start.size} px`;
  const words = make("span", "at-start-words",
    make("strong", "at-start-title", start.title), make("small", "at-start-line", line));
  const result = make("label", "at-start-card", input, picture, words);
  result.title = start.title;
  return result;
}

/**
 * One line on the choice that is made.
 * @param {string} name
 */
function why(name) {
  if (!plan.check?.usable) return "The right start is suggested once the photos are there.";
  const { suggested_start: suggested } = plan.check;
  const photos = `${usable(plan.check).toLocaleString("en")} photos`;
  const other = suggested ? startOf(suggested)?.title : "Nothing";
  const instead = other ? ` Suggested for your photos: ${other}.` : "";
  if (!name) {
    return name === suggested
      ? `Suggested for your ${photos}: it learns from them alone.`
      : `It learns from your ${photos} alone, which takes more time and more photos.${instead}`;
  }
  const start = startOf(name);
  if (!start) return ""; // it is gone since
  const { title, size, channels } = start;
  return name === suggested
    ? `Suggested for your ${photos}: what ${title} has learnt saves time and keeps it from copying.`
    : `It goes on from what ${title} has learnt, at ${size} px${channels === 1 ? " in grey" : ""}.${instead}`;
}

function arrangePlaces() {
  const { hub: { available, user, flavors }, machine } = openHome();
  part("where").hidden = !available;
  if (!available) {
    if (plan.where !== "here") setPlan({ where: "here" });
    return;
  }
  const places = [
    { value: "here", title: "Here", small: machine.name },
    { value: "hf-jobs", title: "Rented hardware", small: `as ${user}` },
  ];
  segments(part("places"), "at-place", places, plan.where, (where) => setPlan({ where }));
  const list = part("flavors");
  if (list.childElementCount !== flavors.length) {
    list.replaceChildren(...flavors.map(({ name, label }) => new Option(label, name)));
  }
  if (!flavors.some(({ name }) => name === plan.flavor)) plan.flavor = flavors[0]?.name ?? "";
  list.value = plan.flavor;
  part("flavor").hidden = plan.where === "here";
  part("where-why").textContent = plan.where === "here" ? ""
    : "Your photos go to a private place of your account, which pays for the time. "
      + "The times above are those of this machine.";
}

/** Why nothing can be started, or "". */
function whyNot() {
  if (plan.uploading) return "Your photos are still on their way.";
  if (!plan.photos) return "Choose photos first.";
  if (plan.refusal) return "These photos can't be used; the reason is above.";
  if (!plan.check) return "Your photos are being looked at.";
  if (!plan.check.usable) return plan.check.reasons[0] ?? "These photos can't be used.";
  return "";
}

function queueWords() {
  const busy = plan.where === "here"
    && openHome().runs.some((run) => run.alive && run.where === "here");
  return busy ? "Another training is under way; this one will wait for its turn." : "";
}

async function begin() {
  if (starting) return;
  starting = true;
  arrange();
  try {
    const run = await call("training_start", wish());
    watchRun(run.id);
    showWatch();
    await refreshHome();
  } finally {
    starting = false;
    arrange();
  }
}

/** Bring what is to be watched into sight, for those who have scrolled down to Start. */
function showWatch() {
  const watch = part("watch");
  if (matchMedia(ONE_COLUMN).matches || watch.getBoundingClientRect().top < 0) watch.scrollIntoView();
}
