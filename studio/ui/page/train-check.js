// The card that says what the studio found in the photos: in sentences, in pictures, and in detail
// for whoever wants to look closer.

import { Refusal } from "./api.js";
import { button, make, segments } from "./elements.js";
import { messageOf } from "./notice.js";
import { leftOut, usable } from "./train-plan.js";

/** @import { Check, Photos, Tone } from "./types.d.ts" */
/**
 * What can be done about the photos.
 * @typedef {object} Actions
 * @property {() => void} other take other photos
 * @property {() => void} again look at them again
 * @property {(fit: string) => void} fit
 * @property {(name: string, checked: boolean) => void} tick leave one out, or not
 */

const PER_ROW = 8;
const PREPARED = 16;
const SAID = 3; // sentences shown at once, besides warnings
const FITS = [
  { value: "trim", title: "Trimmed" },
  { value: "pad", title: "Whole" },
  { value: "crop", title: "Cropped" },
];
const NAMED = 60; // rows of a list; more would be no help

/**
 * The card while the studio looks; when it looks `again`, what it found before stays, paled.
 * @type {(box: HTMLElement, photos: Photos, again: boolean, actions: Actions) => void}
 */
export function showChecking(box, photos, again, actions) {
  if (again && box.childElementCount) {
    box.setAttribute("aria-busy", "true");
    return;
  }
  const words = make("ul", "at-found", make("li", "at-looking", `Looking at ${counted(photos)}…`));
  fill(box, header(photos, "", actions), words, prepared(), fitRow("Preparing them…"));
}

/**
 * The card when the photos were refused, or nobody answered: asking again can help only then.
 * @type {(box: HTMLElement, photos: Photos, error: unknown, actions: Actions) => void}
 */
export function showRefusal(box, photos, error, actions) {
  const refused = error instanceof Refusal;
  const way = refused ? button("Use other photos", "at-strong at-other-photos", actions.other)
    : button("Check again", "at-strong", actions.again);
  const head = header(photos, "", actions);
  if (refused) head.lastChild?.remove();
  fill(box, head, make("ul", "at-found", finding("bad", messageOf(error))), make("div", "at-row", way));
}

/**
 * The card with the answer of `training_check`.
 * @type {(box: HTMLElement, photos: Photos, check: Check, actions: Actions) => void}
 */
export function showCheck(box, photos, check, actions) {
  const open = box.querySelector("details")?.open ?? false;
  const said = check.sentences.filter(({ text }) => text !== check.fit_reason);
  // The most important come first. Notes beyond a few are for whoever looks closer.
  const shown = said.filter(({ kind }, at) => at < SAID || kind !== "note");
  /** @param {Check["sentences"]} some */
  const findings = (some) => make("ul", "at-found", ...some.map(({ kind, text }) => finding(kind, text)));
  fill(
    box,
    header(photos, number(check.files, "photo"), actions),
    findings(shown),
    prepared(check),
    fitRow("How they will be shown to the generator", check, actions),
    ...closer(findings(said.filter((each) => !shown.includes(each))), photos, check, actions, open),
  );
}

/**
 * @param {HTMLElement} box
 * @param {Node[]} content
 */
function fill(box, ...content) {
  box.removeAttribute("aria-busy");
  // Whoever has just chosen with the keyboard stays where they were.
  const active = document.activeElement;
  const held = active instanceof HTMLElement && box.contains(active) ? active.dataset.key : "";
  box.replaceChildren(...content);
  /** @type {HTMLElement | null} */
  const again = held ? box.querySelector(`[data-key="${CSS.escape(held)}"]`) : null;
  again?.focus();
}

/** @param {Photos} photos */
function counted({ count, name }) {
  return count > 1 ? `${number(count, "photo")}` : name;
}

/** @type {(count: number, what: string) => string} */
function number(count, what) {
  return `${count.toLocaleString("en")} ${what}${count === 1 ? "" : "s"}`;
}

/** @type {(photos: Photos, count: string, actions: Actions) => HTMLElement} */
function header(photos, count, actions) {
  const title = make("strong", "at-photos-name", photos.name);
  title.title = photos.name;
  return make(
    "header", "at-photos-header", title, make("small", "at-photos-count", count),
    button("Other photos", "at-quiet at-other-photos", actions.other),
  );
}

/** @type {Record<Tone, string>} */
const MARKS = { good: "✓", note: "•", warning: "!", bad: "×" };

/** @type {(kind: Tone, text: string) => HTMLElement} */
function finding(kind, text) {
  const mark = make("span", "at-mark", MARKS[kind] ?? MARKS.note);
  mark.setAttribute("aria-hidden", "true");
  return make("li", `at-finding at-${kind}`, mark, make("span", "at-finding-words", together(text)));
}

/**
 * A size, as "64 × 64", is not to be torn apart at the end of a line.
 * @param {string} text
 */
function together(text) {
  return text.replaceAll(" × ", "\u00a0×\u00a0");
}

/**
 * Up to 16 prepared pictures, cut from one sheet; empty places while there is none.
 * @param {Check} [check]
 */
function prepared(check) {
  const grid = make("div", "at-prepared");
  if (check) {
    grid.setAttribute("role", "img");
    grid.setAttribute("aria-label", "Some of the photos as they will be shown to the generator");
  }
  const count = check ? Math.min(PREPARED, usable(check)) : PREPARED;
  const rows = Math.ceil(count / PER_ROW);
  const sheet = check?.preview && `url("data:image/png;base64,${check.preview}")`;
  for (let at = 0; at < count; at += 1) {
    const picture = make("span", "at-prepared-picture");
    if (sheet) {
      picture.classList.add("at-filled");
      picture.style.backgroundImage = sheet;
      picture.style.backgroundSize = `${PER_ROW * 100}% ${rows * 100}%`;
      const left = (at % PER_ROW) / (PER_ROW - 1);
      const top = rows > 1 ? Math.floor(at / PER_ROW) / (rows - 1) : 0;
      picture.style.backgroundPosition = `${100 * left}% ${100 * top}%`;
    }
    grid.append(picture);
  }
  return grid;
}

/**
 * What the pictures are, and the switch between the whole photo and a square of it.
 * @type {(caption: string, check?: Check, actions?: Actions) => HTMLElement}
 */
function fitRow(caption, check, actions) {
  const fit = make("div", "at-segments at-fits");
  fit.setAttribute("role", "radiogroup");
  fit.setAttribute("aria-label", "How photos that are not square are shown");
  segments(fit, "at-fit", FITS, check?.fit, (value) => actions?.fit(value));
  for (const input of fit.querySelectorAll("input")) {
    input.disabled = !check;
    input.dataset.key = `fit-${input.value}`;
  }
  // Square photos are shown whole, unless what stands on them is trimmed.
  fit.hidden = check !== undefined && check.fit !== "trim" && check.shapes.tall + check.shapes.wide === 0;
  const reason = make("p", "at-hint at-fit-reason", check?.fit_reason ?? "");
  return make("div", "at-fit-row", make("p", "at-hint at-caption", caption), reason, fit);
}

/**
 * What "Look closer" opens; nothing when there is no more to tell.
 * @param {HTMLElement} findings
 * @param {Photos} photos
 * @param {Check} check
 * @param {Actions} actions
 * @param {boolean} open
 */
function closer(findings, photos, check, actions, open) {
  const unreadable = [...photos.refused, ...check.unreadable];
  const lists = [
    list("Unlike the others", "Tick those that should be left out.", check.odd,
      ([name, reason]) => oddOne(name, reason, check, actions)),
    list("Could not be used", "", unreadable, ([name, reason]) => row(null, name, reason)),
    list("Exact copies", "Only the first is used.", check.same,
      ([kept, names]) => row(check.thumbnails[kept], kept, `also ${names.join(", ")}`)),
    list("Saved again, or in another size", "Only the first is used.", check.alike,
      ([kept, names]) => row(check.thumbnails[kept], kept, `also ${names.join(", ")}`)),
  ].flat();
  if (!lists.length && !findings.childElementCount) return [];
  const label = check.odd.length ? `Look closer: ${check.odd.length} to decide on` : "Look closer";
  const summary = make("summary", "at-quiet", label);
  summary.dataset.key = "closer";
  const details = make("details", "at-closer", summary, findings, ...lists);
  details.open = open;
  return [details];
}

/**
 * @template Entry
 * @param {string} title
 * @param {string} hint
 * @param {Entry[]} entries
 * @param {(entry: Entry) => HTMLElement} each
 */
function list(title, hint, entries, each) {
  if (!entries.length) return [];
  const heading = make("h3", "at-closer-title", title, make("small", "at-number", `${entries.length}`));
  const rows = make("ul", "at-closer-list", ...entries.slice(0, NAMED).map(each));
  const rest = entries.length - NAMED;
  if (rest > 0) rows.append(make("li", "at-hint", `and ${rest.toLocaleString("en")} more`));
  return [heading, ...(hint ? [make("p", "at-hint", hint)] : []), rows];
}

/**
 * @param {string | null | undefined} picture null where there can't be one
 * @param {string} name
 * @param {string} words
 * @param {Node[]} more
 */
function row(picture, name, words, ...more) {
  const file = make("span", "at-file", name.replace(/^.*[/]/, ""));
  file.title = name;
  const text = make("span", "at-closer-words", file, make("small", "at-reason", words));
  return make("li", "at-closer-row", ...(picture === null ? [] : [small(picture)]), text, ...more);
}

/** @param {string | undefined} png */
function small(png) {
  const picture = make("span", "at-small");
  if (png) picture.style.backgroundImage = `url("data:image/png;base64,${png}")`;
  return picture;
}

/** @type {(name: string, reason: string, check: Check, actions: Actions) => HTMLElement} */
function oddOne(name, reason, check, actions) {
  const tick = document.createElement("input");
  Object.assign(tick, { type: "checkbox", checked: leftOut(name, check) });
  tick.dataset.key = `tick-${name}`;
  tick.setAttribute("aria-label", `Leave out ${name}`);
  const result = row(check.thumbnails[name], name, reason, make("label", "at-tick", tick, "leave out"));
  const mark = () => result.classList.toggle("at-left-out", tick.checked);
  tick.addEventListener("change", () => {
    mark();
    actions.tick(name, tick.checked);
  });
  mark();
  return result;
}
