// 1 · My photos: choosing, sending, and having them checked.

import { call } from "./api.js";
import { button, partsOf } from "./elements.js";
import { attempt, messageOf, notice } from "./notice.js";
import { showCheck, showChecking, showRefusal } from "./train-check.js";
import {
  chosenPhotos, onPlan, plan, recipeName, setPlan, startOf, withoutPhotos,
} from "./train-plan.js";
import {
  bytesOf, chosen, dropped, named, pictures, send, size, tooMuch,
} from "./train-upload.js";
import { openHome } from "./training-store.js";

/** @import { Part, Photo, Plan, Reasons } from "./types.d.ts" */
/**
 * What is being sent.
 * @typedef {object} Sending
 * @property {string} name
 * @property {Photo[]} all
 * @property {Photo[]} photos those to send now
 * @property {Photo[]} failed
 * @property {Reasons} refused
 * @property {string} data the upload's id, "" until there is one
 * @property {number} quarters of the way, as last said
 * @property {AbortController} abort
 */

const NOTHING = "There are no photos in this. JPEG, PNG and WebP can be read, and zips of them.";
const ALONE = "A zip goes alone. Send one at a time, or unpack them and send the photos together.";
const BUSY = "Photos are still on their way. Cancel that first.";
/** @type {Part} */
let part;
/** @type {Sending | null} */
let sending = null;

/** @param {HTMLElement} element */
export function mountPhotos(element) {
  part = partsOf(element);
  for (const kind of /** @type {const} */ (["photos", "folder", "zip"])) {
    const input = part(`input-${kind}`);
    part(`choose-${kind}`).addEventListener("click", () => input.click());
    input.addEventListener("change", () => attempt(() => take(chosen(input))));
  }
  part("send-cancel").addEventListener("click", cancel);
  part("send-again").addEventListener("click", () => attempt(sendOn));
  part("send-without").addEventListener("click", arrived);
  addEventListener("beforeunload", (event) => {
    if (sending) event.preventDefault();
  });
  acceptDrops(element);
  onPlan(arrange);
  if (plan.uploading) {
    setPlan({ uploading: false });
    notice("The page was reloaded while photos were on their way. Choose them again.");
  }
}

/** Which of its faces the card shows; and a check where one is missing. */
function arrange() {
  part("drop").hidden = Boolean(sending || plan.photos);
  part("sending").hidden = !sending;
  part("checked").hidden = Boolean(sending) || !plan.photos;
  arrangeSamples();
  if (!plan.photos) asked = "";
  else if (question() !== asked) check();
}

function arrangeSamples() {
  const sets = openHome().sample_sets;
  part("samples").hidden = !sets.length;
  const chips = part("sample-chips");
  if (chips.childElementCount === sets.length) return;
  chips.replaceChildren(...sets.map(({ name, title, images }) =>
    button(title, "at-chip", () => {
      setPlan({
        ...withoutPhotos(),
        photos: { data: `sample:${name}`, name: title, count: images, refused: [] },
      });
      part("other-photos")?.focus();
    })));
}

/** @param {HTMLElement} element */
function acceptDrops(element) {
  /** @param {DragEvent} event */
  const ours = (event) => event.dataTransfer?.types.includes("Files")
    && part("photos").checkVisibility();
  /** @param {boolean} on */
  const mark = (on) => element.firstElementChild?.classList.toggle("at-dragging", on);
  /** @type {(name: "dragover" | "dragleave" | "drop", listener: (event: DragEvent) => void) => void} */
  const listen = (name, listener) => document.addEventListener(name, listener, { capture: true });
  listen("dragover", (event) => {
    if (!ours(event)) return;
    event.preventDefault();
    mark(true);
  });
  listen("dragleave", (event) => {
    if (!event.relatedTarget) mark(false);
  });
  listen("drop", (event) => {
    mark(false);
    const { dataTransfer } = event;
    if (!dataTransfer || !ours(event)) return;
    event.preventDefault();
    attempt(async () => take(await dropped(dataTransfer)));
  });
}

/** @param {Photo[]} found */
async function take(found) {
  if (!found.length) return;
  if (sending) return notice(BUSY);
  const { taken, zips } = pictures(found);
  const excess = taken.length ? tooMuch(taken, openHome()) : zips.length ? ALONE : NOTHING;
  if (excess) return notice(excess);
  if (zips.length) notice(`Left out, because a zip goes alone: ${zips.map(({ name }) => name).join(", ")}.`);
  const { name, photos } = named(taken);
  const abort = new AbortController();
  sending = { name, photos, all: photos, failed: [], refused: [], data: "", quarters: -1, abort };
  await sendOn();
}

/** Send what has not been sent, and have it checked when all of it is there. */
async function sendOn() {
  const now = sending;
  if (!now) return;
  now.abort = new AbortController();
  const { signal } = now.abort;
  now.failed = [];
  setPlan({ uploading: true });
  part("sending-name").textContent = now.name;
  showFailure(now);
  const sent = now.all.length - now.photos.length;
  const sentBytes = bytesOf(now.all) - bytesOf(now.photos);
  /** @param {{ files: number, bytes: number }} progress */
  const onProgress = ({ files, bytes }) => {
    if (!signal.aborted) showProgress(now, sent + files, sentBytes + bytes);
  };
  onProgress({ files: 0, bytes: 0 });
  if (part("photo-card").contains(document.activeElement)) part("send-cancel").focus();
  try {
    now.data ||= (await call("training_new_upload")).data;
    const { failed, refused, reason } = await send(now.photos, { data: now.data, signal, onProgress });
    now.refused.push(...refused);
    if (!failed.length) return arrived();
    now.photos = now.failed = failed;
    showFailure(now, reason);
  } catch (error) {
    if (signal.aborted) return;
    now.failed = now.photos;
    showFailure(now, messageOf(error));
  }
}

/** @type {(sending: Sending, files: number, bytes: number) => void} */
function showProgress(now, files, bytes) {
  const { all, name } = now;
  const total = bytesOf(all);
  part("bar").value = total ? bytes / total : 0;
  const amount = `${size(bytes)} of ${size(total)}`;
  part("sending-words").textContent = all.length > 1
    ? `${files.toLocaleString("en")} of ${all.length.toLocaleString("en")} photos · ${amount}`
    : amount;
  const quarters = Math.floor(4 * part("bar").value);
  if (quarters !== now.quarters) say(`Sending ${name}: ${25 * quarters} percent.`);
  now.quarters = quarters;
}

/**
 * Which photos did not get there, if any, and what can be done about it.
 * @type {(sending: Sending, reason?: string) => void}
 */
function showFailure({ failed, all }, reason) {
  for (const name of ["send-again", "send-without"]) part(name).hidden = !failed.length;
  part("send-without").hidden ||= failed.length === all.length;
  part("sending").classList.toggle("at-failed", Boolean(failed.length));
  if (!failed.length) return;
  const names = failed.slice(0, 3).map(({ name }) => name).join(", ");
  const more = failed.length > 3 ? ` and ${failed.length - 3} more` : "";
  part("sending-words").textContent = `${reason} Not sent: ${names}${more}.`;
  say(part("sending-words").textContent);
  part("send-again").focus();
}

function cancel() {
  sending?.abort.abort();
  sending = null;
  setPlan({ uploading: false });
  say("Cancelled.");
  const others = part("other-photos");
  (others?.checkVisibility() ? others : part("choose-photos")).focus();
}

/** What was sent is the photos now; those before it can be had back. */
function arrived() {
  if (!sending) return;
  const { name, data, refused, all, failed } = sending;
  const { photos, fit, ticks } = plan;
  sending = null;
  setPlan({ ...withoutPhotos(), photos: { data, name, count: all.length - failed.length, refused } });
  if (photos) goBack("These photos take the place of the others.", { photos, fit, ticks });
}

function other() {
  const { fit, ticks } = plan;
  const photos = chosenPhotos();
  setPlan(withoutPhotos());
  goBack(`${photos.name} was put aside.`, { photos, fit, ticks });
  part("choose-photos").focus();
}

/** @type {(sentence: string, before: Partial<Plan>) => void} */
function goBack(sentence, before) {
  const run = () => {
    if (!sending) setPlan({ ...before, check: null });
  };
  notice(sentence, { label: "Undo", run });
}

// What the last check was asked about. Another start is another question only when its size or
// colours are others, so that the pictures will look different, or what it is told of them is.
let asked = "";

function question() {
  const start = startOf();
  // Of what one starts from, this is all that the answer depends on.
  const seen = start && [start.size, start.channels, start.conditional, start.worded, start.products];
  return JSON.stringify([chosenPhotos().data, plan.fit, recipeName(), seen]);
}

async function check() {
  const photos = chosenPhotos();
  const box = part("checked");
  const now = (asked = question());
  const actions = { other, again: check, fit: (/** @type {string} */ fit) => setPlan({ fit }), tick };
  showChecking(box, photos, Boolean(plan.check), actions);
  say(`Looking at ${photos.name}.`);
  try {
    const answer = await call("training_check", photos.data, recipeName(), plan.start, plan.fit);
    if (now !== asked) return;
    plan.check = answer;
    asked = question(); // the start that the answer suggests is no new question
    showCheck(box, photos, answer, actions);
    setPlan({ refusal: "" });
    say(answer.sentences.map(({ text }) => text).join(" "));
  } catch (error) {
    if (now !== asked) return;
    if (plan.check) {
      notice(messageOf(error));
      plan.fit = plan.check.fit;
      asked = question();
      showCheck(box, photos, plan.check, actions);
    } else {
      showRefusal(box, photos, error, actions);
      setPlan({ refusal: messageOf(error) });
      say(messageOf(error));
    }
  }
}

/** @type {(name: string, checked: boolean) => void} */
function tick(name, checked) {
  setPlan({ ticks: { ...plan.ticks, [name]: checked } });
}

/** @param {string} sentence */
function say(sentence) {
  part("photos-said").textContent = sentence;
}
